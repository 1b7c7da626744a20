import { createECDH, createHash } from "node:crypto";
import { AbiCoder, concat, getBytes, hexlify, toBeHex } from "ethers";

/** The order of the curve P-256 (FIPS 186-5; SEC 2, section 2.4.2). */
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** A key of P-256, as passkeys and secure elements have them. */
export interface P256Key {
  /** x and y of the public key, 64 bytes. */
  publicKey: string;
  /** r and s over a digest as it is, 64 bytes, with the low `s`. Deterministic. */
  sign(digest: string): string;
}

/** What a browser's `navigator.credentials.get` gives a page, as far as a test wants it otherwise. */
export interface AssertionOptions {
  /** The first byte after the relying party's hash; `0x05`: user present and verified. */
  flags?: number;
  type?: string;
}

/** The key that a text names. */
export function p256Key(name: string): P256Key {
  const secret = scalarOf(`${name} secret`);
  const publicKey = hexlify(pointOf(secret));
  return { publicKey, sign: (digest) => signDigest(secret, digest) };
}

/**
 * A WebAuthn assertion over a challenge (Web Authentication Level 2, section 6.3.3), as OpenZeppelin's verifier reads it:
 * the fields of its struct `WebAuthnAuth`, ABI-encoded one after the other.
 */
export function webAuthnAssertion(key: P256Key, challenge: string, options: AssertionOptions = {}): string {
  const relyingParty = createHash("sha256").update("example.com").digest();
  const authenticatorData = concat([relyingParty, toBeHex(options.flags ?? 0x05, 1), "0x00000001"]);
  const encodedChallenge = Buffer.from(getBytes(challenge)).toString("base64url");
  const type = options.type ?? "webauthn.get";
  const clientDataJson = `{"type":"${type}","challenge":"${encodedChallenge}","origin":"https://example.com"}`;
  const clientDataHash = createHash("sha256").update(clientDataJson).digest();
  const message = concat([authenticatorData, clientDataHash]);
  const signature = key.sign(hexlify(createHash("sha256").update(getBytes(message)).digest()));
  return AbiCoder.defaultAbiCoder().encode(
    ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"],
    [
      signature.slice(0, 66),
      `0x${signature.slice(66)}`,
      clientDataJson.indexOf('"challenge"'),
      clientDataJson.indexOf('"type"'),
      authenticatorData,
      clientDataJson,
    ],
  );
}

// ECDSA by its formulas (SEC 1, section 4.1.3): Node's own `sign` hashes what it is given, and ERC-7913 hands over a
// digest that is to be signed as it is.
function signDigest(secret: bigint, digest: string): string {
  const ephemeral = scalarOf(`${secret} ${digest}`);
  const r = BigInt(hexlify(pointOf(ephemeral).subarray(0, 32))) % P256_ORDER;
  const s = (inverse(ephemeral) * (BigInt(digest) + r * secret)) % P256_ORDER;
  const lowS = s > P256_ORDER / 2n ? P256_ORDER - s : s;
  return concat([toBeHex(r, 32), toBeHex(lowS, 32)]);
}

function scalarOf(text: string): bigint {
  const hash = createHash("sha256").update(text).digest("hex");
  return (BigInt(`0x${hash}`) % (P256_ORDER - 1n)) + 1n;
}

function pointOf(scalar: bigint): Buffer {
  const curve = createECDH("prime256v1");
  curve.setPrivateKey(Buffer.from(scalar.toString(16).padStart(64, "0"), "hex"));
  return curve.getPublicKey().subarray(1);
}

/** By Fermat: the order is prime. */
function inverse(value: bigint): bigint {
  let result = 1n;
  let base = value % P256_ORDER;
  for (let exponent = P256_ORDER - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % P256_ORDER;
    base = (base * base) % P256_ORDER;
  }
  return result;
}
