import type { RegistryWrite } from "../../../chain/registry/consents";
import { PURPOSE } from "../../../chain/registry/statusPurpose";
import { parseCredId, statusPosition } from "../../../chain/status/credId";
import type { StatusChange } from "../rules";

/**
 * How far a change of status is: stored; broadcast; in a block; seen by the index, which is when everyone sees it; or
 * given up.
 */
export const CHANGE_STATES = ["queued", "submitted", "mined", "final", "failed"] as const;
export type ChangeState = (typeof CHANGE_STATES)[number];

/** One request to change the status of credentials. */
export interface StatusChangeJob {
  changeId: string;
  issuer: string;
  change: StatusChange;
  credentialIds: string[];
  credIds: string[];
  state: ChangeState;
  transactionHash: string | null;
  blockNumber: number | null;
  /** Why it failed, or why its last try did; null otherwise. */
  error: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/**
 * The write by which a change is made: a single bit, or the masks of the words that hold the credentials' bits.
 *
 * @param credIds at least one, all of one issuer
 */
export function writeOf(change: StatusChange, credIds: string[]): RegistryWrite {
  const [credId, ...others] = credIds;
  if (credId === undefined) throw new RangeError("a change of status names no credential");
  const purpose = change === "revoke" ? PURPOSE.revocation : PURPOSE.suspension;
  const on = change !== "reinstate";
  if (others.length === 0) return { type: "SetStatus", values: { credId, purpose, on } };
  const masks = masksOf(credIds);
  const { issuer } = parseCredId(credId);
  return {
    type: "SetStatusMasks",
    values: { issuer, purpose, words: [...masks.keys()], masks: [...masks.values()], on },
  };
}

/** The bits of credentials by the position of their words, the lowest first. */
function masksOf(credIds: string[]): Map<bigint, bigint> {
  const masks = new Map<bigint, bigint>();
  for (const credId of [...credIds].sort()) {
    const { word, mask } = statusPosition(parseCredId(credId).index);
    masks.set(word, (masks.get(word) ?? 0n) | mask);
  }
  return masks;
}
