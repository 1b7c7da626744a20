import { addSeconds, type Clock } from "../../../core/clock";
import { uuidOfName } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { Timing } from "../../../process/context";
import type { Announcer } from "./announcements";
import { pageOf, type UserEvent, type UserEventPage, type UserEventPayload, type UserEventType } from "./rules";
import type { UserEventStore } from "./store";

/** Something that happened to a user. */
export interface NewUserEvent {
  userId: string;
  type: UserEventType;
  /** Names the change among those of this type: an event that is appended again under its key is stored once. */
  key: string;
  payload: UserEventPayload;
  at: Date;
}

export interface UserEventDeps {
  events: UserEventStore;
  announcer: Announcer;
  clock: Clock;
  logger: Logger;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/**
 * Stores an event for a user's devices, once for each key. When it resolves, the event is durable and will be announced
 * to the gateways: at once where Redis answers, else by a sweep.
 */
export async function appendUserEvent(deps: UserEventDeps, event: NewUserEvent): Promise<void> {
  const { events, clock, timing, logger } = deps;
  const { userId, type, key, payload, at } = event;
  const _id = uuidOfName(JSON.stringify([userId, type, key]));
  const now = clock.now();
  const times = { now, sweepAt: addSeconds(now, timing.sweepAfterSeconds) };
  const appended = await events.append({ _id, userId, type, payload, at }, times);
  if (appended === null || !appended.isNew) return;
  announce(deps, [appended.event]).catch((error: unknown) => {
    logger.debug({ err: error }, "an event was not announced; the sweep does it");
  });
}

/** Something that happened to the holder of a DID. */
export interface NewHolderEvent extends Omit<NewUserEvent, "userId"> {
  did: string;
}

/** {@link appendUserEvent} for the user who holds a DID; nothing where no user here does. */
export async function appendHolderEvent(
  deps: UserEventDeps & { holderOf(did: string): Promise<string | null> },
  { did, type, key, payload, at }: NewHolderEvent,
): Promise<void> {
  const userId = await deps.holderOf(did);
  if (userId !== null) await appendUserEvent(deps, { userId, type, key, payload, at });
}

const SWEEP_LIMIT = 500;

/** Announces what was not announced when it was stored, because Redis or the process failed. */
export async function announceLeftOver(deps: Omit<UserEventDeps, "timing">): Promise<void> {
  for (;;) {
    const found = await deps.events.unannounced(deps.clock.now(), SWEEP_LIMIT);
    if (found.length === 0) return;
    await announce(deps, found);
  }
}

/** Announced before it is marked: a gateway may hear of an event twice, never not at all. */
async function announce(
  { announcer, events, clock }: Pick<UserEventDeps, "announcer" | "events" | "clock">,
  found: UserEvent[],
): Promise<void> {
  await announcer.announce(found);
  await events.markAnnounced(
    found.map(({ _id }) => _id),
    clock.now(),
  );
}

/**
 * A user's events after a cursor, with the user's newest number.
 *
 * @param input.limit most events to return
 */
export async function readUserEvents(
  { events }: Pick<UserEventDeps, "events">,
  { userId, after, limit }: { userId: string; after: number; limit: number },
): Promise<UserEventPage> {
  const found = await events.after(userId, after, limit);
  const heads = await events.heads([userId]);
  return pageOf(found, { after, head: heads.get(userId) ?? 0 });
}
