import { parseCredId, statusPosition } from "../../../chain/status/credId";
import type { ModelIdentity } from "./modelIdentity";
import { refuse, textOf } from "./outcome";
import { REVOCATION, SUSPENSION } from "./registry";
import type { Write } from "./writes";

const LAST_WORD = 2n ** 88n - 1n;

/** One credential's bit. Returns the events. */
export function changeOne(
  identity: ModelIdentity,
  write: Write & { name: "setCredentialStatus" | "setStatus" },
): string[] {
  const { word, mask } = statusPosition(parseCredId(write.credId).index);
  if (write.name === "setCredentialStatus") {
    if (!write.revoked && (wordOf(identity, REVOCATION, word) & mask) !== 0n) {
      throw refuse("RevocationIsFinal", write.credId);
    }
    return changeBit(identity, write.credId, write.revoked ? REVOCATION : SUSPENSION, write.revoked);
  }
  requireClearable(write.purpose, write.on);
  return changeBit(identity, write.credId, write.purpose, write.on);
}

/** Consecutive words. Returns the events. */
export function changeWords(identity: ModelIdentity, write: Write & { name: "setStatusWords" }): string[] {
  const { purpose, firstWord, masks, on } = write;
  requireClearable(purpose, on);
  if (firstWord > LAST_WORD) throw refuse("WordOutOfRange", firstWord);
  const words = masks.map((_, offset) => firstWord + BigInt(offset));
  if (!merge(identity, purpose, words, masks, on)) return [];
  const sequence = ++identity.statusSequence;
  if (purpose === REVOCATION) return [textOf("RevocationWordsSet", [identity.address, firstWord, masks, sequence])];
  const name = on ? "StatusWordsSet" : "StatusWordsCleared";
  return [textOf(name, [identity.address, purpose, firstWord, masks, sequence])];
}

/** Words anywhere in the list. Returns the events. */
export function changeMasks(identity: ModelIdentity, write: Write & { name: "setStatusMasks" }): string[] {
  const { purpose, words, masks, on } = write;
  requireClearable(purpose, on);
  if (words.length !== masks.length) throw refuse("LengthMismatch", words.length, masks.length);
  if (!merge(identity, purpose, words, masks, on)) return [];
  const sequence = ++identity.statusSequence;
  if (purpose === REVOCATION) return [textOf("RevocationMasksSet", [identity.address, words, masks, sequence])];
  const name = on ? "StatusMasksSet" : "StatusMasksCleared";
  return [textOf(name, [identity.address, purpose, words, masks, sequence])];
}

/** The stored bits of a word. */
export function wordOf(identity: Readonly<ModelIdentity>, purpose: bigint, word: bigint): bigint {
  return identity.words.get(`${purpose}:${word}`) ?? 0n;
}

function requireClearable(purpose: bigint, on: boolean): void {
  if (purpose === REVOCATION && !on) throw refuse("RevocationCannotBeCleared");
}

function changeBit(identity: ModelIdentity, credId: string, purpose: bigint, on: boolean): string[] {
  const { word, mask } = statusPosition(parseCredId(credId).index);
  if (!merge(identity, purpose, [word], [mask], on)) return [];
  const sequence = ++identity.statusSequence;
  if (purpose === REVOCATION) return [textOf("CredentialRevoked", [identity.address, credId, sequence])];
  return [textOf(on ? "StatusSet" : "StatusCleared", [identity.address, credId, purpose, sequence])];
}

/** Sets or clears the bits of each mask, one word after the other. Returns whether any bit changed. */
function merge(identity: ModelIdentity, purpose: bigint, words: bigint[], masks: bigint[], on: boolean): boolean {
  let changed = false;
  for (const [position, word] of words.entries()) {
    if (word > LAST_WORD) throw refuse("WordOutOfRange", word);
    const before = wordOf(identity, purpose, word);
    const mask = masks[position] ?? 0n;
    const after = on ? before | mask : before & ~mask;
    identity.words.set(`${purpose}:${word}`, after);
    changed ||= before !== after;
  }
  return changed;
}
