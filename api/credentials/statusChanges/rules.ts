import type { RegistryWrite } from "../../../chain/registry/consents";
import { assertNever } from "../../../core/errors";
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
 * The write by which a change is made.
 *
 * @param credIds at least one, all of one issuer
 */
export function writeOf(change: StatusChange, credIds: string[]): RegistryWrite {
  const [credId, ...others] = credIds;
  if (credId === undefined) throw new RangeError("a change of status names no credential");
  const isOne = others.length === 0;
  switch (change) {
    case "suspend":
      return isOne
        ? { type: "SuspendCredential", values: { credId } }
        : { type: "SuspendCredentials", values: { credIds } };
    case "revoke":
    case "reinstate": {
      const revoked = change === "revoke";
      return isOne
        ? { type: "SetCredentialStatus", values: { credId, revoked } }
        : { type: "SetCredentialStatuses", values: { credIds, revoked } };
    }
    default:
      return assertNever(change);
  }
}
