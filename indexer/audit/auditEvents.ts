import { wordMergesOf } from "../../chain/registry/foldWord";
import { positionOf } from "../../chain/registry/position";
import { type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import type { Contracts } from "../fetch/blockRange";
import type { Source } from "../rpc/source";
import { backfill } from "../sync/backfill";
import { isHardhat } from "../sync/finality";
import { eventIdOf } from "../write/eventDocument";
import type { Batch } from "../write/writer";
import { type Difference, differencesOf, type Report } from "./difference";

/** What the events of the chain are about. */
export interface AuditedEvents {
  events: number;
  subjects: Set<string>;
  /** `_id`s of status words. */
  words: Set<string>;
}

interface AuditEventsOptions {
  source: Source;
  contracts: Contracts;
  collections: Pick<RegistryCollections, "events">;
  checkpoint: CheckpointDocument;
  upTo: number;
  report: Report;
}

/** Fetches every event again, from the deployment to the cursor, and compares it with the stored one. */
export async function auditEvents(options: AuditEventsOptions): Promise<AuditedEvents> {
  const { source, contracts, checkpoint } = options;
  const audited: AuditedEvents = { events: 0, subjects: new Set(), words: new Set() };
  await backfill({
    source,
    fetch: { contracts, unlinked: await isHardhat(source) },
    after: null,
    from: checkpoint.deployment.blockNumber,
    to: options.upTo,
    write: (batch) => compareBatch(options, audited, batch),
    stopping: new AbortController().signal,
  });
  await reportOutside(options);
  return audited;
}

async function compareBatch(
  { collections, checkpoint, report }: AuditEventsOptions,
  audited: AuditedEvents,
  { headers, events }: Batch,
): Promise<void> {
  const [first, last] = [headers[0], headers.at(-1)];
  if (first === undefined || last === undefined) return;
  const range = { $gte: positionOf(first.number, 0), $lt: positionOf(last.number + 1, 0) };
  const stored = new Map<string, Record<string, unknown>>();
  for await (const { _id, term, ...event } of collections.events.find({ position: range })) {
    if (countsIn(checkpoint, term, event.blockNumber)) stored.set(_id, event);
  }
  for (const event of events) {
    const id = eventIdOf(checkpoint.chainId, event);
    const expected = { ...event, position: positionOf(event.blockNumber, event.logIndex) };
    const found = differencesOf({ collection: "chain_events", id }, stored.get(id) ?? null, expected);
    for (const difference of found) report({ ...difference, event });
    stored.delete(id);
    audited.events += 1;
    audited.subjects.add(event.subject);
    for (const { id: word } of wordMergesOf(event)) audited.words.add(word);
  }
  for (const [id, indexed] of stored) report(extraEvent(id, indexed));
}

/** Stored events that lie in no block that was compared: before the deployment, or with a position that is not theirs. */
async function reportOutside({ collections, checkpoint, upTo, report }: AuditEventsOptions): Promise<void> {
  const from = checkpoint.deployment.blockNumber;
  const before = { position: { $lt: positionOf(from, 0) } };
  for await (const { _id, term: _term, ...event } of collections.events.find(before)) report(extraEvent(_id, event));
  const after = { position: { $gte: positionOf(upTo + 1, 0) } };
  for await (const { _id, term, ...event } of collections.events.find(after)) {
    const counts = event.blockNumber <= upTo && countsIn(checkpoint, term, event.blockNumber);
    if (counts) report(extraEvent(_id, event));
  }
}

function extraEvent(id: string, indexed: unknown): Difference {
  return { collection: "chain_events", id, field: null, indexed, chain: null };
}
