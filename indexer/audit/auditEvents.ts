import { positionOf } from "../../chain/registry/position";
import { wordIdsOf } from "../../chain/registry/foldWord";
import { type CheckpointDocument, countsIn, type RegistryCollections } from "../../projection/models";
import { backfill } from "../sync/backfill";
import { type Difference, differencesOf, type Report } from "./difference";
import { isHardhat } from "../sync/finality";
import type { Contracts } from "../fetch/blockRange";
import type { Batch } from "../write/writer";
import { eventIdOf } from "../write/eventDocument";
import type { Source } from "../rpc/source";

/** What the events of the chain speak of. */
export interface AuditedEvents {
  events: number;
  subjects: Set<string>;
  words: Set<string>;
}

/** Fetches every event again, from the deployment to the cursor, and compares it with the stored one. */
export async function auditEvents(options: {
  source: Source;
  contracts: Contracts;
  collections: Pick<RegistryCollections, "events">;
  checkpoint: CheckpointDocument;
  upTo: number;
  report: Report;
}): Promise<AuditedEvents> {
  const { source, contracts, checkpoint, report, collections } = options;
  const audited: AuditedEvents = { events: 0, subjects: new Set(), words: new Set() };

  async function compare({ headers, events }: Batch): Promise<void> {
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
      for (const word of wordIdsOf(event)) audited.words.add(word);
    }
    for (const [id, indexed] of stored) report(extra(id, indexed));
  }

  await backfill({
    source,
    fetch: { contracts, unlinked: await isHardhat(source) },
    after: null,
    from: checkpoint.deployment.blockNumber,
    to: options.upTo,
    write: compare,
    stopping: new AbortController().signal,
  });
  await reportOutside(options);
  return audited;
}

/** Stored events that lie in no block that was compared: before the deployment, or with a position that is not theirs. */
async function reportOutside({
  collections,
  checkpoint,
  upTo,
  report,
}: Parameters<typeof auditEvents>[0]): Promise<void> {
  const from = checkpoint.deployment.blockNumber;
  const before = { position: { $lt: positionOf(from, 0) } };
  for await (const { _id, term: _term, ...event } of collections.events.find(before)) report(extra(_id, event));
  const after = { position: { $gte: positionOf(upTo + 1, 0) } };
  for await (const { _id, term, ...event } of collections.events.find(after)) {
    if (event.blockNumber <= upTo && countsIn(checkpoint, term, event.blockNumber)) report(extra(_id, event));
  }
}

function extra(id: string, indexed: unknown): Difference {
  return { collection: "chain_events", id, field: null, indexed, chain: null };
}
