import { addSeconds, type Clock } from "../../../core/clock";
import { randomId, randomToken } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import type { DcqlQuery } from "../dcql/query";
import { generateEncryptionKey } from "../responses/encryption";
import { type Flow, type PresentationRequest, statusAt } from "../rules";
import type { PresentationStore } from "../store";
import { type AuthorizationRequest, requestClaims, requestLink, type ResponseMode } from "./requestObject";
import { requestUriOf, responseUriOf } from "./paths";
import type { RequestSigner } from "./requestSigner";

/** What a relying party asks for. */
export interface NewRequest {
  verifierId: string;
  query: DcqlQuery;
  flow: Flow;
  responseMode: ResponseMode;
  redirectUri: string | null;
  /** The relying party's own nonce; undefined: one is made. */
  nonce: string | undefined;
  /** SHA-256 of the secret of the browser that begins; null where none does. */
  browserHash: string | null;
  /** Issuers whose credentials are accepted; none or an empty list accepts any that is trusted. */
  acceptedIssuers?: string[] | undefined;
  /** How long a wallet may take; as configured when absent. */
  lifetimeSeconds?: number | undefined;
}

export interface CreateRequestDeps extends Pick<Context, "clock"> {
  config: Pick<Context["config"], "http" | "presentations">;
  presentations: Pick<PresentationStore, "insert">;
  signer: Pick<RequestSigner, "clientId">;
  /** Whether the owner of a request is to be told of its answer. */
  isAnnounced(owner: { verifierId: string }): Promise<boolean>;
}

/** A request that was made, and what its owner alone learns. */
export interface CreatedRequest {
  request: PresentationRequest;
  /** Opens the result; it never reaches the wallet. */
  transactionId: string;
  /** What a link or QR code leads the wallet to. */
  walletUrl: string;
  requestUri: string;
}

/**
 * Makes a request for a presentation. It is stored, key and nonce included, before anybody can see its link.
 *
 * @throws DomainError `presentation.nonce_used` when the relying party gave a nonce that served before
 */
export async function createRequest(deps: CreateRequestDeps, input: NewRequest): Promise<CreatedRequest> {
  const { clock, config, presentations, signer } = deps;
  const requestId = `req_${randomId()}`;
  const transactionId = randomToken("txn_");
  const createdAt = clock.now();
  const expiresAt = addSeconds(createdAt, input.lifetimeSeconds ?? config.presentations.requestSeconds);
  const request: PresentationRequest = {
    requestId,
    transactionHash: sha256Hex(transactionId),
    verifierId: input.verifierId,
    flow: input.flow,
    browserHash: input.browserHash,
    redirectUri: input.redirectUri,
    clientId: signer.clientId,
    responseMode: input.responseMode,
    nonce: input.nonce ?? randomToken(),
    query: input.query,
    acceptedIssuers: input.acceptedIssuers ?? [],
    // Its kid finds the request when the response comes (OpenID4VP 1.0 §8.3).
    encryptionKey: input.responseMode === "direct_post.jwt" ? await generateEncryptionKey(requestId) : null,
    status: "ACTIVE",
    createdAt,
    expiresAt,
    attempts: 0,
    submissionHash: null,
    responseCodeHash: null,
    responseCodeUsedAt: null,
    verdict: null,
    credentials: null,
    takenAt: null,
    isAnnounced: await deps.isAnnounced(input),
    announcementPendingSince: null,
    purgeAt: addSeconds(expiresAt, config.presentations.retentionSeconds),
  };
  if (!(await presentations.insert(request))) throw nonceUsed();
  return { request, transactionId, ...linksOf(deps, request) };
}

/** Where a wallet fetches a request, and the link that leads it there. */
export function linksOf(
  { config }: Pick<CreateRequestDeps, "config">,
  request: PresentationRequest,
): Pick<CreatedRequest, "walletUrl" | "requestUri"> {
  const requestUri = requestUriOf(config.http.publicUrl, request.requestId);
  const scheme = config.presentations.walletScheme;
  return { requestUri, walletUrl: requestLink(authorizationRequestOf({ config }, request), { scheme, requestUri }) };
}

interface ReadRequestObjectDeps {
  clock: Clock;
  config: Pick<Context["config"], "http">;
  presentations: Pick<PresentationStore, "find">;
  signer: Pick<RequestSigner, "sign">;
}

/**
 * The signed request object that a wallet fetches. Wallets may fetch it again: nonce, state and key stay the same.
 *
 * @param input.walletNonce echoed, so that the wallet knows the object was made for it (OpenID4VP 1.0 §5.10)
 * @throws DomainError `presentation.unknown_request`, `presentation.request_closed` once it was answered or expired
 */
export async function readRequestObject(
  deps: ReadRequestObjectDeps,
  { requestId, walletNonce }: { requestId: string; walletNonce: string | undefined },
): Promise<string> {
  const request = await deps.presentations.find(requestId);
  if (request === null) throw unknownRequest();
  const now = deps.clock.now();
  if (statusAt(request, now) !== "ACTIVE") throw requestClosed();
  const { expiresAt } = request;
  return deps.signer.sign(
    requestClaims(authorizationRequestOf(deps, request), { issuedAt: now, expiresAt, walletNonce }),
  );
}

export function unknownRequest(): DomainError {
  return new DomainError("presentation.unknown_request", "not_found", "There is no request of this id.", {
    details: { errorCode: "NO_AUTH_REQUEST", errorMessage: "No authorization request found for the given request id." },
  });
}

export function requestClosed(): DomainError {
  return new DomainError("presentation.request_closed", "gone", "The request was answered, or its time passed.");
}

function authorizationRequestOf(
  { config }: { config: Pick<Context["config"], "http"> },
  request: PresentationRequest,
): AuthorizationRequest {
  const { requestId, clientId, responseMode, nonce, query, encryptionKey } = request;
  return {
    clientId,
    responseMode,
    responseUri: responseUriOf(config.http.publicUrl),
    nonce,
    state: requestId,
    query,
    encryptionKey: encryptionKey?.publicJwk ?? null,
  };
}

function nonceUsed(): DomainError {
  const message = "This nonce served another request: give a fresh one, or none.";
  return new DomainError("presentation.nonce_used", "conflict", message, {
    fields: [{ field: "body.nonce", message: "must never have been used before: leave it out and one is made" }],
  });
}
