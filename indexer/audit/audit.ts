import { TransientError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import {
  type BlockRef,
  type CheckpointDocument,
  CHECKPOINT_ID,
  createRegistryCollections,
  type RegistryCollections,
} from "../../projection/models";
import type { Contracts } from "../fetch/blockRange";
import { headerAt } from "../rpc/headers";
import type { Source } from "../rpc/source";
import { auditBlocks } from "./auditBlocks";
import { auditChain } from "./auditChain";
import { auditEvents } from "./auditEvents";
import { auditProjection } from "./auditProjection";
import { nameOf, type Report } from "./difference";

export interface AuditOptions {
  mongo: Mongo;
  source: Source;
  contracts: Contracts;
  logger: Logger;
  /** Called with each difference, once. */
  report: Report;
}

/** What was compared. */
export interface Audit {
  blockNumber: number;
  events: number;
  /** 0 when events differ: what is folded from them is not compared then. */
  documents: number;
}

/**
 * Compares the whole index with the chain at one block: every stored event with the log fetched again; and if these agree,
 * every document of the projection with what the events say, that with the contracts' own answers at that block, and the
 * retained blocks with the chain's. An indexer may go on writing meanwhile.
 *
 * @throws TransientError `index.empty` when there is nothing to compare, `index.behind_reorg` when the chain has left the
 *   indexed branch and the indexer has not followed yet
 */
export async function runAudit({ mongo, source, contracts, logger, report }: AuditOptions): Promise<Audit> {
  const collections = createRegistryCollections(mongo);
  const checkpoint = await readCheckpoint(collections);
  const indexed = await requireIndexedBlock(source, checkpoint);
  const reported = new Set<string>();
  const reportOnce: Report = (difference) => {
    if (!reported.has(nameOf(difference))) report(difference);
    reported.add(nameOf(difference));
  };
  const deps = { collections, source, checkpoint, upTo: indexed.number, report: reportOnce };
  const audited = await auditEvents({ ...deps, contracts });
  logger.debug({ events: audited.events }, "events compared");
  // Whatever is folded from wrong events is wrong too.
  if (reported.size > 0) return { blockNumber: indexed.number, events: audited.events, documents: 0 };
  const documents = await auditProjection({
    collections,
    readCheckpoint: () => readCheckpoint(collections),
    audited,
    report: reportOnce,
    onStates: (collection, states) => auditChain({ ...deps, at: indexed }, collection, states),
  });
  await auditBlocks(deps);
  return { blockNumber: indexed.number, events: audited.events, documents };
}

async function readCheckpoint({ checkpoints }: RegistryCollections): Promise<CheckpointDocument> {
  const found = await checkpoints.findOne({ _id: CHECKPOINT_ID });
  if (!found) throw new TransientError("index.empty", "There is no index yet: start the indexer first.");
  return found;
}

/** The last indexed block, which must be on the chain. @throws TransientError */
async function requireIndexedBlock(source: Source, { indexed }: CheckpointDocument): Promise<BlockRef> {
  if (indexed === null) throw new TransientError("index.empty", "Nothing is indexed yet: let the indexer run first.");
  const header = await source.ask(`block ${indexed.number}`, (endpoint) => headerAt(endpoint, indexed.number));
  if (header.hash === indexed.hash) return indexed;
  const message = `Block ${indexed.number} is another on the chain than in the index: let the indexer follow first.`;
  throw new TransientError("index.behind_reorg", message);
}
