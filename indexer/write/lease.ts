import type { Clock } from "../../core/clock";
import { addSeconds } from "../../core/clock";
import { isDuplicateKey } from "../../core/mongo";
import {
  type BlockRef,
  CHECKPOINT_ID,
  type CheckpointDocument,
  type PastReign,
  type RegistryCollections,
} from "../../projection/models";

/** Another process took the lease: whatever this one still writes does not count, and it must stop. */
export class DeposedError extends Error {
  override readonly name = "DeposedError";

  constructor(reign: number) {
    super(`the lease of reign ${reign} was taken over by another process`);
  }
}

/** Which chain and contracts an index is of. */
export type IndexIdentity = Pick<
  CheckpointDocument,
  "chainId" | "contracts" | "didMethod" | "genesisHash" | "deployment"
>;

/** A time of being the one writer, from taking the lease to losing it or giving it back. */
export interface Reign {
  readonly number: number;
  /** The checkpoint as it is after this process's last write. */
  readonly checkpoint: Readonly<CheckpointDocument>;
  /**
   * Changes the checkpoint, in one conditional write.
   *
   * @throws DeposedError when the lease is another's by now
   */
  write(changes: Partial<Omit<CheckpointDocument, "_id" | "lease">>): Promise<void>;
  /** Sets the cursor back to `to`: what was written of later blocks no longer counts. @throws DeposedError */
  rewind(to: BlockRef | null): Promise<void>;
  /** Keeps the lease for another `leaseSeconds`. @throws DeposedError */
  renew(): Promise<void>;
  /** Gives the lease back, so that a standby need not wait for its end. */
  release(): Promise<void>;
}

/** The checkpoint's lease, as the processes that want it see it. */
export interface Throne {
  read(): Promise<CheckpointDocument | null>;
  /**
   * Takes the lease when it is free or has ended; one conditional write, so that of many who try one succeeds.
   *
   * @param force takes it from a living holder too, for commands a person gives
   * @returns null when another holds it
   */
  take(options?: { force?: boolean }): Promise<Reign | null>;
}

/** Opens the lease of the checkpoint in these collections. */
export function openThrone(options: {
  collections: Pick<RegistryCollections, "checkpoints">;
  identity: IndexIdentity;
  holder: string;
  leaseSeconds: number;
  clock: Clock;
}): Throne {
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
      suspects: [],
      rewinds: 0,
      lease: { holder: null, reign: 0, expiresAt: clock.now() },
      pastReigns: [],
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
    async take({ force = false } = {}) {
      const seen = await readOrCreate();
      const free = seen.lease.holder === null || seen.lease.expiresAt <= clock.now();
      if (!free && !force) return null;
      const reign = seen.lease.reign + 1;
      const taken = await checkpoints.findOneAndUpdate(
        // The cursor is part of the condition: it becomes the bound of the reign that ends.
        { _id: CHECKPOINT_ID, "lease.reign": seen.lease.reign, "indexed.number": seen.indexed?.number ?? null },
        {
          $set: {
            lease: { holder, reign, expiresAt: leaseEnd() },
            pastReigns: withPast(seen.pastReigns, { reign: seen.lease.reign, through: seen.indexed?.number ?? -1 }),
          },
        },
        { returnDocument: "after" },
      );
      return taken && makeReign(taken);
    },
  };

  function makeReign(taken: CheckpointDocument): Reign {
    const number = taken.lease.reign;
    const mine = { _id: CHECKPOINT_ID, "lease.reign": number };
    let checkpoint = taken;

    async function write(changes: Partial<CheckpointDocument>): Promise<void> {
      const { matchedCount } = await checkpoints.updateOne(mine, { $set: changes });
      if (matchedCount === 0) throw new DeposedError(number);
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
          suspects: checkpoint.suspects.filter((block) => block.number <= through),
          rewinds: checkpoint.rewinds + 1,
          pastReigns: checkpoint.pastReigns.map((past) => ({ ...past, through: Math.min(past.through, through) })),
        });
      },
      async renew() {
        const { matchedCount } = await checkpoints.updateOne(mine, { $set: { "lease.expiresAt": leaseEnd() } });
        if (matchedCount === 0) throw new DeposedError(number);
      },
      async release() {
        await checkpoints.updateOne(mine, { $set: { "lease.holder": null } });
      },
    };
  }
}

/** Adds the reign that ended. Bounds never fall from one reign to the next, so equal ones share an entry; see also oldReigns.ts. */
function withPast(past: PastReign[], ended: PastReign): PastReign[] {
  const kept = past.at(-1)?.through === ended.through ? past.slice(0, -1) : past;
  return [...kept, ended];
}
