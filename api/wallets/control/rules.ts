import { DomainError } from "../../../core/errors";

/**
 * Who controls a DID, seen by one account: the account itself (`controlled`), another (`transferred`, whatever became of
 * the DID since), nobody any more since it was the account's (`deactivated`); or the index cannot say, because it may lack
 * an event about the DID (`unverified`).
 */
export const CONTROL_STATES = ["controlled", "transferred", "deactivated", "unverified"] as const;
export type ControlState = (typeof CONTROL_STATES)[number];

/** A DID of a user's wallet, and who controls it. */
export interface HeldDid {
  did: string;
  control: ControlState;
}

/** How a user holds a DID: as its controller, as who controlled it when it was deactivated, or not at all. */
export type Holding = "holder" | "deactivated" | "none";

/** A session's wallet, and the DID as whose holder it opened the session. */
export interface SessionWallet {
  walletAddress: string;
  did: string;
}

/** Why a session that a wallet opened is over. */
export type ControlLoss = "session.wallet_unlinked" | "session.control_changed" | "session.did_deactivated";

/** Of a DID that two wallets of one user speak of, the one that controls it counts. */
export function uniteDids(held: HeldDid[]): HeldDid[] {
  const byDid = new Map<string, HeldDid>();
  for (const one of held) {
    if (one.control === "controlled" || !byDid.has(one.did)) byDid.set(one.did, one);
  }
  return [...byDid.values()];
}

/** The rejection of whoever acts as the holder of a DID that is no more. */
export function didDeactivated(did: string): DomainError {
  const message = `${did} was deactivated, which is final: nobody is its holder any more.`;
  return new DomainError("did.deactivated", "gone", message, { details: { did } });
}

/** The rejection of a wallet that acts as the holder of another account's DID. */
export function didNotControlled(did: string): DomainError {
  const message = `This wallet does not control ${did}: its controller on the chain is another account, which is its holder.`;
  return new DomainError("did.not_controlled", "forbidden", message, { details: { did } });
}
