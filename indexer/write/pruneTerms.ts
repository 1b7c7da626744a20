import { blockOf, positionOf } from "../../chain/registry/events";
import { countsIn, type RegistryCollections } from "../../projection/models";
import type { Reign } from "./lease";

/** With more past reigns than this on record, the oldest are forgotten. */
const MOST_REMEMBERED = 64;
/** How many are remembered then: not one is forgotten at every start, for forgetting looks through what was written since. */
const REMEMBERED = 32;

/** What forgetting needs of the index. */
export interface OldReignsParts {
  collections: RegistryCollections;
  reign: Reign;
  /** Folds documents of the projection anew, by their keys; what no event speaks of is removed. */
  refold: Record<"dids" | "issuers" | "words", (keys: string[]) => Promise<void>>;
}

/**
 * Forgets the oldest past reigns once they are many. What a deposed leader wrote after its time does not count by the
 * bound of its reign; without the bound it would begin to count, so it is removed first.
 *
 * A process that slept through so many changes of leadership, in the very moment between looking at its lease and
 * writing, can still write what counts; `audit` finds even that.
 *
 * @throws DeposedError
 */
export async function forgetOldReigns({ collections, reign, refold }: OldReignsParts): Promise<void> {
  const { checkpoint } = reign;
  const forgotten = checkpoint.pastReigns.slice(0, -REMEMBERED);
  const [first, last] = [forgotten[0], forgotten.at(-1)];
  if (checkpoint.pastReigns.length <= MOST_REMEMBERED || first === undefined || last === undefined) return;

  /** IXSCAN position_1, from the bound of the first reign that is forgotten. */
  async function outlived(collection: RegistryCollections["events"]): Promise<string[]> {
    const written = {
      reign: { $lte: last?.reign ?? 0 },
      position: { $gte: positionOf((first?.through ?? -1) + 1, 0) },
    };
    const ids: string[] = [];
    for await (const found of collection.find(written, { projection: { reign: 1, position: 1 } })) {
      if (!countsIn(checkpoint, found.reign, blockOf(found.position))) ids.push(found._id);
    }
    return ids;
  }

  const events = await outlived(collections.events);
  await collections.events.deleteMany({ _id: { $in: events }, reign: { $lte: reign.number } });
  for (const name of ["dids", "issuers", "words"] as const) {
    const collection = collections[name] as unknown as RegistryCollections["events"];
    await refold[name](await outlived(collection));
  }
  for (const past of forgotten) {
    await collections.blocks.deleteMany({ reign: { $lte: past.reign }, number: { $gt: past.through } });
  }
  await reign.write({ pastReigns: checkpoint.pastReigns.slice(-REMEMBERED) });
}
