import { z } from "zod";
import { configPart } from "./part";

/** An hour costs 24 transactions a day at most; while developing nobody wants to wait for one. */
const DEFAULT_SECONDS = { production: 3_600, development: 60 };

export const useAnchorsPart = configPart({
  environment: {
    USE_ANCHOR_INTERVAL_SECONDS: z.coerce.number().int().min(0).max(604_800).optional(),
  },
  shape: (env, { production }): { useAnchors: UseAnchorsConfig } => ({
    useAnchors: {
      intervalSeconds: env.USE_ANCHOR_INTERVAL_SECONDS ?? DEFAULT_SECONDS[production ? "production" : "development"],
    },
  }),
});

interface UseAnchorsConfig {
  /** How long a use waits for others that are anchored with it; 0: none are anchored. */
  intervalSeconds: number;
}
