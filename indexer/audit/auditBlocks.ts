import { type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import { headersAt } from "../rpc/headers";
import type { Source } from "../rpc/source";
import { differencesOf, type Report } from "./difference";

/** So many blocks are compared at once. */
const PAGE = 100;

/** Compares the retained blocks with the chain's. @throws TransientError */
export async function auditBlocks(options: {
  collections: Pick<RegistryCollections, "blocks">;
  checkpoint: CheckpointDocument;
  source: Source;
  upTo: number;
  report: Report;
}): Promise<void> {
  const { collections, checkpoint, source, upTo, report } = options;
  const stored = await collections.blocks.find({}).toArray();
  const counting = stored.filter(({ term, number }) => number <= upTo && countsIn(checkpoint, term, number));
  for (let from = 0; from < counting.length; from += PAGE) {
    const page = counting.slice(from, from + PAGE);
    const numbers = page.map(({ _id }) => Number(_id));
    const headers = await source.ask("the retained blocks", (endpoint) => headersAt(endpoint, numbers));
    page.forEach(({ _id, term: _term, ...block }, index) => {
      const header = headers[index];
      const expected = header && {
        number: header.number,
        hash: header.hash,
        parentHash: header.parentHash,
        minedAt: header.minedAt,
      };
      differencesOf({ collection: "blocks", id: _id }, block, expected ?? null).forEach(report);
    });
  }
}
