import { affects, type RegistryEvent } from "../../chain/registry/events";
import { type DidState, foldDid, foldIssuer, type IssuerState } from "../../chain/registry/fold";
import type { EventDocument } from "../../projection/models";
import { eventsOfSubject } from "../../projection/refold";
import { loadBlooms } from "../fetch/bloom";
import { decodeRange } from "../fetch/decode";
import { topicOf } from "../fetch/logs";
import { logsByReceipts } from "../fetch/receipts";
import type { Header } from "../rpc/block";
import type { Endpoint } from "../rpc/endpoint";
import { headersAt } from "../rpc/headers";
import { RpcError } from "../rpc/rpcError";
import { eventIdOf } from "../write/eventDocument";
import type { CompletenessDeps } from "./completenessDeps";

type CompareDeps = Pick<CompletenessDeps, "source" | "term" | "collections" | "fetch">;

/** Events that the index lacks, and `_id`s of those that no block has. */
export interface ReceiptDifferences {
  missing: RegistryEvent[];
  extra: string[];
}

/** Numbers of blocks, both included. */
interface BlockNumbers {
  from: number;
  to: number;
}

const HEADERS_AT_ONCE = 100;
/** Of a longer stretch, only the last blocks are compared. */
const MAX_COMPARED_BLOCKS = 20_000;

/**
 * Compares the stored events about a subject with the receipts of every block in which they may be incomplete: from the
 * last event that follows its predecessor, to the one that does not. The blocks' bloom filters tell which of them may
 * have events about it.
 */
export async function compareReceipts(deps: CompareDeps, subject: string, upTo: number): Promise<ReceiptDifferences> {
  const { source, term, collections } = deps;
  const stored: EventDocument[] = [];
  for await (const event of eventsOfSubject(collections, term.checkpoint, subject)) stored.push(event);
  const blocks = unverifiedBlocks(stored, term.checkpoint.deployment.blockNumber, upTo);
  for (const endpoint of source.endpoints) {
    try {
      return await compareOn(endpoint, deps, { subject, stored, blocks });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      source.demote(endpoint, error);
    }
  }
  return { missing: [], extra: [] };
}

/** The blocks from the last event whose counter follows to the first that does not; to `upTo` when all of them follow. */
export function unverifiedBlocks(events: RegistryEvent[], from: number, upTo: number): BlockNumbers {
  let did: DidState | null = null;
  let issuer: IssuerState | null = null;
  let verified = from;
  for (const event of events) {
    if (affects(event, "dids")) did = foldDid(did, event);
    if (affects(event, "issuers")) issuer = foldIssuer(issuer, event);
    const unverified = (did?.unverified ?? null) !== null || (issuer?.unverified ?? null) !== null;
    if (unverified) return bounded(verified, event.blockNumber);
    verified = event.blockNumber;
  }
  return bounded(verified, upTo);
}

function bounded(from: number, to: number): BlockNumbers {
  return { from: Math.max(from, to - MAX_COMPARED_BLOCKS + 1), to };
}

async function compareOn(
  endpoint: Endpoint,
  deps: CompareDeps,
  { subject, stored, blocks }: { subject: string; stored: EventDocument[]; blocks: BlockNumbers },
): Promise<ReceiptDifferences> {
  const topic = topicOf(subject);
  const blooms = await loadBlooms();
  const storedBlocks = new Set(stored.map(({ blockNumber }) => blockNumber));
  const differences: ReceiptDifferences = { missing: [], extra: [] };
  for (let first = blocks.from; first <= blocks.to; first += HEADERS_AT_ONCE) {
    const count = Math.min(HEADERS_AT_ONCE, blocks.to - first + 1);
    const numbers = Array.from({ length: count }, (_, index) => first + index);
    for (const header of await headersAt(endpoint, numbers)) {
      if (!blooms.mayContain(header.logsBloom, topic) && !storedBlocks.has(header.number)) continue;
      const { missing, extra } = await compareBlock(endpoint, deps, { subject, stored, header });
      differences.missing.push(...missing);
      differences.extra.push(...extra);
    }
  }
  return differences;
}

async function compareBlock(
  endpoint: Endpoint,
  { term, fetch }: CompareDeps,
  { subject, stored, header }: { subject: string; stored: EventDocument[]; header: Header },
): Promise<ReceiptDifferences> {
  const logs = await logsByReceipts(endpoint, header, fetch.contracts);
  const emitted = decodeRange([header], logs, fetch.contracts).filter((event) => event.subject === subject);
  const idOf = (event: RegistryEvent) => eventIdOf(term.checkpoint.chainId, event);
  const emittedIds = new Set(emitted.map(idOf));
  const storedIds = new Set(stored.map(({ _id }) => _id));
  const storedHere = stored.filter(({ blockHash }) => blockHash === header.hash);
  return {
    missing: emitted.filter((event) => !storedIds.has(idOf(event))),
    extra: storedHere.filter(({ _id }) => !emittedIds.has(_id)).map(({ _id }) => _id),
  };
}
