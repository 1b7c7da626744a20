import type { Redis } from "ioredis";
import { addSeconds } from "../../../core/clock";
import type { DeadLetterStore } from "../../../core/jobs/deadLetters";
import type { Logger } from "../../../core/logger";
import { type JobQueue, createQueue, processQueue } from "../../../core/jobs/queue";
import { startSweeper } from "../../../core/jobs/sweeper";
import { type AlarmParts, type RepairParts, repairUses, tellAdmin } from "../usage/sweep";
import type { VerificationStore } from "../store";
import { type DeliveryParts, deliver } from "../../webhooks/delivery/actions";

const DELIVERIES = "verification-webhooks";
const ALARMS = "fraud-alerts";

/** Longer than it takes to record a use: what is not recorded by then was left behind. */
const RECORDING_SECONDS = 2;

/** Looked at in one sweep. */
const SWEEP_LIMIT = 500;

/** The queues of this slice. */
export interface VerificationQueues {
  deliveries: JobQueue<{ verificationId: string }>;
  alarms: JobQueue<{ alertId: string }>;
  close(): Promise<void>;
}

/** Opens the producing side of the queues. */
export function openVerificationQueues(options: { redis: Redis; prefix: string }): VerificationQueues {
  const deliveries = createQueue<{ verificationId: string }>({ ...options, name: DELIVERIES, attempts: 5 });
  const alarms = createQueue<{ alertId: string }>({ ...options, name: ALARMS });
  return {
    deliveries,
    alarms,
    async close() {
      await deliveries.close();
      await alarms.close();
    },
  };
}

/**
 * Hands work to the queues without waiting for Redis: an answer must not depend on it. What does not arrive is found by
 * the worker's sweep.
 */
export function openDispatch(queues: VerificationQueues, logger: Logger) {
  const later = (adding: Promise<void>) => {
    adding.catch((error: unknown) => logger.debug({ err: error }, "a job was not queued; the sweep finds its work"));
  };
  return {
    announce: (verificationId: string) =>
      later(queues.deliveries.enqueue(`tell-${verificationId}`, { verificationId })),
    alarm: (alertId: string) => later(queues.alarms.enqueue(`alert-${alertId.replaceAll("/", "-")}`, { alertId })),
  };
}

/** What a sweep found. */
export interface VerificationSweepReport {
  repaired: number;
  requeued: number;
}

/** A running worker of the queues. */
export interface VerificationWorker {
  /** One look for uses without a record, webhooks that are due and alerts nobody was told of. */
  sweep(): Promise<VerificationSweepReport>;
  close(deadlineMs: number): Promise<void>;
}

/** Works on the queues, and looks after what has no job, so that Redis may lose everything. */
export function startVerificationWorker(
  options: RepairParts &
    AlarmParts &
    Omit<DeliveryParts, "verifications"> & {
      verifications: VerificationStore;
      redis: Redis;
      prefix: string;
      queues: VerificationQueues;
      deadLetters: DeadLetterStore;
      logger: Logger;
      sweepSeconds: number;
    },
): VerificationWorker {
  const { queues, logger, clock } = options;
  const shared = { redis: options.redis, prefix: options.prefix, deadLetters: options.deadLetters, clock, logger };
  const deliveries = processQueue<{ verificationId: string }>({
    ...{ ...shared, name: DELIVERIES, attempts: 5, concurrency: 16 },
    // The next attempt is due at a time of its own, which the verification holds and the sweep keeps.
    async process({ verificationId }) {
      await deliver(options, verificationId);
    },
  });
  const alarms = processQueue<{ alertId: string }>({
    ...{ ...shared, name: ALARMS, concurrency: 1 },
    async process({ alertId }) {
      await tellAdmin(options, alertId);
    },
  });

  async function sweep(): Promise<VerificationSweepReport> {
    const { repaired } = await repairUses(options, {
      limit: SWEEP_LIMIT,
      takenBefore: addSeconds(clock.now(), -RECORDING_SECONDS),
    });
    let requeued = 0;
    for (const { verificationId } of await options.verifications.dueDeliveries(clock.now(), SWEEP_LIMIT)) {
      await queues.deliveries.enqueue(`tell-${verificationId}`, { verificationId });
      requeued += 1;
    }
    for (const { alertId } of await options.alerts.untold(SWEEP_LIMIT)) {
      await queues.alarms.enqueue(`alert-${alertId.replaceAll("/", "-")}`, { alertId });
      requeued += 1;
    }
    return { repaired, requeued };
  }

  const sweeper = startSweeper({
    what: "verifications",
    everyMs: options.sweepSeconds * 1000,
    logger,
    async sweep() {
      const { repaired } = await sweep();
      if (repaired > 0) logger.warn({ repaired }, "uses of credentials whose process died were recorded");
    },
  });

  return {
    sweep,
    async close(deadlineMs) {
      await Promise.all([sweeper.close(), deliveries.close(deadlineMs), alarms.close(deadlineMs)]);
    },
  };
}
