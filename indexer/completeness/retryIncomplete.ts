import type { Logger } from "../../core/logger";
import { countsIn, type RegistryCollections, type SuspectBlock } from "../../projection/models";
import type { Reign } from "../write/lease";
import { decodeRange } from "../fetch/decode";
import { fetchRange, type FetchOptions } from "../fetch/fetchRange";
import { eventIdOf, type Ledger } from "../write/writer";
import { RpcError } from "../rpc/rpcError";
import type { Source } from "../rpc/source";

interface Parts {
  source: Source;
  ledger: Ledger;
  reign: Reign;
  collections: Pick<RegistryCollections, "events">;
  fetch: FetchOptions;
  logger: Logger;
}

/**
 * Asks every endpoint again for the logs of the blocks that are marked as suspect. One whose logs are proven complete now
 * is unmarked, and what was missing is added.
 */
export async function retrySuspects(parts: Parts): Promise<void> {
  for (const suspect of parts.reign.checkpoint.suspects) {
    for (const endpoint of parts.source.endpoints) {
      try {
        const range = await fetchRange(endpoint, suspect.number, suspect.number, parts.fetch);
        if (range.headers[0]?.hash !== suspect.hash) continue;
        await settle(parts, suspect, decodeRange(range.headers, range.logs, parts.fetch.contracts));
        break;
      } catch (error) {
        // As before: the block stays marked.
        if (!(error instanceof RpcError)) throw error;
      }
    }
  }
}

async function settle(
  { reign, ledger, collections, logger }: Parts,
  suspect: SuspectBlock,
  events: ReturnType<typeof decodeRange>,
): Promise<void> {
  const { checkpoint } = reign;
  const stored = collections.events.find({
    _id: { $in: events.map((one) => eventIdOf(checkpoint.chainId, one)) },
  });
  const known = new Set<string>();
  for await (const { _id, reign: writtenIn, blockNumber } of stored) {
    if (countsIn(checkpoint, writtenIn, blockNumber)) known.add(_id);
  }
  const missing = events.filter((event) => !known.has(eventIdOf(checkpoint.chainId, event)));
  if (missing.length > 0) await ledger.insertMissing(missing);
  // Also of those that were there: a run that was interrupted may have added them and folded nothing yet.
  await ledger.refold(new Set(events.map(({ subject }) => subject)));
  await reign.write({ suspects: checkpoint.suspects.filter(({ number }) => number !== suspect.number) });
  logger.info({ block: suspect.number, added: missing.length }, "the logs of a suspect block are complete now");
}
