import { expect } from "chai";
import fc from "fast-check";
import { Signature, SigningKey, Wallet, computeAddress, getBytes, hexlify, id, toBeHex } from "ethers";
import { parseSignature, recoverAddress, recovery, toRecoverableHex } from "../../chain/signature";
import { DomainError } from "../../core/errors";

const ORDER = BigInt("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
const WAYS = recovery === "native" ? (["native", "javascript"] as const) : (["javascript"] as const);

describe("an Ethereum signature", () => {
  const key = new SigningKey(Wallet.createRandom().privateKey);
  const address = computeAddress(key.publicKey).toLowerCase();
  const digest = id("something");
  const good = key.sign(digest);

  function refusal(signature: string): string {
    try {
      return recoverAddress(digest, signature);
    } catch (error) {
      if (error instanceof DomainError) return error.code;
      throw error;
    }
  }

  for (const way of WAYS) {
    it(`gives the signer's address in every accepted form (${way})`, () => {
      const bare = good.r + good.s.slice(2);
      for (const form of [good.serialized, good.compactSerialized, `${bare}0${good.yParity}`]) {
        expect(recoverAddress(digest, form, way)).to.equal(address);
      }
    });
  }

  it("is read the same natively and in JavaScript, for random keys and digests", function () {
    if (WAYS.length < 2) this.skip();
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(bytes32, bytes32, (random, message) => {
        const signer = new SigningKey(id(hexlify(random)));
        const { serialized } = signer.sign(message);
        const expected = computeAddress(signer.publicKey).toLowerCase();
        const found = WAYS.map((way) => recoverAddress(hexlify(message), serialized, way));
        return found.every((one) => one === expected);
      }),
      { numRuns: 25 },
    );
  });

  it("is refused with a high s, the twin anyone can make", () => {
    const s = toBeHex(ORDER - BigInt(good.s), 32).slice(2);
    expect(refusal(`${good.r}${s}${good.yParity === 0 ? "1c" : "1b"}`)).to.equal("signature.malformed");
    expect(refusal(`${good.r}${s}${good.yParity === 0 ? "01" : "00"}`)).to.equal("signature.malformed");
  });

  it("is refused in any other form", () => {
    const { serialized } = good;
    const rest = serialized.slice(0, -2);
    const forms = ["0x", serialized.slice(2), `${rest}1`, `${serialized}00`, `${rest}1d`, `${rest}02`];
    for (const form of forms) expect(refusal(form), form).to.equal("signature.malformed");
    expect(refusal(`0x${"zz".repeat(65)}`)).to.equal("signature.malformed");
  });

  it("is refused where no key can have made it", () => {
    const zero = "00".repeat(32);
    expect(refusal(`0x${zero}${good.s.slice(2)}1b`)).to.equal("signature.malformed");
    expect(refusal(`${good.r}${zero}1b`)).to.equal("signature.malformed");
    expect(refusal(`${toBeHex(ORDER, 32)}${good.s.slice(2)}1b`)).to.equal("signature.malformed");
  });

  it("is given to the contract in 65 bytes with v 27 or 28", () => {
    for (const form of [good.serialized, good.compactSerialized]) {
      const normal = toRecoverableHex(parseSignature(form));
      expect(getBytes(normal)).to.have.length(65);
      expect(normal).to.equal(Signature.from(good).serialized);
    }
  });
});
