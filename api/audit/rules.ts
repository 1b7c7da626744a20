import { assertNever } from "../../core/errors";
import type { StatusEffect } from "../../chain/registry/effects";
import { effectOf, type RegistryEvent } from "../../chain/registry/events";
import { PURPOSE } from "../../chain/registry/statusPurpose";
import { isBitSet, placeOfCredential, type WordKey } from "../../chain/registry/statusWord";
import { parseCredId } from "../../chain/status/credId";

/** Bits that are set in each hexadecimal digit. */
const BITS_OF_DIGIT = [0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4];

/** What an event says of the status of one credential; it may have been so before. */
export interface StatusChange {
  credId: string;
  /** 0 revocation, 1 suspension; others have no name of their own (`statusPurpose.ts`). */
  purpose: number;
  change: "revoked" | "suspended" | "reinstated" | "set" | "cleared";
}

/** How many credentials an event says something of. */
export function countStatusChanges(event: RegistryEvent): number {
  const effect = effectOf(event);
  return effect.on === "status" ? effect.masks.reduce((sum, { mask }) => sum + countBits(mask), 0) : 0;
}

/**
 * What an event says of credentials' statuses.
 *
 * @param part.offset credentials left out at the beginning
 * @param part.count credentials listed at most
 */
export function statusChangesOf(event: RegistryEvent, part: { offset: number; count: number }): StatusChange[] {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status":
      return changesOf(event.subject, effect, part);
    case "identity":
    case "accreditation":
    case "nothing":
      return [];
    default:
      return assertNever(effect);
  }
}

function changesOf(
  issuer: string,
  effect: StatusEffect,
  { offset, count }: { offset: number; count: number },
): StatusChange[] {
  const { purpose, masks } = effect;
  const change = changeOf(effect);
  const changes: StatusChange[] = [];
  let skip = offset;
  for (const { word, mask } of masks) {
    if (changes.length >= count) break;
    const size = countBits(mask);
    if (skip >= size) {
      skip -= size;
      continue;
    }
    const bits = bitsOf(mask).slice(skip, skip + count - changes.length);
    for (const bit of bits) changes.push({ credId: credIdAt(issuer, word, bit), purpose, change });
    skip = 0;
  }
  return changes;
}

function changeOf({ purpose, value }: Pick<StatusEffect, "purpose" | "value">): StatusChange["change"] {
  if (purpose === PURPOSE.revocation) return "revoked";
  if (purpose === PURPOSE.suspension) return value ? "suspended" : "reinstated";
  return value ? "set" : "cleared";
}

/** Whether an event may have changed a credential's status. */
export function touches(event: RegistryEvent, credId: string): boolean {
  const effect = effectOf(event);
  switch (effect.on) {
    case "status": {
      if (event.subject !== parseCredId(credId).issuer) return false;
      const { word, bit } = placeOfCredential(credId);
      return effect.masks.some((masked) => masked.word === word && isBitSet(masked.mask, bit));
    }
    case "identity":
    case "accreditation":
    case "nothing":
      return false;
    default:
      return assertNever(effect);
  }
}

/** @param mask `0x` and hexadecimal digits */
function countBits(mask: string): number {
  let count = 0;
  for (const digit of mask.slice(2)) count += BITS_OF_DIGIT[Number.parseInt(digit, 16)] ?? 0;
  return count;
}

function bitsOf(mask: string): number[] {
  return Array.from({ length: 256 }, (_, bit) => bit).filter((bit) => isBitSet(mask, bit));
}

function credIdAt(issuer: string, wordHex: WordKey, bit: number): string {
  return issuer + ((BigInt(`0x${wordHex}`) << 8n) | BigInt(bit)).toString(16).padStart(24, "0");
}
