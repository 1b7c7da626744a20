import { DomainError } from "../../core/errors";

/** How long sessions live; all three count whole seconds. */
export interface SessionLifetime {
  /** Without a request for this long, a session ends. */
  idleSeconds: number;
  /** What each request extends a session to. */
  extensionSeconds: number;
  /** Beyond this age a session ends whatever its activity. */
  absoluteSeconds: number;
}

/** Why a session that a wallet opened ended with the wallet's control. */
export const CONTROL_LOSSES = [
  "session.wallet_unlinked",
  "session.control_changed",
  "session.did_deactivated",
] as const;
export type ControlLoss = (typeof CONTROL_LOSSES)[number];

/** The moments that decide whether a session is valid. */
export interface SessionTimes {
  createdAt: Date;
  lastActivityAt: Date;
  revokedAt: Date | null;
  /** Why it was revoked, where nobody asked for that. */
  controlLoss?: ControlLoss | null;
}

/** The wallet that opened a session, and the DID as whose holder it did. */
export interface SessionWallet {
  walletAddress: string;
  did: string;
}

export type SessionEnd = "session.idle" | "session.expired" | "session.revoked" | ControlLoss;

/** Form of a session token: 256 random bits in base64url after a prefix that secret scanners can look for. */
export const SESSION_TOKEN_PREFIX = "SES-";
const SESSION_TOKEN = /^SES-[A-Za-z0-9_-]{43}$/;

/** Whether a text can be a session token at all. */
export function isSessionToken(text: string): boolean {
  return SESSION_TOKEN.test(text);
}

/**
 * Why a session is over at `now`: the earliest of its deadlines that has passed; undefined while it is valid.
 * A deadline has passed in its very instant: exactly 15:00 minutes of idleness are too many.
 */
export function sessionEnd(session: SessionTimes, lifetime: SessionLifetime, now: Date): SessionEnd | undefined {
  const passed = deadlines(session, lifetime).filter(({ at }) => at.getTime() <= now.getTime());
  return passed.reduce<Deadline | undefined>((first, next) => (first && first.at <= next.at ? first : next), undefined)
    ?.end;
}

/** When a session ends if nothing more is asked of it. */
export function sessionExpiresAt(session: Omit<SessionTimes, "revokedAt">, lifetime: SessionLifetime): Date {
  const times = deadlines({ ...session, revokedAt: null }, lifetime).map(({ at }) => at.getTime());
  return new Date(Math.min(...times));
}

/** The last moment at which activity may extend a session. */
export function sessionAbsoluteEnd(session: Pick<SessionTimes, "createdAt">, lifetime: SessionLifetime): Date {
  return addSeconds(session.createdAt, lifetime.absoluteSeconds);
}

/**
 * {@link sessionEnd} turned into bounds a database can compare with: at `now`, a session that is not revoked is valid
 * exactly if both its times are later than these.
 */
export function validityBounds(lifetime: SessionLifetime, now: Date): { lastActivityAfter: Date; createdAfter: Date } {
  const quietSeconds = Math.min(lifetime.idleSeconds, lifetime.extensionSeconds);
  return {
    lastActivityAfter: addSeconds(now, -quietSeconds),
    createdAfter: addSeconds(now, -lifetime.absoluteSeconds),
  };
}

/** The rejection of a session that is over. */
export function sessionOver(end: SessionEnd): DomainError {
  const reasons: Record<SessionEnd, string> = {
    "session.idle": "The session ended because nothing was asked for too long.",
    "session.expired": "The session reached the end of its life.",
    "session.revoked": "The session was logged out or ended from another device.",
    "session.wallet_unlinked": "The wallet that opened the session was unlinked from the account.",
    "session.control_changed": "The wallet that opened the session no longer controls its DID.",
    "session.did_deactivated": "The DID as whose holder the session was opened was deactivated.",
  };
  return new DomainError(end, "unauthenticated", `${reasons[end]} Log in again.`);
}

/** The rejection of a token that belongs to no session, or to none that is still stored. */
export function sessionUnknown(): DomainError {
  return new DomainError("session.unknown", "unauthenticated", "No session has this token. Log in again.");
}

function addSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}

interface Deadline {
  at: Date;
  end: SessionEnd;
}

// In the order in which they win when two fall on one instant.
function deadlines(session: SessionTimes, lifetime: SessionLifetime): Deadline[] {
  const { createdAt, lastActivityAt, revokedAt, controlLoss } = session;
  return [
    ...(revokedAt === null ? [] : [{ at: revokedAt, end: controlLoss ?? ("session.revoked" as const) }]),
    { at: addSeconds(lastActivityAt, lifetime.idleSeconds), end: "session.idle" },
    { at: addSeconds(lastActivityAt, lifetime.extensionSeconds), end: "session.expired" },
    { at: addSeconds(createdAt, lifetime.absoluteSeconds), end: "session.expired" },
  ];
}
