import { unproven } from "../rejection";
import { holderByKeyId, holderOf } from "./holderKey";
import { emptyObject, isObject, type Json, type JsonObject } from "../../../core/json";
import { isJwsAlgorithm, type ParsedJws, parseJws, verifyJws } from "../../../core/keys/verifyJws";
import { type ProofTarget, verifyFreshness } from "./keyBinding";
import type { HolderVerifier, KeyPorts, ProvenCredential } from "./rules";
import { MAX_PRESENTATION_BYTES } from "./sdJwtVc";
import { statusesOf } from "./statuses";
import { dateOf, earlier, later, timeOf } from "./times";

/** Where types that no context maps are expanded to in our credentials (VCDM 2.0 Annex B.2.4). */
const UNDEFINED_TERMS = "https://www.w3.org/ns/credentials/undefined-term#";
const CREDENTIALS_VOCABULARY = "https://www.w3.org/2018/credentials#";

/**
 * Verifies a verifiable presentation as JWT, with one credential as JWT inside, up to where it is shown that its issuer
 * signed it and its holder answered this request (OpenID4VP 1.0 Annex B.1.3.1). The credential may be of VCDM 1.1 (a
 * `vc` claim) or, as Cairn's are, of VCDM 2.0 (`vc+jwt`, VC-JOSE-COSE §3.1.1).
 *
 * @throws PresentationRejection that leaves the request open
 * @throws TransientError when the issuer's keys or the chain cannot be asked
 */
export async function proveJwtVc(
  ports: KeyPorts,
  presentation: string,
  target: ProofTarget,
): Promise<ProvenCredential> {
  if (presentation.length > MAX_PRESENTATION_BYTES) throw malformed("The presentation is too large.");
  const vp = parse(presentation, "presentation");
  const { iss: holder, vp: content } = vp.payload;
  const credentials = isObject(content) ? content["verifiableCredential"] : undefined;
  const credential = Array.isArray(credentials) ? credentials[0] : undefined;
  if (typeof holder !== "string") throw malformed("The presentation has no iss.");
  if (typeof credential !== "string" || (credentials as Json[]).length !== 1) {
    throw malformed("The presentation must hold one credential, as JWT (vp.verifiableCredential).");
  }

  const vc = parse(credential, "credential");
  const issuer = vc.payload["iss"];
  if (typeof issuer !== "string") throw malformed("The credential has no iss.");
  const { key, distrust, authorityKeyIds } = await ports.issuerKey(issuer, vc.header);
  if (!verifyJws(vc, key)) throw unproven("issuer_signature_invalid", "The credential is not signed by its issuer.");

  const verifyHolder = await verifierOf(ports, vp.header, vc.payload, holder);
  verifyProof(vp, verifyHolder, target);

  const claims = credentialOf(vc);
  if (subjectOf(vc.payload, claims) !== holder) {
    throw unproven("holder_binding_invalid", "The credential's subject is not who presents it.");
  }
  // VCDM 1.1 has other names for its times.
  const { credentialStatus, validFrom, issuanceDate, validUntil, expirationDate } = claims;
  return {
    format: "jwt_vc_json",
    credential,
    claims,
    issuer,
    trust: { distrust, authorityKeyIds },
    types: typesOf(claims),
    validFrom: later(dateOf(vc.payload["nbf"], "nbf"), timeOf(validFrom ?? issuanceDate, "validFrom")),
    validUntil: earlier(dateOf(vc.payload["exp"], "exp"), timeOf(validUntil ?? expirationDate, "validUntil")),
    statuses: statusesOf(credentialStatus),
  };
}

function parse(jwt: string, what: "presentation" | "credential"): ParsedJws {
  let jws: ParsedJws;
  try {
    jws = parseJws(jwt);
  } catch (error) {
    throw malformed(`The ${what} is malformed: ${(error as Error).message}`);
  }
  if (!isJwsAlgorithm(jws.header["alg"])) {
    throw unproven("algorithm_not_allowed", `The ${what}'s signature algorithm is not allowed.`);
  }
  return jws;
}

/** The issuer's word on the holder's key (`cnf`) outweighs what the holder names. */
async function verifierOf(
  ports: KeyPorts,
  header: JsonObject,
  credential: JsonObject,
  holder: string,
): Promise<HolderVerifier> {
  if (credential["cnf"] !== undefined) return holderOf(ports, credential["cnf"]);
  const keyId = header["kid"] ?? holder;
  if (typeof keyId !== "string" || keyId.split("#")[0] !== holder) {
    throw unproven("holder_binding_invalid", "The presentation's kid is of another DID than its iss.");
  }
  return holderByKeyId(ports, keyId);
}

function verifyProof(vp: ParsedJws, verifyHolder: HolderVerifier, { nonce, audience, now }: ProofTarget): void {
  const { aud, iat, exp, nbf } = vp.payload;
  if (!verifyHolder(vp)) throw unproven("holder_binding_invalid", "The presentation is not signed by the holder.");
  verifyFreshness(iat ?? nbf, exp, now);
  if (aud !== audience) throw unproven("audience_mismatch", "The presentation is made for another verifier.");
  if (vp.payload["nonce"] !== nonce) throw unproven("nonce_mismatch", "The presentation answers another request.");
}

/** The credential itself: the `vc` claim of VCDM 1.1, or the whole payload of VCDM 2.0. */
function credentialOf({ header, payload }: ParsedJws): JsonObject {
  if (isObject(payload["vc"])) return payload["vc"];
  if (header["typ"] !== "vc+jwt") throw malformed("The credential has neither a vc claim nor the type vc+jwt.");
  const registered = ["iss", "sub", "jti", "iat", "nbf", "exp", "cnf"];
  const credential = emptyObject();
  for (const [name, member] of Object.entries(payload)) if (!registered.includes(name)) credential[name] = member;
  return credential;
}

function subjectOf(payload: JsonObject, { credentialSubject }: JsonObject): Json | undefined {
  const subject = isObject(credentialSubject) ? credentialSubject["id"] : undefined;
  const { sub } = payload;
  if (sub !== undefined && subject !== undefined && sub !== subject) return undefined;
  return sub ?? subject;
}

/** As written and, where known, as expanded: queries name either (OpenID4VP 1.0 Annex B.1.1). */
function typesOf({ type }: JsonObject): string[] {
  const written = (Array.isArray(type) ? type : [type]).filter((name): name is string => typeof name === "string");
  return written.flatMap((name) => {
    if (name.includes(":")) return [name];
    const vocabulary = name === "VerifiableCredential" ? CREDENTIALS_VOCABULARY : UNDEFINED_TERMS;
    return [name, vocabulary + name];
  });
}

function malformed(message: string) {
  return unproven("credential_malformed", message);
}
