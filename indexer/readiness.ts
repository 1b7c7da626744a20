import type { Clock } from "../core/clock";
import type { DependencyCheck } from "../process/health";
import type { GaugeDefinition } from "../process/metrics";
import { indexProblems } from "../projection/indexProblems";
import type { CheckpointDocument } from "../projection/models";
import type { Activity } from "./activity";

/** How far the index is, and what is wrong with it. */
export type IndexHealth = {
  /** What keeps the index from being ready, in words; empty when it is ready. */
  problems: string[];
  /** Whether this process holds the lease. */
  leading: boolean;
  /** Whether another process holds it, for which this one stands by. */
  standingBy: boolean;
  indexedBlock: number | null;
  headBlock: number | null;
  verifiedBlock: number | null;
  lagBlocks: number | null;
  lagSeconds: number | null;
};

/**
 * Assesses a checkpoint: ready means that the index is as new as the chain, and verified, give or take `maxLagSeconds`;
 * some process leads, and this one has met nothing that keeps it from leading.
 */
export function assessHealth(
  checkpoint: CheckpointDocument | null,
  { now, maxLagSeconds, activity }: { now: Date; maxLagSeconds: number; activity: Readonly<Activity> },
): IndexHealth {
  const leading = activity.role === "leading";
  const standingBy = activity.role === "standing by";
  const problems = activity.problem === null ? [] : [activity.problem];
  if (!checkpoint?.indexed || !checkpoint.head) {
    return {
      problems: [...problems, "nothing is indexed yet"],
      leading,
      standingBy,
      indexedBlock: null,
      headBlock: null,
      verifiedBlock: null,
      lagBlocks: null,
      lagSeconds: null,
    };
  }

  const { indexed, head, verifiedNumber } = checkpoint;
  const lagBlocks = Math.max(0, head.number - indexed.number);
  const secondsSince = (date: Date) => Math.max(0, (now.getTime() - date.getTime()) / 1000);
  const silentSeconds = secondsSince(head.seenAt);
  const lagSeconds = lagBlocks === 0 ? 0 : secondsSince(indexed.minedAt);
  problems.push(...indexProblems(checkpoint, { now, headNumber: head.number }));
  if (lagSeconds > maxLagSeconds) problems.push(`${lagBlocks} blocks behind the chain`);
  if (silentSeconds > maxLagSeconds) problems.push(`no answer from the chain for ${Math.round(silentSeconds)} s`);
  if (verifiedNumber < indexed.number && secondsSince(indexed.minedAt) > maxLagSeconds && lagBlocks === 0) {
    // Verification takes moments; an old block that is not verified yet means that something prevents it.
    problems.push(`verified up to block ${verifiedNumber} only`);
  }
  return {
    problems,
    leading,
    standingBy,
    indexedBlock: indexed.number,
    headBlock: head.number,
    verifiedBlock: verifiedNumber,
    lagBlocks,
    lagSeconds,
  };
}

export interface HealthDeps {
  clock: Clock;
  /** For how long a block may be missing, or not verified, before the index counts as down. */
  maxLagSeconds: number;
  readCheckpoint(): Promise<CheckpointDocument | null>;
  activity: Readonly<Activity>;
}

/** Reads the checkpoint and assesses it now. */
export async function readHealth({ clock, maxLagSeconds, activity, ...deps }: HealthDeps): Promise<IndexHealth> {
  return assessHealth(await deps.readCheckpoint(), { now: clock.now(), maxLagSeconds, activity });
}

/** The index as a dependency of the indexer's readiness: down when it has problems. */
export function indexCheck(deps: HealthDeps): DependencyCheck {
  return { name: "index", required: true, run: () => readHealth(deps) };
}

/** How far the index is behind the chain; NaN while nothing is indexed. */
export function lagGauges(deps: HealthDeps): GaugeDefinition[] {
  return [
    {
      name: "cairn_indexer_lag_blocks",
      help: "Blocks not indexed yet",
      read: async () => (await readHealth(deps)).lagBlocks ?? Number.NaN,
    },
    {
      name: "cairn_indexer_lag_seconds",
      help: "For how long there has been a block that is not indexed",
      read: async () => (await readHealth(deps)).lagSeconds ?? Number.NaN,
    },
  ];
}
