import type { Logger } from "../../core/logger";
import type { RegistryCollections } from "../../projection/models";
import type { FetchOptions } from "../fetch/blockRange";
import type { IndexerMetrics } from "../metrics";
import type { Source } from "../rpc/source";
import type { Term } from "../write/term";
import type { ProjectionWriter } from "../write/writer";

/** What it takes to compare the index with the chain and to complete it. */
export interface CompletenessDeps {
  source: Source;
  writer: ProjectionWriter;
  term: Term;
  collections: RegistryCollections;
  fetch: FetchOptions;
  metrics: IndexerMetrics;
  logger: Logger;
}
