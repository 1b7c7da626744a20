import type { RegistryEvent } from "../../chain/registry/events";
import { countsIn, type IncompleteBlock } from "../../projection/models";
import { decodeRange } from "../fetch/decode";
import { fetchRange } from "../fetch/fetchRange";
import { RpcError } from "../rpc/rpcError";
import { eventIdOf } from "../write/eventDocument";
import type { CompletenessDeps } from "./completenessDeps";

type RetryDeps = Omit<CompletenessDeps, "metrics">;

/**
 * Asks every endpoint again for the logs of the blocks that are marked as incomplete. One whose logs are complete now is
 * unmarked, and what was missing is added.
 *
 * @throws LeaseLostError
 */
export async function retryIncompleteBlocks(deps: RetryDeps): Promise<void> {
  const { source, term, fetch } = deps;
  for (const block of term.checkpoint.incompleteBlocks) {
    for (const endpoint of source.endpoints) {
      try {
        const { headers, logs } = await fetchRange(endpoint, block.number, block.number, fetch);
        if (headers[0]?.hash !== block.hash) continue;
        await completeBlock(deps, block, decodeRange(headers, logs, fetch.contracts));
        break;
      } catch (error) {
        // As before: the block stays marked.
        if (!(error instanceof RpcError)) throw error;
      }
    }
  }
}

async function completeBlock(deps: RetryDeps, block: IncompleteBlock, events: RegistryEvent[]): Promise<void> {
  const { term, writer, logger } = deps;
  const stored = await storedIds(deps, events);
  const missing = events.filter((event) => !stored.has(eventIdOf(term.checkpoint.chainId, event)));
  if (missing.length > 0) await writer.insertMissing(missing);
  // Also of those that were there: a run that was interrupted may have added them and folded nothing yet.
  await writer.refold(new Set(events.map(({ subject }) => subject)));
  const others = term.checkpoint.incompleteBlocks.filter(({ number }) => number !== block.number);
  await term.write({ incompleteBlocks: others });
  logger.info({ block: block.number, added: missing.length }, "the logs of an incomplete block are complete now");
}

/** Which of these events the index has, by their `_id`s. */
async function storedIds({ collections, term }: RetryDeps, events: RegistryEvent[]): Promise<Set<string>> {
  const ids = events.map((event) => eventIdOf(term.checkpoint.chainId, event));
  const stored = new Set<string>();
  for await (const { _id, term: writtenIn, blockNumber } of collections.events.find({ _id: { $in: ids } })) {
    if (countsIn(term.checkpoint, writtenIn, blockNumber)) stored.add(_id);
  }
  return stored;
}
