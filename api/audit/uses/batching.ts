import { hexlify } from "ethers";
import { drawBytes } from "../../../core/crypto";
import type { Context } from "../../../process/context";
import { type BatchLeaf, isBatchDue, MAX_LEAVES, newBatch, newLeaf } from "./rules";
import type { BatchStore } from "./store";

/** A use that is in the usage log. */
export interface LoggedUse {
  verificationId: string;
  credentialId: string;
  usedAt: Date;
}

/** A credential's uses in the order in which they were taken. */
export interface CountedUses {
  credentialId: string;
  credId: string;
  maxUsages: number;
  verificationIds: string[];
}

export interface BatchDeps extends Pick<Context, "clock" | "logger" | "config"> {
  batches: Pick<BatchStore, "insert" | "unmarked" | "markMarked" | "eraseSalts">;
  /** The longest waiting of the uses that are in no batch yet. */
  listUnbatchedUses(limit: number): Promise<LoggedUse[]>;
  /** Records in the usage log that uses are in a batch; answers whose holders were erased. */
  markUsesBatched(verificationIds: string[]): Promise<{ erased: string[] }>;
  usesOf(credentialIds: string[]): Promise<CountedUses[]>;
}

/** Batches that one sweep forms at most. */
const MAX_BATCHES = 64;

/**
 * Forms batches of the uses that have waited long enough. Any number of workers may run it, and any may be killed: a
 * batch is one insert, which takes all of its uses or none, and whoever comes next finishes what was left of it.
 *
 * @returns the digests of the batches that this call formed
 */
export async function formBatches(deps: BatchDeps): Promise<string[]> {
  const { batches, clock, config } = deps;
  const { intervalSeconds } = config.useAnchors;
  const formed: string[] = [];
  for (let round = 0; round < MAX_BATCHES; round += 1) {
    await finishBatches(deps);
    const now = clock.now();
    const waiting = await deps.listUnbatchedUses(MAX_LEAVES);
    if (!isBatchDue(waiting, { intervalSeconds, now })) return formed;
    const leaves = await leavesOf(deps, waiting);
    if (leaves.length === 0) return formed;
    const batch = newBatch(leaves, now);
    // Refused when another worker was faster: its batch is finished in the next round.
    if (await batches.insert(batch)) formed.push(batch.digest);
  }
  return formed;
}

/** Has the usage log know of every batch, whoever was killed after forming it. */
async function finishBatches({ batches, markUsesBatched }: BatchDeps): Promise<void> {
  for (const { digest, leaves } of await batches.unmarked()) {
    const { erased } = await markUsesBatched(leaves.map(({ verificationId }) => verificationId));
    // A holder who was erased while the batch was formed: the erasure may have come before the salts it was to delete.
    if (erased.length > 0) await batches.eraseSalts({ verificationIds: erased });
    await batches.markMarked(digest);
  }
}

async function leavesOf({ usesOf, logger }: BatchDeps, uses: LoggedUse[]): Promise<BatchLeaf[]> {
  const counted = await usesOf([...new Set(uses.map(({ credentialId }) => credentialId))]);
  const byCredential = new Map(counted.map((one) => [one.credentialId, one]));
  const leaves: BatchLeaf[] = [];
  for (const { verificationId, credentialId, usedAt } of uses) {
    const credential = byCredential.get(credentialId);
    const position = credential?.verificationIds.indexOf(verificationId) ?? -1;
    if (credential === undefined || position < 0) {
      logger.error({ verificationId, credentialId }, "a logged use is not among its credential's: it is not anchored");
      continue;
    }
    const { credId, maxUsages } = credential;
    const salt = hexlify(drawBytes(32));
    leaves.push(newLeaf({ verificationId, credentialId, credId, useNumber: position + 1, maxUsages, usedAt }, salt));
  }
  return leaves;
}
