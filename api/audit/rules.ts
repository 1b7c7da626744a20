import { assertNever } from "../../core/errors";
import type { StatusEffect } from "../../chain/registry/effects";
import { effectOf, type RegistryEvent } from "../../chain/registry/events";
import {
  isBitSet,
  placeOfCredential,
  type StatusPurpose,
  wordAfter,
  type WordKey,
} from "../../chain/registry/statusWord";
import { parseCredId } from "../../chain/status/credId";

/** What an event did to the status of one credential. */
export interface StatusChange {
  credId: string;
  change: "revoked" | "suspended" | "reinstated" | "written";
}

/**
 * What an event did to statuses. Words written whole say what is set afterwards, not what changed: for them the bits
 * that are set are listed as `written`.
 *
 * @param limit credentials listed at most
 */
export function statusChangesOf(event: RegistryEvent, limit: number): StatusChange[] {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status":
      return changesOf(event.subject, effect, limit);
    case "identity":
    case "accreditation":
    case "nothing":
      return [];
    default:
      return assertNever(effect);
  }
}

function changesOf(issuer: string, effect: StatusEffect, limit: number): StatusChange[] {
  switch (effect.kind) {
    case "bit":
      return [{ credId: effect.credId, change: changeOf(effect.purpose, effect.value) }];
    case "word":
      return bitsOf(effect.changed)
        .slice(0, limit)
        .map((bit) => {
          const credId = credIdAt(issuer, effect.word, bit);
          return { credId, change: changeOf(effect.purpose, isBitSet(effect.bits, bit)) };
        });
    case "words":
      return setInWords(issuer, effect.firstWord, effect.words, limit);
    default:
      return assertNever(effect);
  }
}

function changeOf(purpose: StatusPurpose, value: boolean): StatusChange["change"] {
  if (purpose === "revocation") return "revoked";
  return value ? "suspended" : "reinstated";
}

function setInWords(issuer: string, firstWord: WordKey, words: string[], limit: number): StatusChange[] {
  const set: StatusChange[] = [];
  for (const [offset, bits] of words.entries()) {
    const word = wordAfter(firstWord, offset);
    for (const bit of bitsOf(bits)) {
      if (set.length >= limit) return set;
      set.push({ credId: credIdAt(issuer, word, bit), change: "written" });
    }
  }
  return set;
}

/** Whether an event may have changed a credential's status. */
export function touches(event: RegistryEvent, credId: string): boolean {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status":
      return event.subject === parseCredId(credId).issuer && touchesStatus(effect, credId);
    case "identity":
    case "accreditation":
    case "nothing":
      return false;
    default:
      return assertNever(effect);
  }
}

function touchesStatus(effect: StatusEffect, credId: string): boolean {
  const { word, bit } = placeOfCredential(credId);
  switch (effect.kind) {
    case "bit":
      return effect.credId === credId;
    case "word":
      return effect.word === word && isBitSet(effect.changed, bit);
    case "words": {
      const offset = BigInt(`0x${word}`) - BigInt(`0x${effect.firstWord}`);
      return offset >= 0n && offset < BigInt(effect.words.length);
    }
    default:
      return assertNever(effect);
  }
}

function bitsOf(bits: string): number[] {
  return Array.from({ length: 256 }, (_, bit) => bit).filter((bit) => isBitSet(bits, bit));
}

function credIdAt(issuer: string, wordHex: string, bit: number): string {
  return issuer + ((BigInt(`0x${wordHex}`) << 8n) | BigInt(bit)).toString(16).padStart(24, "0");
}
