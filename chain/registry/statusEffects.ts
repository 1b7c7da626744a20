import { ZeroHash } from "ethers";
import type { StatusEffect } from "./effects";
import { maskOfBit, placeOfCredential, wordAfter, type WordKey } from "./statusWord";

/** The three forms in which the registry tells of changed bits, as one effect. */

type Merge = Pick<StatusEffect, "purpose" | "value" | "statusSequence">;

/** One credential's bit. */
export function bit({ credId, ...merge }: Merge & { credId: string }): StatusEffect {
  const place = placeOfCredential(credId);
  return statusEffect(merge, [{ word: place.word, mask: maskOfBit(place.bit) }]);
}

/** Masks of consecutive words. */
export function range({ firstWord, masks, ...merge }: Merge & { firstWord: WordKey; masks: string[] }): StatusEffect {
  return statusEffect(
    merge,
    masks.map((mask, offset) => ({ word: wordAfter(firstWord, offset), mask })),
  );
}

/**
 * Masks of words in any order.
 *
 * @throws RangeError when there are not as many masks as words, which the registry never emits
 */
export function scattered({ words, masks, ...merge }: Merge & { words: WordKey[]; masks: string[] }): StatusEffect {
  if (words.length !== masks.length) throw new RangeError(`${words.length} words have ${masks.length} masks`);
  return statusEffect(
    merge,
    words.map((word, at) => ({ word, mask: masks[at] ?? ZeroHash })),
  );
}

function statusEffect({ purpose, value, statusSequence }: Merge, masks: StatusEffect["masks"]): StatusEffect {
  return { on: "status", purpose, value, statusSequence, masks };
}
