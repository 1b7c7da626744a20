import type { StatusPurpose, WordKey } from "./statusWord";

/** What an event does to the projection: `on` says what it changes, `kind` how. */
export type Effect = IdentityEffect | StatusEffect | AccreditationEffect | NoEffect;

/** A change of an identity. All but a consumed nonce count in its `version`. */
export type IdentityEffect = { on: "identity" } & (
  | {
      kind: "registered";
      controller: string;
      did: string;
      documentUri: string;
      documentHash: string;
      version: number;
    }
  | { kind: "documentUpdated"; documentUri: string; documentHash: string; version: number }
  | { kind: "controllerChanged"; newController: string; version: number }
  | { kind: "delegateAdded"; role: string; delegate: string; expiresAt: string; version: number }
  | { kind: "delegateRevoked"; role: string; delegate: string; version: number }
  | { kind: "deactivated"; version: number }
  | { kind: "nonceConsumed"; nonce: number }
);

/** A change of credentials' statuses; each counts in the issuer's `statusSequence`. */
export type StatusEffect = { on: "status"; purpose: StatusPurpose; statusSequence: number } & (
  | { kind: "bit"; credId: string; value: boolean }
  /** `bits`: the word after the change; `changed`: the bits that differ from before. */
  | { kind: "word"; word: WordKey; bits: string; changed: string }
  /** Consecutive words as they are after the change. */
  | { kind: "words"; firstWord: WordKey; words: string[] }
);

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
