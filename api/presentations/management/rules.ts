import type { DcqlQuery } from "../dcql/query";
import { isObject, type Json, type JsonObject } from "../../../core/json";
import { isReadable, type PresentationRequest, type PresentedCredential, statusAt, type Verdict } from "../rules";

/** How long a wallet may take to answer a verification: as long as at a swiyu verifier. */
export const VERIFICATION_SECONDS = 15 * 60;

/** Where a verification stands. One whose time passed, or whose claims are erased, has expired. */
export type VerificationState =
  | { state: "pending" }
  | { state: "expired" }
  | { state: "verified"; claims: JsonObject }
  | { state: "failed"; errorCode: string; errorDescription: string };

/**
 * The state of a verification at a moment.
 *
 * @param request null when there is none of this id
 * @param input.unreadSeconds how long a result that nobody reads is stored
 */
export function stateOf(
  request: PresentationRequest | null,
  { now, unreadSeconds }: { now: Date; unreadSeconds: number },
): VerificationState {
  if (request === null) return { state: "expired" };
  const status = statusAt(request, now);
  if (status === "ACTIVE") return { state: "pending" };
  const { verdict, credentials, query } = request;
  if (status === "EXPIRED" || verdict === null || !isReadable(request, { now, unreadSeconds }))
    return { state: "expired" };
  if (verdict.result === "invalid") return failureOf(verdict);
  // Erased: a success without what proves it must not be told.
  return credentials === null ? { state: "expired" } : { state: "verified", claims: subjectData(query, credentials) };
}

/**
 * Whether a request may be read by its id and its owner's key alone. A request that sends a browser back, or was begun
 * by one, is read with what that browser holds (OpenID4VP 1.0 §14.3).
 */
export function isManaged({ redirectUri, browserHash, flow }: PresentationRequest): boolean {
  return redirectUri === null && browserHash === null && flow === "cross_device";
}

/**
 * The claims as `credential_subject_data`: those of the credential where one was asked for; else by the id of the
 * credential query, so that claims of the same name stay apart, as an array where `multiple` are asked for.
 */
function subjectData({ credentials: queries }: DcqlQuery, presented: PresentedCredential[]): JsonObject {
  const byId = queries.flatMap(({ id, multiple }): [string, Json][] => {
    const claims = presented.filter(({ queryId }) => queryId === id).map((credential) => credential.claims);
    const [first] = claims;
    return first === undefined ? [] : [[id, multiple ? claims : first]];
  });
  const [only] = queries;
  const [answer] = byId;
  if (queries.length === 1 && only?.multiple === false) return isObject(answer?.[1]) ? answer[1] : {};
  return Object.fromEntries(byId);
}

/** A wallet's refusal has the name that swiyu verifiers give it. */
function failureOf({ reason, message }: Verdict): VerificationState {
  const errorCode = reason === "wallet.access_denied" ? "client_rejected" : (reason ?? "invalid");
  return { state: "failed", errorCode, errorDescription: message ?? "The presentation is not valid." };
}
