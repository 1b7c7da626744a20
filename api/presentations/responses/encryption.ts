import { compactDecrypt, decodeProtectedHeader, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { isObject, type JsonObject, parseJson } from "../../../core/json";
import { decodeBase64url } from "../../../core/keys/verifyJws";
import { unproven } from "../rejection";
import { CONTENT_ENCRYPTIONS, type EncryptionJwk } from "../requests/requestObject";

/** Longer than any response that holds what queries may ask for. */
export const MAX_RESPONSE_BYTES = 512 * 1024;

/**
 * Makes the key that a wallet encrypts its response to: ECDH-ES on P-256, fresh for each request, since a key that
 * serves twice would tell one verifier's requests from another's (HAIP 1.0 §5).
 *
 * @param kid finds the request when its response comes
 * @returns the public JWK and the private one, which must be stored sealed
 */
export async function generateEncryptionKey(kid: string): Promise<{ publicJwk: EncryptionJwk; privateJwk: JWK }> {
  const { privateKey } = await generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
  const { x, y, d } = await exportJWK(privateKey);
  if (x === undefined || y === undefined || d === undefined) throw new RangeError("a P-256 key has x, y and d");
  const publicJwk: EncryptionJwk = { kty: "EC", crv: "P-256", x, y, kid, use: "enc", alg: "ECDH-ES" };
  return { publicJwk, privateJwk: { ...publicJwk, d } };
}

/**
 * The `kid` of an encrypted response, by which its request is found (OpenID4VP 1.0 §8.3.1): before it is decrypted,
 * nothing else of it can be read.
 *
 * @throws PresentationRejection `response_malformed`
 */
export function keyIdOf(jwe: string): string {
  let header: { kid?: unknown; zip?: unknown };
  try {
    // One response has one spelling: jose takes base64url that is not canonical.
    jwe.split(".").forEach((part) => decodeBase64url(part));
    header = decodeProtectedHeader(jwe);
  } catch {
    throw malformed("The response is no compact JWE.");
  }
  // A few bytes could inflate to many.
  if (header.zip !== undefined) throw malformed("The response is compressed (zip), which is not supported.");
  if (typeof header.kid !== "string") throw malformed("The response does not name its key (kid).");
  return header.kid;
}

/**
 * Decrypts a response (RFC 7516, `ECDH-ES` with A128GCM or A256GCM).
 *
 * @returns the response's parameters
 * @throws PresentationRejection `response_malformed` when it was encrypted to another key, or altered
 */
export async function decryptResponse(jwe: string, privateJwk: JWK): Promise<JsonObject> {
  const key = await importJWK(privateJwk, "ECDH-ES");
  const options = { keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: [...CONTENT_ENCRYPTIONS] };
  try {
    const { plaintext } = await compactDecrypt(jwe, key, options);
    const value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(plaintext));
    if (isObject(value)) return value;
  } catch {
    throw malformed("The response cannot be decrypted with this request's key.");
  }
  throw malformed("The decrypted response is no JSON object.");
}

function malformed(message: string) {
  return unproven("response_malformed", message);
}
