import type { Clock } from "../../core/clock";
import { addSeconds } from "../../core/clock";
import { isDuplicateKey } from "../../core/mongo";
import {
  type BlockRef,
  CHECKPOINT_ID,
  type CheckpointDocument,
  type PastTerm,
  type RegistryCollections,
} from "../../projection/models";

/** Another process holds the lease: whatever this one still writes does not count, and it must stop. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";

  constructor(term: number) {
    super(`the lease of term ${term} was taken over by another process`);
  }
}

/** Which chain and contracts an index is of. */
export type IndexIdentity = Pick<
  CheckpointDocument,
  "chainId" | "contracts" | "didMethod" | "genesisHash" | "deployment"
>;

/** A time in which this process is the only writer, from acquiring the lease to losing or releasing it. */
export interface Term {
  readonly number: number;
  /** The checkpoint as it is after this process's last write. */
  readonly checkpoint: Readonly<CheckpointDocument>;
  /**
   * Changes the checkpoint, in one conditional write.
   *
   * @throws LeaseLostError when the lease is another's by now
   */
  write(changes: Partial<Omit<CheckpointDocument, "_id" | "lease">>): Promise<void>;
  /** Sets the cursor back to `to`: what was written of later blocks no longer counts. @throws LeaseLostError */
  rewind(to: BlockRef | null): Promise<void>;
  /** Keeps the lease for another `leaseSeconds`. @throws LeaseLostError */
  renew(): Promise<void>;
  /** Releases the lease, so that a standby need not wait for its end. */
  release(): Promise<void>;
}

/** The lease of the checkpoint: whoever holds it may write the index. */
export interface Lease {
  read(): Promise<CheckpointDocument | null>;
  /**
   * Acquires the lease when it is free or has ended; one conditional write, so that of many who try one succeeds.
   *
   * @param force acquires it from a living holder too, for commands a person gives
   * @returns null when another process holds it
   */
  acquire(options?: { force?: boolean }): Promise<Term | null>;
}

/** Makes the lease of the checkpoint in these collections. */
export function createLease(options: {
  collections: Pick<RegistryCollections, "checkpoints">;
  identity: IndexIdentity;
  holder: string;
  leaseSeconds: number;
  clock: Clock;
}): Lease {
  const { identity, holder, leaseSeconds, clock } = options;
  const { checkpoints } = options.collections;
  const leaseEnd = () => addSeconds(clock.now(), leaseSeconds);

  async function readOrCreate(): Promise<CheckpointDocument> {
    const found = await checkpoints.findOne({ _id: CHECKPOINT_ID });
    if (found) return found;
    const fresh: CheckpointDocument = {
      _id: CHECKPOINT_ID,
      ...identity,
      indexed: null,
      head: null,
      finalizedNumber: -1,
      verifiedNumber: -1,
      incompleteBlocks: [],
      rewinds: 0,
      lease: { holder: null, term: 0, expiresAt: clock.now() },
      pastTerms: [],
    };
    try {
      await checkpoints.insertOne(fresh);
      return fresh;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      return readOrCreate();
    }
  }

  return {
    read: () => checkpoints.findOne({ _id: CHECKPOINT_ID }),
    async acquire({ force = false } = {}) {
      const seen = await readOrCreate();
      const free = seen.lease.holder === null || seen.lease.expiresAt <= clock.now();
      if (!free && !force) return null;
      const term = seen.lease.term + 1;
      const taken = await checkpoints.findOneAndUpdate(
        // The cursor is part of the condition: it becomes the bound of the term that ends.
        { _id: CHECKPOINT_ID, "lease.term": seen.lease.term, "indexed.number": seen.indexed?.number ?? null },
        {
          $set: {
            lease: { holder, term, expiresAt: leaseEnd() },
            pastTerms: withPast(seen.pastTerms, { term: seen.lease.term, through: seen.indexed?.number ?? -1 }),
          },
        },
        { returnDocument: "after" },
      );
      return taken && createTerm(taken);
    },
  };

  function createTerm(taken: CheckpointDocument): Term {
    const number = taken.lease.term;
    const mine = { _id: CHECKPOINT_ID, "lease.term": number };
    let checkpoint = taken;

    async function write(changes: Partial<CheckpointDocument>): Promise<void> {
      const { matchedCount } = await checkpoints.updateOne(mine, { $set: changes });
      if (matchedCount === 0) throw new LeaseLostError(number);
      checkpoint = { ...checkpoint, ...changes };
    }

    return {
      number,
      get checkpoint() {
        return checkpoint;
      },
      write,
      async rewind(to) {
        const through = to?.number ?? -1;
        await write({
          indexed: to,
          verifiedNumber: Math.min(checkpoint.verifiedNumber, through),
          incompleteBlocks: checkpoint.incompleteBlocks.filter((block) => block.number <= through),
          rewinds: checkpoint.rewinds + 1,
          pastTerms: checkpoint.pastTerms.map((past) => ({ ...past, through: Math.min(past.through, through) })),
        });
      },
      async renew() {
        const { matchedCount } = await checkpoints.updateOne(mine, { $set: { "lease.expiresAt": leaseEnd() } });
        if (matchedCount === 0) throw new LeaseLostError(number);
      },
      async release() {
        await checkpoints.updateOne(mine, { $set: { "lease.holder": null } });
      },
    };
  }
}

/** Adds the term that ended. Bounds never fall from one term to the next, so equal ones share an entry; see also pruneTerms.ts. */
function withPast(past: PastTerm[], ended: PastTerm): PastTerm[] {
  const kept = past.at(-1)?.through === ended.through ? past.slice(0, -1) : past;
  return [...kept, ended];
}
