import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { getBytes, hexlify, toBeHex } from "ethers";

/** What `navigator.credentials.get` gives a page (Web Authentication Level 2, section 5.2.2). */
export interface AssertionResponse {
  authenticatorData: ArrayBuffer;
  clientDataJSON: ArrayBuffer;
  /** ECDSA in DER, with whatever s comes out. */
  signature: ArrayBuffer;
}

/** What a test wants otherwise than an honest platform does it. */
export interface AssertionOptions {
  /** Bits of the authenticator data: 0x01 user present, 0x04 user verified, 0x08 and 0x10 backed up. */
  flags?: number;
  type?: string;
}

/** A passkey in a platform's authenticator. */
export interface Passkey {
  privateKey: KeyObject;
  /** As `getPublicKey()` gives it (SubjectPublicKeyInfo), in base64url. */
  publicKey: string;
  jwk: { kty: "EC"; crv: "P-256"; x: string; y: string };
  /** Asks the holder, who agrees. @param challenge `0x` and hexadecimal digits */
  get(challenge: string, options?: AssertionOptions): AssertionResponse;
}

/** The order of the curve P-256 (FIPS 186-5; SEC 2, section 2.4.2). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const ORIGIN = "https://cairn.example";

/** Makes a passkey of a new P-256 key. */
export function createPasskey(): Passkey {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey,
    publicKey: publicKey.export({ format: "der", type: "spki" }).toString("base64url"),
    jwk: publicKey.export({ format: "jwk" }) as Passkey["jwk"],
    get: (challenge, options) => assertion(privateKey, challenge, options),
  };
}

function assertion(privateKey: KeyObject, challenge: string, options: AssertionOptions = {}): AssertionResponse {
  const relyingParty = createHash("sha256").update(new URL(ORIGIN).hostname).digest();
  // Present, verified, eligible for backup and backed up, as synchronized passkeys are; no signature counter.
  const flags = getBytes(toBeHex(options.flags ?? 0x1d, 1));
  const authenticatorData = Buffer.concat([relyingParty, flags, Buffer.alloc(4)]);
  const clientDataJSON = Buffer.from(
    JSON.stringify({
      type: options.type ?? "webauthn.get",
      challenge: Buffer.from(getBytes(challenge)).toString("base64url"),
      origin: ORIGIN,
      crossOrigin: false,
    }),
  );
  const clientDataHash = createHash("sha256").update(clientDataJSON).digest();
  const signature = sign("sha256", Buffer.concat([authenticatorData, clientDataHash]), privateKey);
  return {
    authenticatorData: bufferOf(authenticatorData),
    clientDataJSON: bufferOf(clientDataJSON),
    signature: bufferOf(signature),
  };
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

/** The code that docs/passkeys.md gives to pages. */
interface PageCode {
  passkeySignature(signaturePrefix: string, response: AssertionResponse): string;
}

/** Runs the first block of JavaScript in docs/passkeys.md. */
function loadPageCode(): PageCode {
  const page = readFileSync(join(__dirname, "..", "..", "docs", "passkeys.md"), "utf8");
  const code = /```js\n([\s\S]*?)```/.exec(page)?.[1];
  if (code === undefined) throw new Error("docs/passkeys.md has no code for pages");
  return runInNewContext(`${code}; ({ passkeySignature })`, { TextDecoder, Uint8Array, ArrayBuffer }) as PageCode;
}

/** The signature of a key account by a passkey, made by the code of docs/passkeys.md. */
export const { passkeySignature } = loadPageCode();

/**
 * The twin of a signature of P-256, with the other s, `order - s`, which anyone can compute.
 *
 * @param from where s begins, in bytes
 */
export function withOtherS(signature: string, from: number): string {
  const bytes = getBytes(signature);
  const s = BigInt(hexlify(bytes.subarray(from, from + 32)));
  bytes.set(getBytes(toBeHex(P256_ORDER - s, 32)), from);
  return hexlify(bytes);
}
