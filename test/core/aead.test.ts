import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { deriveKey, KEY_BYTES, seal, unseal, UnsealError } from "../../core/aead";

describe("sealing", () => {
  const key = randomBytes(KEY_BYTES);

  it("opens with the same key and associated data", () => {
    for (const plaintext of ["", "secret", "s".repeat(100_000), Buffer.from([0, 255, 128])]) {
      const sealed = seal(key, plaintext, "account 1");
      expect(unseal(key, sealed, "account 1")).to.deep.equal(Buffer.from(plaintext));
    }
  });

  it("is AES-256-GCM with a tag of 16 bytes: test case 14 of McGrew and Viega", () => {
    const zeros = Buffer.alloc(12);
    const ciphertext = Buffer.from("cea7403d4d606b6e074ec5d3baf39d18", "hex");
    const tag = Buffer.from("d0d1c8a799996bf0265b98b5d48ab919", "hex");
    const sealed = Buffer.concat([zeros, ciphertext, tag]).toString("base64url");
    expect(unseal(Buffer.alloc(32), sealed, "")).to.deep.equal(Buffer.alloc(16));
  });

  it("does not open with another key, other associated data, or one bit changed anywhere", () => {
    const sealed = seal(key, "secret", "account 1");
    expect(() => unseal(randomBytes(KEY_BYTES), sealed, "account 1")).to.throw(UnsealError);
    expect(() => unseal(key, sealed, "account 2")).to.throw(UnsealError);
    const bytes = Buffer.from(sealed, "base64url");
    for (let index = 0; index < bytes.length; index += 1) {
      const altered = Buffer.from(bytes);
      altered[index]! ^= 1;
      expect(() => unseal(key, altered.toString("base64url"), "account 1"), `byte ${index}`).to.throw(UnsealError);
    }
    for (let length = 0; length < bytes.length; length += 1) {
      const cut = bytes.subarray(0, length).toString("base64url");
      expect(() => unseal(key, cut, "account 1"), `${length} bytes`).to.throw(UnsealError);
    }
  });

  it("never uses an IV twice", () => {
    const ivs = Array.from({ length: 1_000 }, () => seal(key, "same", "same").slice(0, 16));
    expect(new Set(ivs).size).to.equal(1_000);
  });

  it("derives keys by HKDF-SHA256: RFC 5869 appendix A.3, and another for each purpose", () => {
    const secret = Buffer.alloc(22, 0x0b);
    expect(deriveKey(secret, "").toString("hex")).to.equal(
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
    );
    expect(deriveKey(secret, "a")).not.to.deep.equal(deriveKey(secret, "b"));
  });
});
