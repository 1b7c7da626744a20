import { blockOf, positionOf } from "../../chain/registry/position";
import { countsIn, type RegistryCollections } from "../../projection/models";
import type { Term } from "./lease";

/** With more past terms than this on record, the oldest are forgotten. */
const MOST_REMEMBERED = 64;
/** How many are remembered then: not one is forgotten at every start, for forgetting looks through what was written since. */
const REMEMBERED = 32;

/** What forgetting needs of the index. */
export interface PruneDeps {
  collections: RegistryCollections;
  term: Term;
  /** Folds documents of the projection anew, by their keys; what no event speaks of is removed. */
  refold: Record<"dids" | "issuers" | "words", (keys: string[]) => Promise<void>>;
}

/**
 * Removes the oldest past terms from the checkpoint once they are many. What a former leader wrote after it lost the
 * lease does not count by the bound of its term; without the bound it would begin to count, so it is removed first.
 *
 * A process that slept through so many changes of leadership, in the very moment between looking at its lease and
 * writing, can still write what counts; `audit` finds even that.
 *
 * @throws LeaseLostError
 */
export async function pruneTerms({ collections, term, refold }: PruneDeps): Promise<void> {
  const { checkpoint } = term;
  const forgotten = checkpoint.pastTerms.slice(0, -REMEMBERED);
  const [first, last] = [forgotten[0], forgotten.at(-1)];
  if (checkpoint.pastTerms.length <= MOST_REMEMBERED || first === undefined || last === undefined) return;

  /** IXSCAN position_1, from the bound of the first term that is forgotten. */
  async function outlived(collection: RegistryCollections["events"]): Promise<string[]> {
    const written = {
      term: { $lte: last?.term ?? 0 },
      position: { $gte: positionOf((first?.through ?? -1) + 1, 0) },
    };
    const ids: string[] = [];
    for await (const found of collection.find(written, { projection: { term: 1, position: 1 } })) {
      if (!countsIn(checkpoint, found.term, blockOf(found.position))) ids.push(found._id);
    }
    return ids;
  }

  const events = await outlived(collections.events);
  await collections.events.deleteMany({ _id: { $in: events }, term: { $lte: term.number } });
  for (const name of ["dids", "issuers", "words"] as const) {
    const collection = collections[name] as unknown as RegistryCollections["events"];
    await refold[name](await outlived(collection));
  }
  for (const past of forgotten) {
    await collections.blocks.deleteMany({ term: { $lte: past.term }, number: { $gt: past.through } });
  }
  await term.write({ pastTerms: checkpoint.pastTerms.slice(-REMEMBERED) });
}
