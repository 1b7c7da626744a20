import type { WordKey } from "./statusWord";

/** What an event does to the projection: `on` says what it changes, `kind` how. */
export type Effect = IdentityEffect | StatusEffect | AccreditationEffect | NoEffect;

/**
 * A change of an identity. The kinds with a `version` count in it; used and cancelled nonces and anchored digests have
 * counters of their own.
 */
export type IdentityEffect = { on: "identity" } & (
  | { kind: "registered" | "documentUpdated"; documentUri: string; documentHash: string; version: number }
  | { kind: "controllerChanged"; controller: string; version: number }
  | { kind: "successorNamed"; commitment: string; version: number }
  | { kind: "controllerRotated"; controller: string; commitment: string; version: number }
  | { kind: "delegateAdded"; role: string; delegate: string; expiresAt: string; version: number }
  | { kind: "delegateRevoked"; role: string; delegate: string; version: number }
  | { kind: "deactivated"; version: number }
  /** Nonces from `firstNonce` to the one before `nextNonce` no longer count; decimal. */
  | { kind: "noncesSpent"; signer: string; firstNonce: bigint; nextNonce: bigint }
  | { kind: "digestAnchored"; digest: string; anchorSequence: number }
);

/** Bits of an issuer's list that were set or cleared; each event counts once in the issuer's `statusSequence`. */
export interface StatusEffect {
  on: "status";
  /** What the list says: 0 to 255 (`statusPurpose.ts`). */
  purpose: number;
  /** True: the masks' bits are set; false: they are cleared. */
  value: boolean;
  masks: WordMask[];
  statusSequence: number;
}

/** Bits of one word. */
export interface WordMask {
  word: WordKey;
  /** 256 bits in hexadecimal with `0x`; the first is of the lowest index. */
  mask: string;
}

/** A decision on an issuer's accreditation, which counts in its `version`. */
export interface AccreditationEffect {
  on: "accreditation";
  accredited: boolean;
  metadataUri: string;
  version: number;
}

/** Of events that are stored and change no document of the projection. */
export interface NoEffect {
  on: "nothing";
}
