import { expect } from "chai";
import { generateKeyPairSync, sign } from "node:crypto";
import { assertPossession, possessionSigningBytes } from "../../../core/keys/devicePossession";
import { DomainError } from "../../../core/errors";

const CHALLENGE = "55555555-5555-4555-8555-555555555555";

function device() {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const raw = Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  return {
    raw,
    prove: (challengeId: string, key = raw) =>
      sign(null, possessionSigningBytes({ challengeId, publicKey: key }), privateKey),
  };
}

function codeOf(input: Parameters<typeof assertPossession>[0]): string | undefined {
  try {
    assertPossession(input);
    return undefined;
  } catch (thrown) {
    return thrown instanceof DomainError ? thrown.code : String(thrown);
  }
}

describe("the proof that a device holds the key it registers", () => {
  const own = device();
  const other = device();

  it("is accepted when made by this key for this challenge", () => {
    expect(codeOf({ challengeId: CHALLENGE, publicKey: own.raw, proof: own.prove(CHALLENGE) })).to.equal(undefined);
  });

  it("is refused when made for another challenge, by another key, of another key, or cut short", () => {
    const proofs = [
      own.prove(CHALLENGE.replace("5", "6")),
      other.prove(CHALLENGE, own.raw),
      own.prove(CHALLENGE, other.raw),
      own.prove(CHALLENGE).subarray(1),
      Buffer.alloc(0),
    ];
    for (const proof of proofs) {
      expect(codeOf({ challengeId: CHALLENGE, publicKey: own.raw, proof })).to.equal("key.possession_unproven");
    }
  });

  it("does not help a weak key, which any keyless signature would prove", () => {
    const neutral = Buffer.from(`01${"00".repeat(31)}`, "hex");
    const keyless = Buffer.concat([neutral, Buffer.alloc(32)]);
    expect(codeOf({ challengeId: CHALLENGE, publicKey: neutral, proof: keyless })).to.equal("key.weak");
  });

  it("is of no use with a key that is not 32 bytes", () => {
    const proof = own.prove(CHALLENGE);
    expect(codeOf({ challengeId: CHALLENGE, publicKey: own.raw.subarray(1), proof })).to.equal("key.malformed");
  });
});
