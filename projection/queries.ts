import type { Mongo } from "../core/mongo";
import type { EventName, RegistryEvent } from "../chain/registry/events";
import { blockOf } from "../chain/registry/position";
import { placeOfCredential, type StatusPurpose, wordAfter } from "../chain/registry/statusWord";
import type { DidState, IssuerState } from "../chain/registry/fold";
import { wordIdOf } from "../chain/registry/foldWord";
import {
  type CheckpointDocument,
  CHECKPOINT_ID,
  countsIn,
  type EventDocument,
  createRegistryCollections,
  type RegistryCollections,
} from "./models";
import { eventsOfSubject, refoldDid, refoldIssuer, refoldWords } from "./refold";

/** How new the index is, told with every answer. */
export interface Freshness {
  /** The last block that is in the index: answers are as of this block. */
  blockNumber: number;
  blockHash: string;
  minedAt: Date;
  /** The chain's newest block, and when the indexer last heard of it. */
  headNumber: number;
  headSeenAt: Date;
  /** Blocks up to this number are final. */
  finalizedNumber: number;
  /** Up to here every identity's counters were compared with the chain's own. */
  verifiedNumber: number;
  /** Blocks whose logs may be incomplete, because no endpoint gives what their bloom filters promise. */
  incompleteBlocks: number[];
}

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
  /** Why the answer may be incomplete (`unverified`); null when the index vouches for it. */
  doubt: string | null;
}

/** Words of a bitmap, as of `freshness`. */
export interface IndexedWords {
  /** 32 bytes each in hexadecimal; those never written are zero. */
  words: string[];
  freshness: Freshness | null;
  doubt: string | null;
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

/** The index, read-only: what the api asks of what the indexer wrote. Addresses are `0x` and 40 lower-case digits. */
export interface Projection {
  freshness(): Promise<Freshness | null>;
  findDid(address: string): Promise<Indexed<DidState>>;
  findIssuer(address: string): Promise<Indexed<IssuerState>>;
  /** All events about an identity or issuer, in the order of the chain. */
  eventsOf(address: string): Promise<RegistryEvent[]>;
  /** Events of all or one subject, the newest first. */
  listEvents(filter: EventFilter): Promise<EventDocument[]>;
  /** `count` consecutive words of an issuer's bitmap from position `firstWord` on, at most 4,096. */
  statusWords(issuer: string, purpose: StatusPurpose, firstWord: number, count: number): Promise<IndexedWords>;
  /** Both bits of a credential. Revoked is final, whatever `suspended` says. */
  credentialStatus(
    credId: string,
  ): Promise<{ revoked: boolean; suspended: boolean; freshness: Freshness | null; doubt: string | null }>;
}

const ZERO_WORD = `0x${"0".repeat(64)}`;
const MOST_WORDS = 4_096;
/** How often an answer that a reorg overtook is asked for again. */
const READS_ACROSS_REORGS = 5;

type Read<Answer> = (checkpoint: CheckpointDocument | null) => Promise<Answer>;

/**
 * Opens the index for reading.
 *
 * Every answer is exactly the state as of the block that its `freshness` names. A document that the indexer has written
 * ahead of its cursor, or that an indexer wrote after it lost the lease, does not count: its subject is folded from the events
 * that do. An answer during which blocks were dropped is asked for again.
 */
export function createProjection(mongo: Mongo): Projection {
  const collections = createRegistryCollections(mongo);
  // IDHACK.
  const readCheckpoint = () => collections.checkpoints.findOne({ _id: CHECKPOINT_ID });

  async function atOneHeight<Answer>(read: Read<Answer>): Promise<Answer> {
    for (let tries = 0; ; tries += 1) {
      const before = await readCheckpoint();
      const answer = await read(before);
      const after = await collections.checkpoints.findOne({ _id: CHECKPOINT_ID }, { projection: { rewinds: 1 } });
      if (after?.rewinds === before?.rewinds || tries >= READS_ACROSS_REORGS) return answer;
    }
  }

  async function find<State extends { position: number; unverified: { reason: string } | null }>(
    collection: "dids" | "issuers",
    address: string,
    refold: (from: RegistryCollections, checkpoint: CheckpointDocument, address: string) => Promise<State | null>,
  ): Promise<Indexed<State>> {
    return atOneHeight(async (checkpoint) => {
      if (!checkpoint?.indexed) {
        return { state: null, freshness: null, confirmations: null, finalized: null, doubt: null };
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
        doubt: state?.unverified?.reason ?? doubtOf(checkpoint),
      };
    });
  }

  async function words(ids: string[], checkpoint: CheckpointDocument | null): Promise<string[]> {
    if (!checkpoint?.indexed) return ids.map(() => ZERO_WORD);
    const bits = new Map<string, string>();
    const uncommitted: string[] = [];
    // IXSCAN _id_.
    for await (const word of collections.words.find({ _id: { $in: ids } })) {
      if (countsIn(checkpoint, word.term, blockOf(word.position))) bits.set(word._id, word.bits);
      else uncommitted.push(word._id);
    }
    for (const [id, word] of await refoldWords(collections, checkpoint, uncommitted)) bits.set(id, word.bits);
    return ids.map((id) => bits.get(id) ?? ZERO_WORD);
  }

  return {
    async freshness() {
      const checkpoint = await readCheckpoint();
      return checkpoint && freshnessOf(checkpoint);
    },
    findDid: (address) => find("dids", address, refoldDid),
    findIssuer: (address) => find("issuers", address, refoldIssuer),
    eventsOf: (address) =>
      atOneHeight(async (checkpoint) => {
        const events: RegistryEvent[] = [];
        if (checkpoint === null) return events;
        for await (const event of eventsOfSubject(collections, checkpoint, address)) events.push(event);
        return events;
      }),
    listEvents: ({ names, subject, before, limit }) =>
      atOneHeight(async (checkpoint) => {
        const filter = {
          ...(subject !== undefined && { subject }),
          ...(names !== undefined && { name: { $in: [...names] } }),
          ...(before !== undefined && { position: { $lt: before } }),
        };
        const page: EventDocument[] = [];
        if (checkpoint === null) return page;
        // IXSCAN position_1 backwards, or subject_1_position_1 with a subject; no sort.
        for await (const event of collections.events.find(filter).sort({ position: -1 })) {
          if (countsIn(checkpoint, event.term, event.blockNumber)) page.push(event);
          if (page.length >= limit) break;
        }
        return page;
      }),
    statusWords(issuer, purpose, firstWord, count) {
      if (count > MOST_WORDS) throw new RangeError(`at most ${MOST_WORDS} words at once, not ${count}`);
      const first = wordAfter("0", firstWord);
      const ids = Array.from({ length: count }, (_, offset) =>
        wordIdOf({ issuer, purpose, word: wordAfter(first, offset) }),
      );
      return atOneHeight(async (checkpoint) => ({
        words: await words(ids, checkpoint),
        freshness: checkpoint && freshnessOf(checkpoint),
        doubt: await doubtOfIssuer(issuer, checkpoint),
      }));
    },
    credentialStatus(credId) {
      const issuer = credId.slice(0, 42);
      const { word, bit } = placeOfCredential(credId);
      const ids = (["revocation", "suspension"] as const).map((purpose) => wordIdOf({ issuer, purpose, word }));
      return atOneHeight(async (checkpoint) => {
        const [revoked, suspended] = await words(ids, checkpoint);
        return {
          revoked: bitOf(revoked ?? ZERO_WORD, bit),
          suspended: bitOf(suspended ?? ZERO_WORD, bit),
          freshness: checkpoint && freshnessOf(checkpoint),
          doubt: await doubtOfIssuer(issuer, checkpoint),
        };
      });
    },
  };

  async function doubtOfIssuer(issuer: string, checkpoint: CheckpointDocument | null): Promise<string | null> {
    // IDHACK.
    const found = await collections.dids.findOne({ _id: issuer }, { projection: { unverified: 1 } });
    return found?.unverified?.reason ?? (checkpoint && doubtOf(checkpoint));
  }
}

function freshnessOf({ indexed, head, ...checkpoint }: CheckpointDocument): Freshness | null {
  if (indexed === null) return null;
  return {
    blockNumber: indexed.number,
    blockHash: indexed.hash,
    minedAt: indexed.minedAt,
    headNumber: Math.max(head?.number ?? 0, indexed.number),
    headSeenAt: head?.seenAt ?? indexed.minedAt,
    finalizedNumber: Math.min(checkpoint.finalizedNumber, indexed.number),
    verifiedNumber: checkpoint.verifiedNumber,
    incompleteBlocks: checkpoint.incompleteBlocks.map(({ number }) => number),
  };
}

/** A block whose logs may be incomplete could concern anyone. */
function doubtOf({ incompleteBlocks }: CheckpointDocument): string | null {
  const [first] = incompleteBlocks;
  return first ? `the logs of block ${first.number} may be incomplete` : null;
}

function bitOf(bits: string, bit: number): boolean {
  return ((Number.parseInt(bits.charAt(2 + (bit >> 2)), 16) >> (3 - (bit & 3))) & 1) === 1;
}
