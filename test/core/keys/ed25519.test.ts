import { expect } from "chai";
import { generateKeyPairSync, sign } from "node:crypto";
import { assertAcceptableKey, importPublicKey, verifyEd25519 } from "../../../core/keys/ed25519";
import { type DomainError } from "../../../core/errors";

const P = 2n ** 255n - 19n;
/** The order of the group. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const Y8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;

const littleEndian = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex").reverse();

/** A point as RFC 8032 §5.1.2 encodes it. */
const point = (y: bigint, sign: 0n | 1n = 0n) => littleEndian(y | (sign << 255n));

const SMALL_ORDER: [what: string, y: bigint][] = [
  ["order 1", 1n],
  ["order 2", P - 1n],
  ["order 4", 0n],
  ["order 8", Y8],
  ["order 8, negative", P - Y8],
];

function codeOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (thrown) {
    return (thrown as DomainError).code;
  }
}

function generated() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return { privateKey, raw: Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url") };
}

describe("an Ed25519 public key", () => {
  for (const [what, y] of SMALL_ORDER) {
    for (const sign of [0n, 1n] as const) {
      it(`of ${what}, sign ${sign}, is refused: weak`, () => {
        expect(codeOf(() => assertAcceptableKey(point(y, sign)))).to.equal("key.weak");
      });
    }
  }

  it("whose y is not below 2^255 - 19 is refused, for all 19 such values and either sign", () => {
    for (let y = P; y < 2n ** 255n; y += 1n) {
      for (const sign of [0n, 1n] as const) {
        expect(
          codeOf(() => assertAcceptableKey(point(y, sign))),
          `p + ${y - P}`,
        ).to.equal("key.malformed");
      }
    }
  });

  it("of any other length is refused", () => {
    for (const length of [0, 31, 33, 64]) {
      expect(codeOf(() => assertAcceptableKey(Buffer.alloc(length, 7)))).to.equal("key.malformed");
      expect(() => importPublicKey(Buffer.alloc(length, 7))).to.throw(RangeError);
    }
  });

  it("that was generated is accepted", () => {
    for (let round = 0; round < 64; round += 1) assertAcceptableKey(generated().raw);
  });

  it("must be refused at registration, because verifying does not: no private key, and every message fits", () => {
    // R is the neutral point and S is 0, so that S·B = R + k·A holds for the neutral A, whatever was signed.
    const keyless = Buffer.concat([point(1n), Buffer.alloc(32)]);
    const fitting = (raw: Buffer) =>
      Array.from({ length: 64 }, (_, n) => Buffer.from(`message ${n}`)).filter((data) =>
        verifyEd25519({ key: importPublicKey(raw), data, signature: keyless }),
      );
    expect(fitting(point(1n))).to.have.length(64);
    expect(fitting(point(P + 1n))).to.have.length(64);
    expect(fitting(generated().raw)).to.have.length(0);
  });
});

describe("an Ed25519 signature", () => {
  const { privateKey, raw } = generated();
  const key = importPublicKey(raw);
  const data = Buffer.from("what is signed");
  const signature = sign(null, data, privateKey);
  const verified = (changed: Uint8Array) => verifyEd25519({ key, data, signature: changed });

  it("is verified over what was signed, and over nothing else", () => {
    expect(verified(signature)).to.equal(true);
    expect(verifyEd25519({ key, data: Buffer.from("what is signed!"), signature })).to.equal(false);
    expect(verifyEd25519({ key: importPublicKey(generated().raw), data, signature })).to.equal(false);
  });

  it("is refused with any one bit flipped", () => {
    for (let bit = 0; bit < 512; bit += 1) {
      const flipped = Buffer.from(signature);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(verified(flipped), `bit ${bit}`).to.equal(false);
    }
  });

  it("has one spelling: S plus the group's order is refused", () => {
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString("hex")}`);
    expect(verified(Buffer.concat([signature.subarray(0, 32), littleEndian(s + L)]))).to.equal(false);
  });

  it("has one spelling: an R that is not canonical is refused", () => {
    // Under the neutral key R = 1 fits with S = 0; p + 1 is the same point, spelled otherwise.
    const neutral = importPublicKey(point(1n));
    const withR = (y: bigint) => Buffer.concat([point(y), Buffer.alloc(32)]);
    expect(verifyEd25519({ key: neutral, data, signature: withR(1n) })).to.equal(true);
    expect(verifyEd25519({ key: neutral, data, signature: withR(P + 1n) })).to.equal(false);
  });

  it("of any other length is refused", () => {
    for (const length of [0, 63, 65]) {
      expect(verified(Buffer.concat([signature, signature]).subarray(0, length))).to.equal(false);
    }
  });

  it("under a key that is no point of the curve is refused", () => {
    // y = 2 has no x (RFC 8032 §5.1.3).
    expect(verifyEd25519({ key: importPublicKey(point(2n)), data, signature })).to.equal(false);
  });
});
