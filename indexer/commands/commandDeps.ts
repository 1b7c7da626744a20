import type { Config } from "../../core/config/config";
import type { Logger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import type { IndexerMetrics } from "../metrics";
import type { Source } from "../rpc/source";

/** What the indexer's commands need. */
export interface CommandDeps {
  config: Config;
  logger: Logger;
  mongo: Mongo;
  source: Source;
  metrics: IndexerMetrics;
  stopping: AbortSignal;
  /** Writes a line to standard output. */
  print(line: string): void;
}
