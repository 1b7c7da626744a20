import { ZeroHash } from "ethers";
import { assertNever } from "../../core/errors";
import { effectOf, type RegistryEvent } from "./events";
import { type Change, changeOf } from "./fold";
import { positionOf } from "./position";
import { mergeBits, type WordKey } from "./statusWord";

/** One word of an issuer's bitmap. */
export interface WordState {
  issuer: string;
  /** 0 to 255 (`statusPurpose.ts`). */
  purpose: number;
  word: WordKey;
  /** 32 bytes in hexadecimal; the first bit is the lowest index. */
  bits: string;
  updated: Change;
  position: number;
}

/** What an event does to one word. */
export interface WordMerge extends Pick<WordState, "issuer" | "purpose" | "word"> {
  /** The word's `_id`. */
  id: string;
  mask: string;
  /** True: the mask's bits are set; false: they are cleared. */
  value: boolean;
}

/** The `_id` of a word: `<issuer>:<purpose>:<word>`. */
export function wordIdOf(word: Pick<WordState, "issuer" | "purpose" | "word">): string {
  return `${word.issuer}:${word.purpose}:${word.word}`;
}

/** What an event does to words, in the order in which the registry does it; a word may occur more than once. */
export function wordMergesOf(event: RegistryEvent): WordMerge[] {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status": {
      const { purpose, value } = effect;
      const issuer = event.subject;
      return effect.masks.map(({ word, mask }) => {
        return { id: wordIdOf({ issuer, purpose, word }), issuer, purpose, word, mask, value };
      });
    }
    case "identity":
    case "accreditation":
    case "nothing":
      return [];
    default:
      return assertNever(effect);
  }
}

/**
 * One word after one more merge.
 *
 * @param before null when the word was never written: all its bits are zero
 */
export function foldWord(before: WordState | null, merge: WordMerge, event: RegistryEvent): WordState {
  const { issuer, purpose, word, mask, value } = merge;
  return {
    issuer,
    purpose,
    word,
    bits: mergeBits(before?.bits ?? ZeroHash, mask, value),
    updated: changeOf(event),
    position: positionOf(event.blockNumber, event.logIndex),
  };
}
