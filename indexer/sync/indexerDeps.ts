import type { Deployment } from "../../chain/deployment";
import type { Clock } from "../../core/clock";
import type { Config } from "../../core/config/config";
import type { Logger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import type { Activity } from "../activity";
import type { IndexerMetrics } from "../metrics";
import type { CrashPointHook } from "../write/crashPoints";
import type { Terminal } from "./progress";

/** What one indexer process needs. */
export interface IndexerDeps {
  mongo: Mongo;
  config: Pick<Config, "chain" | "indexer">;
  /** Reads where the contracts are; asked again after a reset of the chain. */
  readDeployment(): Deployment;
  clock: Clock;
  logger: Logger;
  metrics: IndexerMetrics;
  /** Kept up to date, for the process's readiness. */
  activity: Activity;
  terminal: Terminal;
  stopping: AbortSignal;
  onCrashPoint?: CrashPointHook;
  /** Start over by itself when the chain was reset, as on a developer's machine. */
  reindexOnReset?: boolean;
  /** Called once, when this process leads and has caught up, or stands by while the index is as new as the chain. */
  onReady?(): void;
}
