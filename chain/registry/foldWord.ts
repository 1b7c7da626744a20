import { assertNever } from "../../core/errors";
import type { StatusEffect } from "./effects";
import { effectOf, type RegistryEvent } from "./events";
import { type Change, changeOf } from "./fold";
import { positionOf } from "./position";
import { placeOfCredential, type StatusPurpose, type WordKey, wordAfter } from "./statusWord";

/** One word of an issuer's bitmap. */
export interface WordState {
  issuer: string;
  purpose: StatusPurpose;
  word: WordKey;
  /** 32 bytes in hexadecimal; the first bit is the lowest index. */
  bits: string;
  updated: Change;
  position: number;
}

const ZERO_WORD = `0x${"0".repeat(64)}`;

/** The `_id`s of the words that an event writes, `<issuer>:<purpose>:<word>`; none for other events. */
export function wordIdsOf(event: RegistryEvent): string[] {
  return writesOf(event).map(({ purpose, word }) => wordIdOf({ issuer: event.subject, purpose, word }));
}

/** The `_id` of a word. */
export function wordIdOf(word: Pick<WordState, "issuer" | "purpose" | "word">): string {
  return `${word.issuer}:${word.purpose}:${word.word}`;
}

/**
 * One word after one more event that writes it; other events leave it as it is.
 *
 * @param id the word's `_id`
 * @param before null when the word was never written: all its bits are zero
 */
export function foldWord(id: string, before: WordState | null, event: RegistryEvent): WordState | null {
  const write = writesOf(event).find(({ purpose, word }) => wordIdOf({ issuer: event.subject, purpose, word }) === id);
  if (write === undefined) return before;
  return {
    issuer: event.subject,
    purpose: write.purpose,
    word: write.word,
    bits: write.bits(before?.bits ?? ZERO_WORD),
    updated: changeOf(event),
    position: positionOf(event.blockNumber, event.logIndex),
  };
}

interface WordWrite {
  purpose: StatusPurpose;
  word: WordKey;
  bits(before: string): string;
}

function writesOf(event: RegistryEvent): WordWrite[] {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status":
      return writesOfStatus(effect);
    case "identity":
    case "accreditation":
    case "nothing":
      return [];
    default:
      return assertNever(effect);
  }
}

function writesOfStatus(effect: StatusEffect): WordWrite[] {
  const { purpose } = effect;
  switch (effect.kind) {
    case "bit":
      return [bitWrite(purpose, effect.credId, effect.value)];
    case "word":
      return [{ purpose, word: effect.word, bits: () => effect.bits }];
    case "words":
      return wholeWords(purpose, effect.firstWord, effect.words);
    default:
      return assertNever(effect);
  }
}

function wholeWords(purpose: StatusPurpose, firstWord: WordKey, words: string[]): WordWrite[] {
  return words.map((bits, offset) => ({ purpose, word: wordAfter(firstWord, offset), bits: () => bits }));
}

function bitWrite(purpose: StatusPurpose, credId: string, value: boolean): WordWrite {
  const { word, bit } = placeOfCredential(credId);
  return { purpose, word, bits: (before) => withBit(before, bit, value) };
}

/** 32 bytes in hexadecimal with one bit changed; bit 0 is the most significant of the first byte. */
function withBit(bits: string, bit: number, value: boolean): string {
  const at = 2 + (bit >> 2);
  const mask = 8 >> (bit & 3);
  const digit = Number.parseInt(bits.charAt(at), 16);
  return bits.slice(0, at) + (value ? digit | mask : digit & ~mask).toString(16) + bits.slice(at + 1);
}
