import type { RegistryEvent } from "../../chain/registry/events";
import type { CheckpointDocument, RegistryCollections } from "../../projection/models";
import { countsIn } from "../../projection/models";
import type { Term } from "../write/term";
import { decodeRange } from "../fetch/decode";
import type { Endpoint } from "../rpc/endpoint";
import type { FetchOptions } from "../fetch/blockRange";
import { logsAbout } from "../fetch/logs";
import { eventIdOf } from "../write/eventDocument";
import { RpcError } from "../rpc/rpcError";
import { headersAt } from "../rpc/headers";
import type { Source } from "../rpc/source";

interface Parts {
  source: Source;
  term: Term;
  collections: Pick<RegistryCollections, "events">;
  fetch: FetchOptions;
}

/**
 * The events about a subject that some endpoint has and the index has not, up to a block. Each endpoint is asked; a log
 * counts when its block is on the indexed chain.
 */
export async function findMissing(parts: Parts, subject: string, upTo: number): Promise<RegistryEvent[]> {
  const { checkpoint } = parts.term;
  const known = await knownIds(parts, checkpoint, subject);
  const missing = new Map<string, RegistryEvent>();
  for (const endpoint of parts.source.endpoints) {
    try {
      for (const event of await eventsOn(endpoint, parts, subject, upTo)) {
        const id = eventIdOf(checkpoint.chainId, event);
        if (!known.has(id)) missing.set(id, event);
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      parts.source.demote(endpoint, error);
    }
  }
  return [...missing.values()];
}

async function knownIds(
  { collections }: Parts,
  checkpoint: CheckpointDocument,
  subject: string,
): Promise<ReadonlySet<string>> {
  const stored = await collections.events.find({ subject }, { projection: { term: 1, blockNumber: 1 } }).toArray();
  return new Set(
    stored.filter(({ term, blockNumber }) => countsIn(checkpoint, term, blockNumber)).map(({ _id }) => _id),
  );
}

async function eventsOn(
  endpoint: Endpoint,
  { term, fetch }: Parts,
  subject: string,
  upTo: number,
): Promise<RegistryEvent[]> {
  const logs = await logsAbout(endpoint, [...fetch.contracts.keys()], subject, {
    from: term.checkpoint.deployment.blockNumber,
    to: upTo,
  });
  const numbers = [...new Set(logs.map((log) => Number(log.blockNumber)))];
  const headers = await headersAt(endpoint, numbers);
  const hashes = new Set(headers.map(({ hash }) => hash));
  return decodeRange(
    headers,
    logs.filter(({ blockHash }) => hashes.has(blockHash)),
    fetch.contracts,
  );
}
