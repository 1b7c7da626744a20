import { addSeconds, type Clock } from "../../../core/clock";
import { DomainError, TransientError } from "../../../core/errors";
import type { PersonalData } from "../../../core/personalData";
import { type DevicePorts, endAllSessions, type EndSessionDeps } from "../actions";
import { sessionUnknown } from "../rules";
import type { SessionStore } from "../store";
import type { UserStore } from "../users/store";

/** Who asks must have logged in, by password or wallet, within this time: an open session alone must not do. */
export const RECENT_LOGIN_SECONDS = 5 * 60;

/**
 * Erasing goes over everything a second time after this: requests that were under way when it began may have stored
 * something behind the first round. Longer than any request may take.
 */
export const SETTLE_SECONDS = 60;

/** What stays, for the answer and for docs/privacy.md. */
export const REMAINS = [
  "What is on the chain cannot be erased by anybody: DIDs, their documents' addresses, and revocations. Nothing there names you, and nothing here leads from there to you any more.",
  "Usage log, verifications and fraud alerts about your credentials stay for as long as their retention, without your DIDs and addresses: issuers and auditors need them.",
  "Credentials stay as an id, a type, times and a status, without claims and signature, so that their issuers can still revoke them.",
  "Verifiers, issuers and the provider of identity verification have what you gave them: ask them.",
];

/** What exporting and erasing accounts needs. */
export interface AccountDeps extends EndSessionDeps, Pick<DevicePorts, "endDeviceSessions"> {
  users: UserStore;
  sessions: SessionStore;
  clock: Clock;
  /** The DIDs a user holds, and whether the index is sure of it. */
  didsOf(userId: string): Promise<{ did: string; control: string }[]>;
  /** What each slice stores about a person, in the order in which it is erased. */
  personalData(): PersonalData[];
  /** Queues the erasure; neither waits nor throws, because a sweep queues what is due. */
  enqueueErasure(userId: string): void;
}

type EndDeps = EndSessionDeps & Pick<DevicePorts, "endDeviceSessions">;

/** Everything that is stored about a user, by kind. @throws DomainError `session.unknown` when the account is gone */
export async function exportAccount(
  deps: Pick<AccountDeps, "users" | "clock" | "didsOf" | "personalData">,
  { userId }: { userId: string },
): Promise<{ exportedAt: Date; userId: string; data: Record<string, unknown> }> {
  if ((await deps.users.findById(userId)) === null) throw sessionUnknown();
  const dids = (await deps.didsOf(userId)).filter(({ control }) => isOwn(control)).map(({ did }) => did);
  const data: Record<string, unknown> = {};
  for (const part of deps.personalData()) Object.assign(data, await part.export({ userId, dids }));
  return { exportedAt: deps.clock.now(), userId, data };
}

/**
 * Changes what a user is called.
 *
 * @param input.name normalised
 * @throws DomainError `session.unknown` when the account is gone
 */
export async function updateProfile(
  { users }: Pick<AccountDeps, "users">,
  { userId, name }: { userId: string; name: string },
): Promise<{ userId: string; email: string; name: string }> {
  if (!(await users.rename(userId, name))) throw sessionUnknown();
  const user = await users.findById(userId);
  if (user === null) throw sessionUnknown();
  return { userId, email: user.email, name: user.name };
}

/**
 * Begins to erase an account. The one write that says so takes e-mail address, name and password away, so that from
 * then on nobody logs in with them and the address is free; a job does the rest. Beginning again changes nothing.
 *
 * @throws DomainError `account.login_not_recent`
 */
export async function eraseAccount(
  deps: EndDeps & Pick<AccountDeps, "users" | "enqueueErasure">,
  { userId, sessionId }: { userId: string; sessionId: string },
): Promise<{ since: Date }> {
  const { users, sessions, clock } = deps;
  const session = await sessions.findById(sessionId);
  const now = clock.now();
  if (session === null || addSeconds(session.createdAt, RECENT_LOGIN_SECONDS) <= now) {
    const message = "Erasing an account is final: log in again, with password or wallet, and repeat within 5 minutes.";
    throw new DomainError("account.login_not_recent", "forbidden", message);
  }
  await users.beginErasure(userId, now);
  await endAllSessions(deps, { userId });
  deps.enqueueErasure(userId);
  const erasure = await users.findErasure(userId);
  if (erasure === null) throw sessionUnknown();
  return { since: erasure.since };
}

/**
 * Erases what every slice stores about a user whose account says `erasing`. Each step may be repeated, so that it may
 * be killed anywhere and run again: the account says `erased` only after a round that began when all was settled.
 *
 * @throws TransientError when the index cannot say which DIDs the user holds
 */
export async function continueErasure(
  deps: EndDeps & Pick<AccountDeps, "users" | "didsOf" | "personalData">,
  userId: string,
): Promise<void> {
  const { users, clock } = deps;
  const erasure = await users.findErasure(userId);
  if (erasure?.state !== "erasing") return;
  const startedAt = clock.now();
  await endAllSessions(deps, { userId });
  const held = await deps.didsOf(userId);
  if (held.some(({ control }) => control === "unverified")) {
    throw new TransientError("index.unverified", "The index cannot say which DIDs the user holds.");
  }
  const own = held.filter(({ control }) => isOwn(control)).map(({ did }) => did);
  // Stored before the wallets that lead to them are unlinked.
  await users.addErasureDids(userId, own);
  const dids = [...new Set([...erasure.dids, ...own])];
  for (const part of deps.personalData()) await part.erase({ userId, dids });
  const settledAt = addSeconds(erasure.since, SETTLE_SECONDS);
  if (startedAt < settledAt) await users.scheduleErasure(userId, settledAt);
  else await users.finishErasure(userId, clock.now());
}

/** Whether a DID is still its wallet's: one whose control was handed on is somebody else's, with its credentials. */
function isOwn(control: string): boolean {
  return control === "controlled" || control === "deactivated";
}
