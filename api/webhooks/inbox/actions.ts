import type { Clock } from "../../../core/clock";
import type { Logger } from "../../../core/logger";
import type { Timing } from "../../../process/context";
import type { InboxSource } from "./rules";
import type { InboxStore } from "./store";

/** A delivery whose sender was verified. */
export interface VerifiedDelivery {
  source: InboxSource;
  /** What the sender repeats when it repeats the delivery. */
  deliveryKey: string;
  /** What the delivery says, reduced to what its reader needs. */
  facts: unknown;
  requestId: string | undefined;
}

/** What receiving a delivery needs. */
export interface ReceiveDeliveryDeps {
  inbox: InboxStore;
  clock: Clock;
  logger: Logger;
  /** Queues the work on an entry in its source's queue; adding twice is harmless. */
  enqueue(source: InboxSource, entryId: string, requestId: string | undefined): Promise<void>;
  timing: Pick<Timing, "sweepAfterSeconds">;
}

/**
 * Stores a verified delivery and queues the work on it. When this resolves it may be acknowledged: it is durable,
 * whatever becomes of the queue or of this process.
 *
 * @returns false when the same delivery was stored before
 */
export async function receiveDelivery(deps: ReceiveDeliveryDeps, delivery: VerifiedDelivery): Promise<boolean> {
  const { inbox, clock, logger } = deps;
  const { requestId = null, ...facts } = delivery;
  const sweepSeconds = deps.timing.sweepAfterSeconds;
  const { entryId, isNew } = await inbox.insert({ ...facts, requestId, sweepSeconds }, clock.now());
  // Not awaited: senders wait five seconds, a queue that is down may take longer to say so, and the sweep comes by.
  void deps.enqueue(delivery.source, entryId, delivery.requestId).catch((error: unknown) => {
    logger.warn({ err: error, entryId }, "a stored webhook could not be queued; the sweep queues it");
  });
  return isNew;
}
