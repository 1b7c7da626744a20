import type { Clock } from "../../../core/clock";
import type { Context } from "../../../process/context";
import type { DcqlQuery } from "../dcql/query";
import { createRequest, type CreatedRequest, type CreateRequestDeps } from "../requests/actions";
import type { ResponseMode } from "../requests/requestObject";
import type { PresentationRequest } from "../rules";
import type { PresentationStore } from "../store";
import { isManaged, stateOf, VERIFICATION_SECONDS, type VerificationState } from "./rules";

/** A verification as its owner orders it. */
export interface NewVerification {
  /** A verifier's id, or the name of a client of this process. */
  ownerId: string;
  query: DcqlQuery;
  responseMode: ResponseMode;
  /** Issuers whose credentials are accepted; an empty list accepts any that is trusted. */
  acceptedIssuers: string[];
}

/** Makes a request for a presentation that its owner follows by the request's id, for 15 minutes. */
export function createVerification(
  deps: CreateRequestDeps,
  { ownerId, query, responseMode, acceptedIssuers }: NewVerification,
): Promise<CreatedRequest> {
  return createRequest(deps, {
    verifierId: ownerId,
    query,
    flow: "cross_device",
    responseMode,
    redirectUri: null,
    nonce: undefined,
    browserHash: null,
    acceptedIssuers,
    lifetimeSeconds: VERIFICATION_SECONDS,
  });
}

interface ReadVerificationDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentations">;
  presentations: Pick<PresentationStore, "find">;
}

interface MarkReadDeps {
  clock: Clock;
  presentations: Pick<PresentationStore, "markTaken">;
}

interface OwnedVerification {
  verificationId: string;
  ownerId: string;
}

/** Reads a verification; null in `request` when the owner has none of this id. Reading changes nothing. */
export async function readVerification(
  { clock, config, presentations }: ReadVerificationDeps,
  { verificationId, ownerId }: OwnedVerification,
): Promise<{ request: PresentationRequest | null; state: VerificationState }> {
  const found = await presentations.find(verificationId);
  const request = found !== null && found.verifierId === ownerId && isManaged(found) ? found : null;
  const { unreadSeconds } = config.presentations;
  return { request, state: stateOf(request, { now: clock.now(), unreadSeconds }) };
}

/**
 * Releases a verification whose claims its owner has: a minute later they may be erased. Again changes nothing, and so
 * does one that nobody answered.
 */
export async function releaseVerification(
  deps: ReadVerificationDeps & MarkReadDeps,
  owned: OwnedVerification,
): Promise<void> {
  const { request } = await readVerification(deps, owned);
  if (request?.status === "VP_SUBMITTED") await markRead(deps, request);
}

/** Records that the owner has read a verification that was answered: a minute later its claims may be erased. */
export async function markRead(
  { clock, presentations }: MarkReadDeps,
  { requestId }: Pick<PresentationRequest, "requestId">,
): Promise<void> {
  await presentations.markTaken(requestId, clock.now());
}
