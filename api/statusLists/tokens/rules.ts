import { BITS_PER_STATUS } from "../../../chain/status/statusList";
import { LIST_TTL_SECONDS } from "../rules";

/** How long a list may be believed, in seconds: a revocation is known everywhere after that. */
const LIST_LIFETIME_SECONDS = 15 * 60;

/** What a status list token is made of. */
export interface TokenContent {
  /** Where it is served: its subject. */
  url: string;
  issuerDid: string;
  /** Base64url of the compressed statuses. */
  list: string;
  /** The time whose statuses these are. */
  asOf: Date;
}

/** What the time of a list follows from. */
interface IndexTimes {
  blockNumber: number;
  headNumber: number;
  minedAt: Date;
  headSeenAt: Date;
}

/**
 * The time up to which the index knows the statuses: the last look at the chain when it has caught up, else the time of
 * its last block; cut to a time of signing that requests share.
 */
export function listTime({ blockNumber, headNumber, minedAt, headSeenAt }: IndexTimes, now: Date): Date {
  const known = blockNumber >= headNumber ? headSeenAt : minedAt;
  const period = LIST_TTL_SECONDS * 1000;
  return new Date(Math.floor(Math.min(known.getTime(), now.getTime()) / period) * period);
}

/** Whether a list of this time would be refused by whoever gets it. */
export function isOutdated(asOf: Date, now: Date): boolean {
  return now.getTime() - asOf.getTime() >= (LIST_LIFETIME_SECONDS - LIST_TTL_SECONDS) * 1000;
}

/** The payload of a Status List Token (draft-ietf-oauth-status-list §5.1). */
export function tokenPayload({ url, issuerDid, list, asOf }: TokenContent): Record<string, unknown> {
  const issuedAt = Math.floor(asOf.getTime() / 1000);
  return {
    iss: issuerDid,
    sub: url,
    iat: issuedAt,
    exp: issuedAt + LIST_LIFETIME_SECONDS,
    ttl: LIST_TTL_SECONDS,
    status_list: { bits: BITS_PER_STATUS, lst: list },
  };
}

const TOKEN_MEDIA_TYPES = ["application/statuslist+jwt", "application/jwt", "application/*", "*/*"];

/** Whether a status list token may be the answer to what a request accepts. */
export function acceptsToken(accept: string | undefined): boolean {
  const accepted = (accept ?? "*/*").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase() ?? "");
  return accepted.some((mediaType) => TOKEN_MEDIA_TYPES.includes(mediaType));
}
