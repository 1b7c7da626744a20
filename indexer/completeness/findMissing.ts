import type { RegistryEvent } from "../../chain/registry/events";
import { countsIn } from "../../projection/models";
import { decodeRange } from "../fetch/decode";
import { logsAbout } from "../fetch/logs";
import type { Endpoint } from "../rpc/endpoint";
import { headersAt } from "../rpc/headers";
import { RpcError } from "../rpc/rpcError";
import { eventIdOf } from "../write/eventDocument";
import type { CompletenessDeps } from "./completenessDeps";

type FindDeps = Pick<CompletenessDeps, "source" | "term" | "collections" | "fetch">;

/**
 * The events about a subject that some endpoint has and the index has not, up to a block. Each endpoint is asked; a log
 * counts when its block is on the indexed chain.
 */
export async function findMissing(deps: FindDeps, subject: string, upTo: number): Promise<RegistryEvent[]> {
  const { source, term } = deps;
  const stored = await storedIds(deps, subject);
  const missing = new Map<string, RegistryEvent>();
  for (const endpoint of source.endpoints) {
    try {
      for (const event of await eventsOn(endpoint, deps, subject, upTo)) {
        const id = eventIdOf(term.checkpoint.chainId, event);
        if (!stored.has(id)) missing.set(id, event);
      }
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      source.demote(endpoint, error);
    }
  }
  return [...missing.values()];
}

async function storedIds({ collections, term }: FindDeps, subject: string): Promise<ReadonlySet<string>> {
  const found = await collections.events.find({ subject }, { projection: { term: 1, blockNumber: 1 } }).toArray();
  const counting = found.filter((event) => countsIn(term.checkpoint, event.term, event.blockNumber));
  return new Set(counting.map(({ _id }) => _id));
}

async function eventsOn(
  endpoint: Endpoint,
  { term, fetch }: FindDeps,
  subject: string,
  upTo: number,
): Promise<RegistryEvent[]> {
  const range = { from: term.checkpoint.deployment.blockNumber, to: upTo };
  const logs = await logsAbout(endpoint, [...fetch.contracts.keys()], subject, range);
  const numbers = new Set(logs.map((log) => Number(log.blockNumber)));
  const headers = await headersAt(endpoint, [...numbers]);
  const hashes = new Set(headers.map(({ hash }) => hash));
  const onChain = logs.filter(({ blockHash }) => hashes.has(blockHash));
  return decodeRange(headers, onChain, fetch.contracts);
}
