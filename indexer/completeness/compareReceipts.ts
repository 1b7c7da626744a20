import { affects, type RegistryEvent } from "../../chain/registry/events";
import { type DidState, foldDid, foldIssuer, type IssuerState } from "../../chain/registry/fold";
import type { EventDocument, RegistryCollections } from "../../projection/models";
import { eventsOfSubject } from "../../projection/refold";
import { loadBlooms } from "../fetch/bloom";
import type { Term } from "../write/term";
import { decodeRange } from "../fetch/decode";
import type { Endpoint } from "../rpc/endpoint";
import type { FetchOptions } from "../fetch/blockRange";
import { eventIdOf } from "../write/eventDocument";
import { topicOf } from "../fetch/logs";
import { logsByReceipts } from "../fetch/receipts";
import { RpcError } from "../rpc/rpcError";
import { headersAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

interface Parts {
  source: Source;
  term: Term;
  collections: Pick<RegistryCollections, "events">;
  fetch: FetchOptions;
}

/** Events that the index lacks, and `_id`s of those that no block has. */
export interface Findings {
  missing: RegistryEvent[];
  extra: string[];
}

const HEADERS_AT_ONCE = 100;
/** A longer stretch is looked through from its end. */
const LONGEST_WINDOW = 20_000;

/**
 * Looks through the receipts of every block in which the events of a doubtful subject may be wrong: from the last event
 * that follows its predecessor, to the one that does not. The blocks' bloom filters say which of them speak of it.
 */
export async function reexamine(parts: Parts, subject: string, upTo: number): Promise<Findings> {
  const events: EventDocument[] = [];
  for await (const event of eventsOfSubject(parts.collections, parts.term.checkpoint, subject)) events.push(event);
  const window = doubtfulBlocks(events, parts.term.checkpoint.deployment.blockNumber, upTo);
  for (const endpoint of parts.source.endpoints) {
    try {
      return await compareReceipts(endpoint, parts, subject, { ...window, events });
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      parts.source.demote(endpoint, error);
    }
  }
  return { missing: [], extra: [] };
}

/** The blocks from the last sound event to the first doubtful one; to `upTo` when what follows the last is missing. */
export function doubtfulBlocks(events: RegistryEvent[], from: number, upTo: number): { from: number; to: number } {
  let did: DidState | null = null;
  let issuer: IssuerState | null = null;
  let sound = from;
  for (const event of events) {
    if (affects(event, "dids")) did = foldDid(did, event);
    if (affects(event, "issuers")) issuer = foldIssuer(issuer, event);
    const doubtful = (did?.unverified ?? null) !== null || (issuer?.unverified ?? null) !== null;
    if (doubtful) return bounded(sound, event.blockNumber);
    sound = event.blockNumber;
  }
  return bounded(sound, upTo);
}

function bounded(from: number, to: number): { from: number; to: number } {
  return { from: Math.max(from, to - LONGEST_WINDOW + 1), to };
}

async function compareReceipts(
  endpoint: Endpoint,
  { term, fetch }: Parts,
  subject: string,
  { from, to, events }: { from: number; to: number; events: EventDocument[] },
): Promise<Findings> {
  const topic = topicOf(subject);
  const blooms = await loadBlooms();
  const findings: Findings = { missing: [], extra: [] };
  const storedBlocks = new Set(events.map(({ blockNumber }) => blockNumber));
  for (let first = from; first <= to; first += HEADERS_AT_ONCE) {
    const count = Math.min(HEADERS_AT_ONCE, to - first + 1);
    const headers = await headersAt(
      endpoint,
      Array.from({ length: count }, (_, index) => first + index),
    );
    for (const header of headers) {
      if (!blooms.mayContain(header.logsBloom, topic) && !storedBlocks.has(header.number)) continue;
      const logs = await logsByReceipts(endpoint, header, fetch.contracts);
      const real = decodeRange([header], logs, fetch.contracts).filter((event) => event.subject === subject);
      const realIds = new Set(real.map((event) => eventIdOf(term.checkpoint.chainId, event)));
      const stored = new Set(events.map(({ _id }) => _id));
      findings.missing.push(...real.filter((event) => !stored.has(eventIdOf(term.checkpoint.chainId, event))));
      const here = events.filter(({ blockHash }) => blockHash === header.hash);
      findings.extra.push(...here.filter(({ _id }) => !realIds.has(_id)).map(({ _id }) => _id));
    }
  }
  return findings;
}
