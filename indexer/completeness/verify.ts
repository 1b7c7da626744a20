import { positionOf } from "../../chain/registry/position";
import type { BlockRef } from "../../projection/models";
import type { Term } from "../write/term";
import { findUnverified } from "./compareCounters";
import type { CompletenessDeps } from "./completenessDeps";
import { completeSubject } from "./completeSubject";
import { retryIncompleteBlocks } from "./retryIncomplete";

/** So many identities are verified in one go, so that a long backlog never keeps new blocks waiting. */
const PAGE = 200;
/** Every so many calls, what is unverified is searched for again. */
const RETRY_EVERY_CALLS = 50;

/** How far verification has come in this term. */
export interface VerificationState {
  /** Position of the last change that is verified. */
  position: number;
  /** The checkpoint's count of rewinds when `position` was set. */
  rewinds: number;
  calls: number;
}

/** Verification goes on from the checkpoint's verified height. */
export function createVerificationState({ checkpoint }: Term): VerificationState {
  return { position: endOf(checkpoint.verifiedNumber), rewinds: checkpoint.rewinds, calls: 0 };
}

/**
 * Verifies that no event is missing, for a page of what changed since the last call: each identity's gapless counters
 * are compared with the chain's own. What does not agree is searched for on every endpoint; what is not found there
 * leaves the identity `unverified`.
 *
 * @throws LeaseLostError
 * @throws TransientError
 */
export async function verifyNext(deps: CompletenessDeps, state: VerificationState): Promise<void> {
  const { checkpoint } = deps.term;
  const { indexed, rewinds, verifiedNumber } = checkpoint;
  if (indexed === null) return;
  if (rewinds !== state.rewinds) {
    state.rewinds = rewinds;
    state.position = Math.min(state.position, endOf(verifiedNumber));
  }
  state.calls += 1;
  if (state.calls % RETRY_EVERY_CALLS === 0) await retryUnverified(deps, indexed);
  if (deps.term.checkpoint.verifiedNumber >= indexed.number) return;

  const changed = await nextPage(deps, state.position);
  for (const subject of await findUnverified(deps, changed, indexed)) await completeSubject(deps, subject, indexed);
  // Both lists are in order, and a full one may go on: what is verified ends where the shorter of them ends.
  const full = [changed.dids, changed.issuers].filter((list) => list.length === PAGE);
  if (full.length > 0) {
    state.position = Math.min(...full.map((list) => list.at(-1)?.position ?? 0));
    return;
  }
  state.position = endOf(indexed.number);
  await deps.term.write({ verifiedNumber: indexed.number });
}

/** The last position in a block. */
function endOf(blockNumber: number): number {
  return positionOf(blockNumber + 1, 0) - 1;
}

/** Documents whose last event is beyond what is verified, the oldest change first: IXSCAN position_1. */
async function nextPage({ collections }: CompletenessDeps, position: number) {
  const after = { position: { $gt: position } };
  const [dids, issuers] = await Promise.all([
    collections.dids.find(after).sort({ position: 1 }).limit(PAGE).toArray(),
    collections.issuers.find(after).sort({ position: 1 }).limit(PAGE).toArray(),
  ]);
  return { dids, issuers };
}

/** What is unverified is searched for again: an endpoint may have recovered. */
async function retryUnverified(deps: CompletenessDeps, block: BlockRef): Promise<void> {
  const { collections, metrics, term } = deps;
  const filter = { "unverified.sinceBlock": { $gte: 0 } };
  const [dids, issuers] = await Promise.all([
    collections.dids.find(filter).limit(PAGE).toArray(),
    collections.issuers.find(filter).limit(PAGE).toArray(),
  ]);
  for (const { _id } of [...dids, ...issuers]) await completeSubject(deps, { address: _id, marked: true }, block);
  metrics.unverified.set(dids.length + issuers.length);
  await retryIncompleteBlocks(deps);
  metrics.incompleteBlocks.set(term.checkpoint.incompleteBlocks.length);
}
