import type { Clock } from "../core/clock";
import type { DependencyCheck } from "../process/health";
import type { GaugeDefinition } from "../process/metrics";
import type { CheckpointDocument } from "../projection/models";

/** How far the index is, and what is wrong with it. */
export type IndexHealth = {
  /** What keeps the index from being ready, in words; empty when it is ready. */
  problems: string[];
  /** Whether this process holds the lease. */
  leading: boolean;
  indexedBlock: number | null;
  headBlock: number | null;
  verifiedBlock: number | null;
  lagBlocks: number | null;
  lagSeconds: number | null;
};

/**
 * Assesses a checkpoint: ready means that the index is as new as the chain, and verified, give or take `maxLagSeconds`;
 * whether some process is alive is not asked.
 */
export function assessHealth(
  checkpoint: CheckpointDocument | null,
  { now, maxLagSeconds, leading }: { now: Date; maxLagSeconds: number; leading: boolean },
): IndexHealth {
  if (!checkpoint?.indexed || !checkpoint.head) {
    return {
      problems: ["nothing is indexed yet"],
      leading,
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
  const problems: string[] = [];
  if (lagSeconds > maxLagSeconds) problems.push(`${lagBlocks} blocks behind the chain`);
  if (silentSeconds > maxLagSeconds) problems.push(`no answer from the chain for ${Math.round(silentSeconds)} s`);
  if (verifiedNumber < indexed.number && secondsSince(indexed.minedAt) > maxLagSeconds && lagBlocks === 0) {
    // Verification takes moments; an old block that is not verified yet means that something prevents it.
    problems.push(`verified up to block ${verifiedNumber} only`);
  }
  return {
    problems,
    leading,
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
  isLeading(): Promise<boolean>;
}

/** Reads the checkpoint and assesses it now. */
export async function readHealth({ clock, maxLagSeconds, ...deps }: HealthDeps): Promise<IndexHealth> {
  const [checkpoint, leading] = await Promise.all([deps.readCheckpoint(), deps.isLeading()]);
  return assessHealth(checkpoint, { now: clock.now(), maxLagSeconds, leading });
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
