import { blockOf, positionOf } from "../../chain/registry/position";
import { countsIn, type RegistryCollections } from "../../projection/models";
import type { Tables } from "./tables";
import type { Term } from "./term";

/** With more past terms than this in the checkpoint, the oldest are removed. */
const MAX_PAST_TERMS = 64;
/** How many stay then: fewer than the limit, since removing one means looking through all that was written since. */
const RETAINED_TERMS = 32;

export interface PruneDeps {
  collections: RegistryCollections;
  term: Term;
  tables: Tables;
}

/**
 * Removes the oldest past terms from the checkpoint once they are many. What a former leader wrote after it lost the
 * lease does not count by the bound of its term; without the bound it would begin to count, so it is removed first.
 *
 * A process that was suspended through so many changes of leadership, between reading its lease and writing, can still
 * write what counts; `audit` finds even that.
 *
 * @throws LeaseLostError
 */
export async function pruneTerms({ collections, term, tables }: PruneDeps): Promise<void> {
  const { checkpoint } = term;
  const pruned = checkpoint.pastTerms.slice(0, -RETAINED_TERMS);
  const [first, last] = [pruned[0], pruned.at(-1)];
  if (checkpoint.pastTerms.length <= MAX_PAST_TERMS || first === undefined || last === undefined) return;

  /** What those terms wrote beyond their bounds: IXSCAN position_1, from the bound of the first of them. */
  async function beyondBounds(collection: RegistryCollections["events"]): Promise<string[]> {
    const written = { term: { $lte: last?.term ?? 0 }, position: { $gte: positionOf((first?.through ?? -1) + 1, 0) } };
    const ids: string[] = [];
    for await (const found of collection.find(written, { projection: { term: 1, position: 1 } })) {
      if (!countsIn(checkpoint, found.term, blockOf(found.position))) ids.push(found._id);
    }
    return ids;
  }

  const events = await beyondBounds(collections.events);
  await collections.events.deleteMany({ _id: { $in: events }, term: { $lte: term.number } });
  for (const name of ["dids", "issuers", "words"] as const) {
    const collection = collections[name] as unknown as RegistryCollections["events"];
    await tables[name].refold(await beyondBounds(collection));
  }
  for (const past of pruned) {
    await collections.blocks.deleteMany({ term: { $lte: past.term }, number: { $gt: past.through } });
  }
  await term.write({ pastTerms: checkpoint.pastTerms.slice(-RETAINED_TERMS) });
}
