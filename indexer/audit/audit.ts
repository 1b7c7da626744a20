import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import { type CheckpointDocument, CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import { auditChain } from "./auditChain";
import { auditEvents } from "./auditEvents";
import { auditBlocks, auditProjection } from "./auditProjection";
import type { Report } from "./difference";
import type { Contracts } from "../fetch/blockRange";
import { headerAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

export interface AuditOptions {
  mongo: Mongo;
  source: Source;
  contracts: Contracts;
  logger: Logger;
  /** Told of each difference once. */
  report: Report;
}

/** What was compared. */
export interface Audit {
  blockNumber: number;
  events: number;
  documents: number;
}

/**
 * Compares the whole index with the chain at one block: every stored event with the log fetched again; and if these agree,
 * every document of the projection with what the events say, that with the contracts' own answers at that block, and the
 * kept blocks with the chain's. An indexer may go on writing meanwhile.
 *
 * @throws TransientError `index.empty` when there is nothing to compare, `index.behind_reorg` when the chain has left the
 *   indexed branch and the indexer has not followed yet
 */
export async function runAudit({ mongo, source, contracts, logger, report }: AuditOptions): Promise<Audit> {
  const collections = createRegistryCollections(mongo);
  const readCheckpoint = async (): Promise<CheckpointDocument> => {
    const found = await collections.checkpoints.findOne({ _id: CHECKPOINT_ID });
    if (!found) throw new TransientError("index.empty", "There is no index yet: start the indexer first.");
    return found;
  };
  const checkpoint = await readCheckpoint();
  const { indexed } = checkpoint;
  if (indexed === null) throw new TransientError("index.empty", "Nothing is indexed yet: let the indexer run first.");
  const header = await source.ask(`block ${indexed.number}`, (endpoint) => headerAt(endpoint, indexed.number));
  if (header.hash !== indexed.hash) {
    const message = `Block ${indexed.number} is another on the chain than in the index: let the indexer follow first.`;
    throw new TransientError("index.behind_reorg", message);
  }

  const told = new Set<string>();
  const once: Report = (difference) => {
    const name = `${difference.collection} ${difference.id} ${difference.field ?? ""}`;
    if (!told.has(name)) report(difference);
    told.add(name);
  };
  const parts = { collections, source, checkpoint, upTo: indexed.number, report: once };
  const audited = await auditEvents({ ...parts, contracts });
  logger.debug({ events: audited.events }, "events compared");
  // Folded from events that are wrong, nothing else could be right.
  if (told.size > 0) return { blockNumber: indexed.number, events: audited.events, documents: 0 };
  const documents = await auditProjection({
    ...{ collections, readCheckpoint, audited, report: once },
    onStates: (collection, states) => auditChain({ ...parts, at: indexed }, collection, states),
  });
  await auditBlocks(parts);
  return { blockNumber: indexed.number, events: audited.events, documents };
}
