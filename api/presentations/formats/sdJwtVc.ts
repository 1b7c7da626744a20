import type { JsonObject } from "../../../core/json";
import { discloseClaims } from "../../../core/sdJwt/disclosures";
import { invalid, unproven } from "../rejection";
import { statusesOf } from "./statuses";
import { holderOf } from "./holderKey";
import { isJwsAlgorithm, type ParsedJws, parseJws, verifyJws } from "../../../core/keys/verifyJws";
import { type ProofTarget, verifyKeyBinding } from "./keyBinding";
import type { KeyPorts, ProvenCredential } from "./rules";
import { dateOf } from "./times";

/** No credential that people carry comes near; a larger one costs more to hash than it is worth. */
export const MAX_PRESENTATION_BYTES = 100_000;

/**
 * Verifies a presented SD-JWT VC up to where it is shown that its issuer signed it and its holder answered this request
 * (RFC 9901 §7.1 and §7.3, SD-JWT VC §2.4, OpenID4VP 1.0 Annex B.3).
 *
 * @param presentation `<issuer-signed JWT>~<disclosure>~...~<Key Binding JWT>`
 * @throws PresentationRejection that leaves the request open
 * @throws TransientError when the issuer's keys or the chain cannot be asked
 */
export async function proveSdJwtVc(
  ports: KeyPorts,
  presentation: string,
  target: ProofTarget,
): Promise<ProvenCredential> {
  if (presentation.length > MAX_PRESENTATION_BYTES) throw malformed("The SD-JWT is too large.");
  const [issuerJwt = "", ...rest] = presentation.split("~");
  const keyBindingJwt = rest.pop();
  // Our queries demand binding: what came must not decide whether it is verified (RFC 9901 §9.5).
  if (!keyBindingJwt) throw unproven("holder_binding_missing", "The SD-JWT comes without a Key Binding JWT.");

  const jws = parseIssuerJwt(issuerJwt);
  const { header, payload } = jws;
  const issuer = payload["iss"];
  if (issuer !== undefined && typeof issuer !== "string") throw malformed("iss is no string.");
  const { key, distrust, authorityKeyIds } = await ports.issuerKey(issuer, header);
  if (!verifyJws(jws, key)) throw unproven("issuer_signature_invalid", "The credential is not signed by its issuer.");

  const claims = claimsOf(payload, rest);
  const presented = presentation.slice(0, presentation.length - keyBindingJwt.length);
  verifyKeyBinding(keyBindingJwt, presented, await holderOf(ports, payload["cnf"]), target);

  const { vct, status } = claims;
  if (typeof vct !== "string") throw invalid("credential_malformed", "The credential has no vct.");
  return {
    format: "dc+sd-jwt",
    credential: presented,
    claims,
    issuer: issuer ?? "",
    trust: { distrust, authorityKeyIds },
    types: [vct],
    validFrom: dateOf(claims["nbf"], "nbf"),
    validUntil: dateOf(claims["exp"], "exp"),
    statuses: statusesOf(status),
  };
}

function parseIssuerJwt(issuerJwt: string): ParsedJws {
  let jws: ParsedJws;
  try {
    jws = parseJws(issuerJwt);
  } catch (error) {
    throw malformed(`The issuer's JWT is malformed: ${(error as Error).message}`);
  }
  const { header } = jws;
  if (header["typ"] !== "dc+sd-jwt") throw malformed("The credential's typ is not dc+sd-jwt.");
  if (!isJwsAlgorithm(header["alg"])) {
    throw unproven("algorithm_not_allowed", "The credential's signature algorithm is not allowed.");
  }
  return jws;
}

function claimsOf(payload: JsonObject, disclosures: string[]): JsonObject {
  try {
    return discloseClaims(payload, disclosures);
  } catch (error) {
    if (error instanceof SyntaxError) throw unproven("disclosure_invalid", error.message);
    throw error;
  }
}

function malformed(message: string) {
  return unproven("credential_malformed", message);
}
