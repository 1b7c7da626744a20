import { addSeconds } from "../../core/clock";
import { isDuplicateKey } from "../../core/mongo";
import { CHECKPOINT_ID, type CheckpointDocument, type IndexIdentity, type PastTerm } from "../../projection/models";
import { createTerm, type Term, type TermDeps } from "./term";

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

export interface LeaseDeps extends TermDeps {
  /** Of which chain a new checkpoint is made. */
  identity: IndexIdentity;
  /** A name that no other process has. */
  holder: string;
}

/** Makes the lease of the checkpoint in these collections. */
export function createLease(deps: LeaseDeps): Lease {
  return {
    read: () => deps.collections.checkpoints.findOne({ _id: CHECKPOINT_ID }),
    acquire: ({ force = false } = {}) => acquire(deps, force),
  };
}

async function acquire(deps: LeaseDeps, force: boolean): Promise<Term | null> {
  const { collections, holder, leaseSeconds, clock } = deps;
  const found = await readOrCreateCheckpoint(deps);
  const { lease, indexed, pastTerms } = found;
  const free = lease.holder === null || lease.expiresAt <= clock.now();
  if (!free && !force) return null;
  const term = lease.term + 1;
  const expiresAt = addSeconds(clock.now(), leaseSeconds);
  const ended = { term: lease.term, through: indexed?.number ?? -1 };
  const acquired = await collections.checkpoints.findOneAndUpdate(
    // The cursor is part of the condition: it becomes the bound of the term that ends.
    { _id: CHECKPOINT_ID, "lease.term": lease.term, "indexed.number": indexed?.number ?? null },
    { $set: { lease: { holder, term, expiresAt }, pastTerms: withEnded(pastTerms, ended) } },
    { returnDocument: "after" },
  );
  return acquired && createTerm(deps, acquired);
}

async function readOrCreateCheckpoint(deps: LeaseDeps): Promise<CheckpointDocument> {
  const { checkpoints } = deps.collections;
  const found = await checkpoints.findOne({ _id: CHECKPOINT_ID });
  if (found) return found;
  const created: CheckpointDocument = {
    _id: CHECKPOINT_ID,
    ...deps.identity,
    indexed: null,
    head: null,
    finalizedNumber: -1,
    verifiedNumber: -1,
    incompleteBlocks: [],
    rewinds: 0,
    lease: { holder: null, term: 0, expiresAt: deps.clock.now() },
    pastTerms: [],
  };
  try {
    await checkpoints.insertOne(created);
    return created;
  } catch (error) {
    if (!isDuplicateKey(error)) throw error;
    return readOrCreateCheckpoint(deps);
  }
}

/** Adds the term that ended. Bounds never fall from one term to the next, so equal ones share an entry; see also pruneTerms.ts. */
function withEnded(past: PastTerm[], ended: PastTerm): PastTerm[] {
  const before = past.at(-1)?.through === ended.through ? past.slice(0, -1) : past;
  return [...before, ended];
}
