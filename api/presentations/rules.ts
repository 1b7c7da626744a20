import type { JWK } from "jose";
import type { DcqlQuery } from "./dcql/query";
import type { JsonObject } from "../../core/json";
import type { CredentialFormat } from "./formats/rules";
import type { RejectionReason } from "./rejection";
import type { EncryptionJwk, ResponseMode } from "./requests/requestObject";

/** States of a request: it waits for a wallet, was answered, or its time passed. */
export const REQUEST_STATUSES = ["ACTIVE", "VP_SUBMITTED", "EXPIRED"] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];

/**
 * On which device the wallet is, fixed when a request is made (OpenID4VP 1.0 §14.3): with `same_device` no result is
 * read before a response code returns with the browser that began.
 */
export const FLOWS = ["cross_device", "same_device"] as const;
export type Flow = (typeof FLOWS)[number];

/** How many responses that answer another request, or nothing, a request survives. */
export const MAX_ATTEMPTS = 10;
/** How long the owner may repeat the read of a result. */
export const RESULT_REPEAT_SECONDS = 60;

/** What became of a request, without anything about a person: it stays for the audit. */
export interface Verdict {
  result: "valid" | "invalid";
  /** Null when it is valid; a wallet's own error as `wallet.<error>`. */
  reason: RejectionReason | `wallet.${string}` | null;
  /** For the relying party's developer; names no claim's value. */
  message: string | null;
  decidedAt: Date;
}

/** One credential as the relying party reads it. */
export interface PresentedCredential {
  /** The id of the credential query that it answers. */
  queryId: string;
  format: CredentialFormat;
  /** As it was presented. */
  credential: string;
  issuer: string;
  types: string[];
  /** The claims that were asked for. */
  claims: JsonObject;
}

/** A request for a presentation. */
export interface PresentationRequest {
  requestId: string;
  /** SHA-256 of the transaction id: who knows it reads the result. */
  transactionHash: string;
  /** The verifier whose API key made the request. */
  verifierId: string;
  flow: Flow;
  /** SHA-256 of the secret of the browser that began; null where none did. */
  browserHash: string | null;
  /** Where the wallet sends the browser after its response, registered by the verifier; null for none. */
  redirectUri: string | null;
  /** With prefix; the audience of every presentation. */
  clientId: string;
  responseMode: ResponseMode;
  nonce: string;
  query: DcqlQuery;
  /** Issuers whose credentials are accepted; an empty list accepts any that is trusted. */
  acceptedIssuers: string[];
  /** The key that the response is encrypted to, by the name of `requestId`; null for `direct_post`, and once answered. */
  encryptionKey: { publicJwk: EncryptionJwk; privateJwk: JWK } | null;
  status: Exclude<RequestStatus, "EXPIRED">;
  createdAt: Date;
  expiresAt: Date;
  /** Responses so far that did not answer this request. */
  attempts: number;
  /** SHA-256 of the body that answered: the same body again has the same answer. */
  submissionHash: string | null;
  responseCodeHash: string | null;
  responseCodeUsedAt: Date | null;
  verdict: Verdict | null;
  /** What was presented and accepted; erased after it was read. */
  credentials: PresentedCredential[] | null;
  takenAt: Date | null;
  /** Whether its owner is told of the answer: it had a webhook, or was a client of this process, when it asked. */
  isAnnounced: boolean;
  /** Since when its owner is to be told that it was answered; null when there is nothing to tell, or it was told. */
  announcementPendingSince: Date | null;
  purgeAt: Date;
}

/** A request that was answered, as its owner is told of it. */
export interface Answered extends Pick<PresentationRequest, "requestId" | "verifierId"> {
  answeredAt: Date;
}

/** The state of a request at a moment: what nobody answered in time has expired. */
export function statusAt(
  { status, expiresAt }: Pick<PresentationRequest, "status" | "expiresAt">,
  now: Date,
): RequestStatus {
  return status === "ACTIVE" && expiresAt <= now ? "EXPIRED" : status;
}

/**
 * Whether a result may be read: for the first time, or again by an owner whose connection broke. The clock decides: what
 * is due for erasure is not shown, whether or not the sweep has erased it.
 *
 * @param input.unreadSeconds how long a result that nobody reads is stored
 */
export function isReadable(
  { takenAt, verdict }: { takenAt: Date | null; verdict: Pick<Verdict, "decidedAt"> | null },
  { now, unreadSeconds }: { now: Date; unreadSeconds: number },
): boolean {
  if (verdict === null) return false;
  return takenAt === null
    ? secondsBetween(verdict.decidedAt, now) < unreadSeconds
    : secondsBetween(takenAt, now) < RESULT_REPEAT_SECONDS;
}

function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000;
}
