import { addSeconds, type Clock } from "../../core/clock";
import {
  type BlockRef,
  CHECKPOINT_ID,
  type CheckpointDocument,
  type RegistryCollections,
} from "../../projection/models";

/** Another process holds the lease: whatever this one still writes does not count, and it must stop. */
export class LeaseLostError extends Error {
  override readonly name = "LeaseLostError";

  constructor(term: number) {
    super(`the lease of term ${term} was acquired by another process`);
  }
}

/** A time in which this process is the only writer, from acquiring the lease to losing or releasing it. */
export interface Term {
  /** The fencing token: one higher than that of the term before. */
  readonly number: number;
  /** The checkpoint as it is after this process's last write. */
  readonly checkpoint: Readonly<CheckpointDocument>;
  /**
   * Changes the checkpoint, in one conditional write.
   *
   * @throws LeaseLostError when another process holds the lease by now
   */
  write(changes: Partial<Omit<CheckpointDocument, "_id" | "lease">>): Promise<void>;
  /** Sets the cursor back to `to`: what was written of later blocks no longer counts. @throws LeaseLostError */
  rewind(to: BlockRef | null): Promise<void>;
  /** Extends the lease to `leaseSeconds` from now. @throws LeaseLostError */
  renew(): Promise<void>;
  /** Releases the lease, so that a standby need not wait for its end. */
  release(): Promise<void>;
}

export interface TermDeps {
  collections: Pick<RegistryCollections, "checkpoints">;
  leaseSeconds: number;
  clock: Clock;
}

/** Makes the term that began when the lease was acquired. */
export function createTerm({ collections, leaseSeconds, clock }: TermDeps, acquired: CheckpointDocument): Term {
  const { checkpoints } = collections;
  const number = acquired.lease.term;
  const ownLease = { _id: CHECKPOINT_ID, "lease.term": number };
  let checkpoint = acquired;

  async function update(fields: Record<string, unknown>): Promise<void> {
    const { matchedCount } = await checkpoints.updateOne(ownLease, { $set: fields });
    if (matchedCount === 0) throw new LeaseLostError(number);
  }

  async function write(changes: Partial<CheckpointDocument>): Promise<void> {
    await update(changes);
    checkpoint = { ...checkpoint, ...changes };
  }

  return {
    number,
    get checkpoint() {
      return checkpoint;
    },
    write,
    rewind: (to) => write(rewound(checkpoint, to)),
    renew: () => update({ "lease.expiresAt": addSeconds(clock.now(), leaseSeconds) }),
    async release() {
      await checkpoints.updateOne(ownLease, { $set: { "lease.holder": null } });
    },
  };
}

/** What changes in a checkpoint whose cursor is set back. */
function rewound(checkpoint: CheckpointDocument, to: BlockRef | null): Partial<CheckpointDocument> {
  const through = to?.number ?? -1;
  return {
    indexed: to,
    verifiedNumber: Math.min(checkpoint.verifiedNumber, through),
    incompleteBlocks: checkpoint.incompleteBlocks.filter((block) => block.number <= through),
    rewinds: checkpoint.rewinds + 1,
    pastTerms: checkpoint.pastTerms.map((past) => ({ ...past, through: Math.min(past.through, through) })),
  };
}
