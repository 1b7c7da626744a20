import { type Clock } from "../../../core/clock";
import type { GaugeDefinition } from "../../../process/metrics";
import type { BatchDeps } from "./batching";
import type { BatchStore } from "./store";

interface MetricDeps extends Pick<BatchDeps, "listUnbatchedUses"> {
  batches: Pick<BatchStore, "countUnanchored">;
  clock: Clock;
  countUnbatchedUses(): Promise<number>;
}

/** How many uses auditors have no proof of yet, and for how long. */
export function useAnchoringGauges(deps: MetricDeps): GaugeDefinition[] {
  const { batches, clock } = deps;
  return [
    {
      name: "cairn_unanchored_uses",
      help: "Uses of credentials that are in no anchored batch whose block is final",
      read: async () => (await deps.countUnbatchedUses()) + (await batches.countUnanchored()).uses,
    },
    {
      name: "cairn_oldest_unanchored_use_age_seconds",
      help: "Age of the oldest use that is in no anchored batch whose block is final; 0 without one",
      async read() {
        const [{ oldestAt }, [unbatched]] = await Promise.all([batches.countUnanchored(), deps.listUnbatchedUses(1)]);
        const times = [oldestAt, unbatched?.usedAt].filter((time) => time !== null && time !== undefined);
        if (times.length === 0) return 0;
        const oldest = Math.min(...times.map((time) => time.getTime()));
        return Math.max(0, (clock.now().getTime() - oldest) / 1000);
      },
    },
  ];
}
