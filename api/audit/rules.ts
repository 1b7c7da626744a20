import { assertNever } from "../../core/errors";
import type { StatusEffect } from "../../chain/registry/effects";
import { effectOf, type RegistryEvent } from "../../chain/registry/events";
import { PURPOSE } from "../../chain/registry/statusPurpose";
import { isBitSet, placeOfCredential, type WordKey } from "../../chain/registry/statusWord";
import { parseCredId } from "../../chain/status/credId";

/** What an event says of the status of one credential; it may have been so before. */
export interface StatusChange {
  credId: string;
  /** 0 revocation, 1 suspension; others have no name of their own (`statusPurpose.ts`). */
  purpose: number;
  change: "revoked" | "suspended" | "reinstated" | "set" | "cleared";
}

/**
 * What an event says of credentials' statuses.
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
  const { purpose, masks } = effect;
  const change = changeOf(effect);
  const changes: StatusChange[] = [];
  for (const { word, mask } of masks) {
    for (const bit of bitsOf(mask)) {
      if (changes.length >= limit) return changes;
      changes.push({ credId: credIdAt(issuer, word, bit), purpose, change });
    }
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

function bitsOf(mask: string): number[] {
  return Array.from({ length: 256 }, (_, bit) => bit).filter((bit) => isBitSet(mask, bit));
}

function credIdAt(issuer: string, wordHex: WordKey, bit: number): string {
  return issuer + ((BigInt(`0x${wordHex}`) << 8n) | BigInt(bit)).toString(16).padStart(24, "0");
}
