import { CLOCK_SKEW_SECONDS } from "../formats/keyBinding";
import type { DcqlQuery } from "../dcql/query";
import { unsatisfiedBy } from "../dcql/rules";
import { isObject, type Json } from "../../../core/json";
import { proveJwtVc } from "../formats/jwtVc";
import type { ProofTarget } from "../formats/keyBinding";
import type { KeyPorts, ProvenCredential } from "../formats/rules";
import { proveSdJwtVc } from "../formats/sdJwtVc";
import { invalid, unproven } from "../rejection";

/** What verifying a response needs to know of the world. */
export interface ResponsePorts extends KeyPorts {
  /**
   * Rejects a credential that is revoked or suspended.
   *
   * @throws PresentationRejection
   * @throws TransientError when whoever knows cannot be asked
   */
  requireUnrevoked(credential: ProvenCredential, now: Date): Promise<void>;
}

/** What was presented, by the credential query's id. */
export type Presented = ReadonlyMap<string, ProvenCredential[]>;

/**
 * Reads a `vp_token` (OpenID4VP 1.0 §8.1): an object that has, for each credential query that is answered, an array of
 * presentations.
 *
 * @throws PresentationRejection `response_malformed`
 */
export function readVpToken(vpToken: Json | undefined, query: DcqlQuery): Map<string, string[]> {
  if (!isObject(vpToken)) throw malformed("vp_token is no JSON object.");
  const result = new Map<string, string[]>();
  for (const [id, presentations] of Object.entries(vpToken)) {
    const asked = query.credentials.find((credential) => credential.id === id);
    if (asked === undefined) throw malformed("vp_token answers a credential query that was not asked.");
    if (!Array.isArray(presentations) || presentations.length === 0 || presentations.length > MAX_PRESENTATIONS) {
      throw malformed(`vp_token.${id} is no array of 1 to ${MAX_PRESENTATIONS} presentations.`);
    }
    if (presentations.length > 1 && !asked.multiple)
      throw malformed(`vp_token.${id} holds more than one presentation.`);
    if (!presentations.every((item) => typeof item === "string")) throw malformed(`vp_token.${id} holds no strings.`);
    result.set(id, presentations);
  }
  if (result.size === 0) throw malformed("vp_token is empty.");
  return result;
}

/**
 * Verifies all presentations of a response. Those which anybody could have sent are rejected before any is judged, so
 * that nobody but the holder can close a request.
 *
 * @throws PresentationRejection saying whether the request stays open
 * @throws TransientError when keys, the chain or a status list cannot be asked; nothing is decided then
 */
export async function verifyResponse(
  ports: ResponsePorts,
  input: { query: DcqlQuery; acceptedIssuers: string[]; vpToken: Json | undefined; target: ProofTarget },
): Promise<Presented> {
  const { query, acceptedIssuers, vpToken, target } = input;
  const presented = new Map<string, ProvenCredential[]>();
  for (const [id, presentations] of readVpToken(vpToken, query)) {
    const format = query.credentials.find((credential) => credential.id === id)?.format;
    const prove = format === "jwt_vc_json" ? proveJwtVc : proveSdJwtVc;
    presented.set(id, await Promise.all(presentations.map((presentation) => prove(ports, presentation, target))));
  }
  const all = [...presented.values()].flat();
  for (const credential of all) {
    requireTrustedAndCurrent(credential, target.now);
    requireAccepted(credential, acceptedIssuers);
  }
  await Promise.all(all.map((credential) => ports.requireUnrevoked(credential, target.now)));
  const reason = unsatisfiedBy(query, presented);
  if (reason !== null) throw invalid("query_not_satisfied", reason);
  return presented;
}

const MAX_PRESENTATIONS = 16;

function requireTrustedAndCurrent({ trust, validFrom, validUntil }: ProvenCredential, now: Date): void {
  if (trust.distrust !== null) throw invalid("issuer_not_trusted", trust.distrust);
  const skewMs = CLOCK_SKEW_SECONDS * 1000;
  if (validUntil !== null && validUntil.getTime() <= now.getTime() - skewMs) {
    throw invalid("credential_expired", "The credential expired.");
  }
  if (validFrom !== null && validFrom.getTime() > now.getTime() + skewMs) {
    throw invalid("credential_not_yet_valid", "The credential is not valid yet.");
  }
}

/** Who asked may accept fewer issuers than this registry trusts. */
function requireAccepted({ issuer }: ProvenCredential, acceptedIssuers: string[]): void {
  if (acceptedIssuers.length === 0 || acceptedIssuers.includes(issuer)) return;
  throw invalid("issuer_not_trusted", "The issuer is none of those that the relying party accepts.");
}

function malformed(message: string) {
  return unproven("response_malformed", message);
}
