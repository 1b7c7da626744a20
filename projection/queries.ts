import { ZeroHash } from "ethers";
import { type EventName, type RegistryEvent } from "../chain/registry/events";
import type { DidState, IssuerState } from "../chain/registry/fold";
import { wordIdOf } from "../chain/registry/foldWord";
import { blockOf } from "../chain/registry/position";
import { PURPOSE } from "../chain/registry/statusPurpose";
import { isBitSet, placeOfCredential, wordAfter } from "../chain/registry/statusWord";
import type { Mongo } from "../core/mongo";
import { type Freshness, freshnessOf, incompletenessOf } from "./freshness";
import {
  type CheckpointDocument,
  CHECKPOINT_ID,
  countsIn,
  createRegistryCollections,
  type EventDocument,
  type RegistryCollections,
} from "./models";
import { eventsOfSubject, refoldDid, refoldIssuer, refoldWords } from "./refold";

/** An answer about one subject, as of `freshness`. */
export interface Indexed<State> {
  /** null when the index has no event of it. */
  state: State | null;
  /** null while nothing is indexed. */
  freshness: Freshness | null;
  /** Blocks on top of the subject's last event, its own included; null without one. */
  confirmations: number | null;
  /** Whether the last event's block is final; null without one. */
  finalized: boolean | null;
  /** Why the answer may be incomplete; null when the index vouches for it. */
  unverifiedReason: string | null;
}

/** Words of a bitmap, as of `freshness`. */
export interface IndexedWords {
  /** 32 bytes each in hexadecimal; those never written are zero. */
  words: string[];
  freshness: Freshness | null;
  /** As of {@link Indexed}. */
  unverifiedReason: string | null;
}

/** Both bits of a credential, as of `freshness`. Revoked is final, whatever `suspended` says. */
export interface IndexedStatus {
  revoked: boolean;
  suspended: boolean;
  freshness: Freshness | null;
  /** As of {@link Indexed}. */
  unverifiedReason: string | null;
}

/** An identity that another account controls. */
export interface ControlledDid {
  /** `0x` and 40 lower-case hexadecimal digits. */
  address: string;
  active: boolean;
  /** Whether the index knows of no event about it that is missing. */
  verified: boolean;
}

/** Which events are wanted; without `names`, all. */
export interface EventFilter {
  names?: readonly EventName[] | undefined;
  subject?: string | undefined;
  /** Only those before this position (`EventDocument.position`), for the next page. */
  before?: number | undefined;
  /** At most so many. */
  limit: number;
}

/** Which of a subject's events are wanted: an issuer may have millions, so what is not is left out as it is read. */
export interface WantedEvents {
  names?: readonly EventName[];
  accepts?(event: RegistryEvent): boolean;
}

/**
 * What the indexer wrote, read-only. Addresses are `0x` and 40 lower-case digits.
 *
 * Every answer is exactly the state as of the block that its `freshness` names. A document that the indexer has written
 * ahead of its cursor, or that an indexer wrote after it lost the lease, does not count: its subject is folded from the
 * events that do. An answer during which blocks were dropped is asked for again.
 */
export interface Projection {
  /** null while nothing is indexed. */
  freshness(): Promise<Freshness | null>;
  /** How far the index is, of which chain, and who writes it; null before an indexer has run. */
  readCheckpoint(): Promise<CheckpointDocument | null>;
  findDid(address: string): Promise<Indexed<DidState>>;
  /**
   * The identities that an account controls, or did until they were deactivated, beside itself; by address, at most
   * `limit`. One whose change of control is just being written may be missing for that moment.
   */
  findControlled(controller: string, limit: number): Promise<ControlledDid[]>;
  findIssuer(address: string): Promise<Indexed<IssuerState>>;
  /** All events about an identity or issuer, or those that are wanted, in the order of the chain. */
  eventsOf(address: string, wanted?: WantedEvents): Promise<RegistryEvent[]>;
  /** Events of all or one subject, the newest first. */
  listEvents(filter: EventFilter): Promise<EventDocument[]>;
  /**
   * `count` consecutive words of an issuer's bitmap from position `firstWord` on.
   *
   * @param purpose 0 to 255 (`statusPurpose.ts`)
   * @throws RangeError for more than 4,096 words
   */
  statusWords(issuer: string, purpose: number, firstWord: number, count: number): Promise<IndexedWords>;
  credentialStatus(credId: string): Promise<IndexedStatus>;
}

/** Reads the projection. */
export function createProjection(mongo: Mongo): Projection {
  const collections = createRegistryCollections(mongo);
  return {
    freshness: async () => freshnessOf(await readCheckpoint(collections)),
    readCheckpoint: () => readCheckpoint(collections),
    findDid: (address) => find(collections, "dids", address, refoldDid),
    findControlled: (controller, limit) => findControlled(collections, controller, limit),
    findIssuer: (address) => find(collections, "issuers", address, refoldIssuer),
    eventsOf: (address, wanted = {}) =>
      atOneHeight(collections, (checkpoint) => eventsOf(collections, checkpoint, { ...wanted, address })),
    listEvents: (filter) => atOneHeight(collections, (checkpoint) => listEvents(collections, checkpoint, filter)),
    statusWords: (issuer, purpose, firstWord, count) => statusWords(collections, { issuer, purpose, firstWord, count }),
    credentialStatus: (credId) => credentialStatus(collections, credId),
  };
}

const MAX_WORDS = 4_096;
/** How often an answer that a reorg overtook is asked for again. */
const READS_ACROSS_REORGS = 5;

function readCheckpoint({ checkpoints }: RegistryCollections): Promise<CheckpointDocument | null> {
  // IDHACK.
  return checkpoints.findOne({ _id: CHECKPOINT_ID });
}

/** Reads again while blocks were dropped during the reading. */
async function atOneHeight<Answer>(
  collections: RegistryCollections,
  read: (checkpoint: CheckpointDocument | null) => Promise<Answer>,
): Promise<Answer> {
  for (let tries = 0; ; tries += 1) {
    const before = await readCheckpoint(collections);
    const answer = await read(before);
    const after = await collections.checkpoints.findOne({ _id: CHECKPOINT_ID }, { projection: { rewinds: 1 } });
    if (after?.rewinds === before?.rewinds || tries >= READS_ACROSS_REORGS) return answer;
  }
}

type Refold<State> = (
  from: RegistryCollections,
  checkpoint: CheckpointDocument,
  address: string,
) => Promise<State | null>;

function find<State extends DidState | IssuerState>(
  collections: RegistryCollections,
  collection: "dids" | "issuers",
  address: string,
  refold: Refold<State>,
): Promise<Indexed<State>> {
  return atOneHeight(collections, async (checkpoint) => {
    if (!checkpoint?.indexed) {
      return { state: null, freshness: null, confirmations: null, finalized: null, unverifiedReason: null };
    }
    // IDHACK.
    const found = await collections[collection].findOne({ _id: address });
    let state: State | null = null;
    if (found !== null) {
      const { _id, term, ...stored } = found;
      const counts = countsIn(checkpoint, term, blockOf(stored.position));
      state = counts ? (stored as unknown as State) : await refold(collections, checkpoint, _id);
    }
    const lastBlock = state === null ? null : blockOf(state.position);
    return {
      state,
      freshness: freshnessOf(checkpoint),
      confirmations: lastBlock === null ? null : checkpoint.indexed.number - lastBlock + 1,
      finalized: lastBlock === null ? null : lastBlock <= checkpoint.finalizedNumber,
      unverifiedReason: state?.unverified?.reason ?? incompletenessOf(checkpoint),
    };
  });
}

function findControlled(collections: RegistryCollections, controller: string, limit: number): Promise<ControlledDid[]> {
  return atOneHeight(collections, async (checkpoint) => {
    const controlled: ControlledDid[] = [];
    if (!checkpoint?.indexed) return controlled;
    // IXSCAN controller_1__id_1.
    const found = collections.dids.find({ controller, _id: { $ne: controller } }).sort({ _id: 1 });
    for await (const { _id, term, ...stored } of found) {
      const counts = countsIn(checkpoint, term, blockOf(stored.position));
      const state = counts ? stored : await refoldDid(collections, checkpoint, _id);
      if (state?.controller === controller) {
        controlled.push({ address: _id, active: state.active, verified: state.unverified === null });
      }
      if (controlled.length >= limit) break;
    }
    return controlled;
  });
}

async function eventsOf(
  collections: RegistryCollections,
  checkpoint: CheckpointDocument | null,
  { address, names, accepts }: WantedEvents & { address: string },
): Promise<RegistryEvent[]> {
  const events: RegistryEvent[] = [];
  if (checkpoint === null) return events;
  for await (const event of eventsOfSubject(collections, checkpoint, address, names)) {
    if (accepts === undefined || accepts(event)) events.push(event);
  }
  return events;
}

async function listEvents(
  { events }: RegistryCollections,
  checkpoint: CheckpointDocument | null,
  { names, subject, before, limit }: EventFilter,
): Promise<EventDocument[]> {
  const filter = {
    ...(subject !== undefined && { subject }),
    ...(names !== undefined && { name: { $in: [...names] } }),
    ...(before !== undefined && { position: { $lt: before } }),
  };
  const page: EventDocument[] = [];
  if (checkpoint === null) return page;
  // IXSCAN position_1 backwards, or subject_1_position_1 with a subject; no sort.
  for await (const event of events.find(filter).sort({ position: -1 })) {
    if (countsIn(checkpoint, event.term, event.blockNumber)) page.push(event);
    if (page.length >= limit) break;
  }
  return page;
}

function statusWords(
  collections: RegistryCollections,
  { issuer, purpose, firstWord, count }: { issuer: string; purpose: number; firstWord: number; count: number },
): Promise<IndexedWords> {
  if (count > MAX_WORDS) throw new RangeError(`at most ${MAX_WORDS} words at once, not ${count}`);
  const first = wordAfter("0", firstWord);
  const ids = Array.from({ length: count }, (_, offset) =>
    wordIdOf({ issuer, purpose, word: wordAfter(first, offset) }),
  );
  return atOneHeight(collections, async (checkpoint) => ({
    words: await readWords(collections, checkpoint, ids),
    freshness: freshnessOf(checkpoint),
    unverifiedReason: await unverifiedReasonOf(collections, checkpoint, issuer),
  }));
}

function credentialStatus(collections: RegistryCollections, credId: string): Promise<IndexedStatus> {
  const issuer = credId.slice(0, 42);
  const { word, bit } = placeOfCredential(credId);
  const purposes = [PURPOSE.revocation, PURPOSE.suspension];
  const ids = purposes.map((purpose) => wordIdOf({ issuer, purpose, word }));
  return atOneHeight(collections, async (checkpoint) => {
    const [revocations, suspensions] = await readWords(collections, checkpoint, ids);
    return {
      revoked: isBitSet(revocations ?? ZeroHash, bit),
      suspended: isBitSet(suspensions ?? ZeroHash, bit),
      freshness: freshnessOf(checkpoint),
      unverifiedReason: await unverifiedReasonOf(collections, checkpoint, issuer),
    };
  });
}

/** The words with these `_id`s, in their order; those never written are zero. */
async function readWords(
  collections: RegistryCollections,
  checkpoint: CheckpointDocument | null,
  ids: string[],
): Promise<string[]> {
  if (!checkpoint?.indexed) return ids.map(() => ZeroHash);
  const bits = new Map<string, string>();
  const uncommitted: string[] = [];
  // IXSCAN _id_.
  for await (const word of collections.words.find({ _id: { $in: ids } })) {
    if (countsIn(checkpoint, word.term, blockOf(word.position))) bits.set(word._id, word.bits);
    else uncommitted.push(word._id);
  }
  for (const [id, word] of await refoldWords(collections, checkpoint, uncommitted)) bits.set(id, word.bits);
  return ids.map((id) => bits.get(id) ?? ZeroHash);
}

async function unverifiedReasonOf(
  { dids }: RegistryCollections,
  checkpoint: CheckpointDocument | null,
  issuer: string,
): Promise<string | null> {
  // IDHACK.
  const found = await dids.findOne({ _id: issuer }, { projection: { unverified: 1 } });
  return found?.unverified?.reason ?? incompletenessOf(checkpoint);
}
