import type { RegistryEvent } from "../../chain/registry/events";
import { createRegistryCollections, type RegistryCollections } from "../../projection/models";
import { runAudit, type AuditOptions } from "./audit";
import type { Term } from "../write/term";
import { type Difference, nameOf } from "./difference";
import { overwriteFenced } from "../write/fencedWrites";
import { eventDocument } from "../write/eventDocument";
import { type ProjectionWriter, createProjectionWriter } from "../write/writer";

/**
 * Audits the index, repairs what differs, and audits again.
 *
 * @returns how many differences there were, and how many are left
 * @throws LeaseLostError when another process acquired the lease meanwhile
 */
export async function repair(options: AuditOptions & { term: Term }): Promise<{ repaired: number; left: number }> {
  const { mongo, term, report } = options;
  const collections = createRegistryCollections(mongo);
  const writer = createProjectionWriter({ collections, term, onCrashPoint: () => undefined });
  // What an interrupted indexer left above the cursor does not count as a difference: it is removed as at any start.
  await writer.recover();

  let repaired = 0;
  const tried = new Set<string>();
  for (;;) {
    const found: Difference[] = [];
    await runAudit({ ...options, report: (difference) => found.push(difference) });
    // Events are compared before what is folded from them, so a later audit may find more, but never only the same.
    if (found.every((difference) => tried.has(nameOf(difference)))) return { repaired, left: found.length };
    found.forEach(report);
    found.forEach((difference) => tried.add(nameOf(difference)));
    repaired += found.length;
    await removeImpossible(collections, term, found);
    await repairEvents(collections, term, found);
    await repairProjection(collections, term, writer, found);
  }
}

/** Removes documents that claim to be of a later term than the current one: no process wrote them. @throws LeaseLostError */
async function removeImpossible(collections: RegistryCollections, term: Term, found: Difference[]): Promise<void> {
  // While this succeeds, there is no later term.
  await term.renew();
  const ids = found.map(({ id }) => id);
  const later = { _id: { $in: ids }, term: { $not: { $lte: term.number } } };
  await collections.events.deleteMany(later);
  await collections.dids.deleteMany(later);
  await collections.issuers.deleteMany(later);
  await collections.words.deleteMany(later);
  await collections.blocks.deleteMany(later);
}

async function repairEvents(collections: RegistryCollections, term: Term, found: Difference[]): Promise<void> {
  const differing = found.filter(({ collection }) => collection === "chain_events");
  const right = new Map<string, RegistryEvent>();
  for (const { id, event } of differing) if (event) right.set(id, event);
  // What does not belong is removed first: it may have the `_id` of what does.
  const wrong = differing.filter(({ event }) => event === undefined).map(({ id }) => id);
  if (wrong.length > 0) await collections.events.deleteMany({ _id: { $in: wrong }, term: { $lte: term.number } });
  const documents = [...right.values()].map((event) => eventDocument(term, event));
  await overwriteFenced(collections.events, documents, term.number);
}

async function repairProjection(
  collections: RegistryCollections,
  term: Term,
  writer: ProjectionWriter,
  found: Difference[],
): Promise<void> {
  const subjects = new Set<string>();
  const words = new Set<string>();
  const blocks = new Set<string>();
  for (const { collection, id, event, indexed } of found) {
    if (collection === "status_words") words.add(id);
    else if (collection === "blocks") blocks.add(id);
    else if (collection === "chain_events") subjects.add((event ?? (indexed as RegistryEvent)).subject);
    else subjects.add(id);
  }
  await writer.refold(subjects);
  await writer.refoldWords(words);
  // A block that is not stored is found by the events instead, or fetched again: removing it is enough.
  if (blocks.size > 0) await collections.blocks.deleteMany({ _id: { $in: [...blocks] }, term: { $lte: term.number } });
}
