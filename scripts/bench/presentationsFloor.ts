import { createHash, createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import { compactDecrypt, importJWK } from "jose";
import type { BenchPresentation } from "./presentationsWallet";

/**
 * The cryptography that no verification can do without, by jose and node:crypto alone: one decryption, two signatures,
 * a hash of each disclosure and one of what was presented. Whether the issuer's certificate was issued by its authority
 * is not among it: it is the same for all credentials of an issuer.
 */
export async function runFloor(issuerKey: KeyObject, presentation: BenchPresentation): Promise<void> {
  const { jwe, privateJwk, issuerJwt, disclosures, keyBindingJwt, holderJwk } = presentation;
  const options = { keyManagementAlgorithms: ["ECDH-ES"], contentEncryptionAlgorithms: ["A128GCM", "A256GCM"] };
  await compactDecrypt(jwe, await importJWK(privateJwk, "ECDH-ES"), options);
  requireSigned(issuerJwt, issuerKey);
  requireSigned(keyBindingJwt, createPublicKey({ key: holderJwk as JsonWebKey, format: "jwk" }));
  for (const disclosure of disclosures) createHash("sha256").update(disclosure, "ascii").digest("base64url");
  createHash("sha256")
    .update([issuerJwt, ...disclosures, ""].join("~"), "ascii")
    .digest("base64url");
}

function requireSigned(jws: string, key: KeyObject): void {
  const at = jws.lastIndexOf(".");
  const signature = Buffer.from(jws.slice(at + 1), "base64url");
  if (!verify("sha256", Buffer.from(jws.slice(0, at)), { key, dsaEncoding: "ieee-p1363" }, signature)) {
    throw new Error("a signature does not verify");
  }
}
