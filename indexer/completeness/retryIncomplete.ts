import type { Logger } from "../../core/logger";
import { countsIn, type RegistryCollections, type IncompleteBlock } from "../../projection/models";
import type { Term } from "../write/term";
import { decodeRange } from "../fetch/decode";
import type { FetchOptions } from "../fetch/blockRange";
import { fetchRange } from "../fetch/fetchRange";
import { eventIdOf } from "../write/eventDocument";
import type { ProjectionWriter } from "../write/writer";
import { RpcError } from "../rpc/rpcError";
import type { Source } from "../rpc/source";

interface Parts {
  source: Source;
  writer: ProjectionWriter;
  term: Term;
  collections: Pick<RegistryCollections, "events">;
  fetch: FetchOptions;
  logger: Logger;
}

/**
 * Asks every endpoint again for the logs of the blocks that are marked as incomplete. One whose logs are proven complete
 * now is unmarked, and what was missing is added.
 */
export async function retryIncompleteBlocks(parts: Parts): Promise<void> {
  for (const block of parts.term.checkpoint.incompleteBlocks) {
    for (const endpoint of parts.source.endpoints) {
      try {
        const range = await fetchRange(endpoint, block.number, block.number, parts.fetch);
        if (range.headers[0]?.hash !== block.hash) continue;
        await complete(parts, block, decodeRange(range.headers, range.logs, parts.fetch.contracts));
        break;
      } catch (error) {
        // As before: the block stays marked.
        if (!(error instanceof RpcError)) throw error;
      }
    }
  }
}

async function complete(
  { term, writer, collections, logger }: Parts,
  block: IncompleteBlock,
  events: ReturnType<typeof decodeRange>,
): Promise<void> {
  const { checkpoint } = term;
  const stored = collections.events.find({
    _id: { $in: events.map((one) => eventIdOf(checkpoint.chainId, one)) },
  });
  const known = new Set<string>();
  for await (const { _id, term: writtenIn, blockNumber } of stored) {
    if (countsIn(checkpoint, writtenIn, blockNumber)) known.add(_id);
  }
  const missing = events.filter((event) => !known.has(eventIdOf(checkpoint.chainId, event)));
  if (missing.length > 0) await writer.insertMissing(missing);
  // Also of those that were there: a run that was interrupted may have added them and folded nothing yet.
  await writer.refold(new Set(events.map(({ subject }) => subject)));
  await term.write({ incompleteBlocks: checkpoint.incompleteBlocks.filter(({ number }) => number !== block.number) });
  logger.info({ block: block.number, added: missing.length }, "the logs of an incomplete block are complete now");
}
