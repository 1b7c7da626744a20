import { type RegistryEvent, STATUS_EVENTS } from "../../chain/registry/events";
import { parseCredId, statusPosition } from "../../chain/status/credId";
import { assertNever } from "../../core/errors";

/** What an event did to one credential's status. */
export interface StatusEffect {
  credId: string;
  /** `written`: the event wrote whole words, in which this credential's bit is set. */
  change: "revoked" | "suspended" | "reinstated" | "written";
}

/** An event that changes credentials' statuses. */
type StatusEvent = Extract<RegistryEvent, { name: (typeof STATUS_EVENTS)[number] }>;

/**
 * What an event did to statuses; nothing for an event of another kind. Words written whole say what is set afterwards,
 * not what changed: for them the bits that are set are listed as `written`.
 *
 * @param limit credentials listed at most
 */
export function effectsOf(event: RegistryEvent, limit: number): StatusEffect[] {
  if (!isStatusEvent(event)) return [];
  switch (event.name) {
    case "CredentialRevoked":
      return [{ credId: event.args.credId, change: "revoked" }];
    case "CredentialSuspended":
      return [{ credId: event.args.credId, change: "suspended" }];
    case "CredentialReinstated":
      return [{ credId: event.args.credId, change: "reinstated" }];
    case "StatusWordChanged":
      return changesInWord(event, limit);
    case "RevocationWordsSet":
    case "SuspensionWordsSet":
      return bitsOfWords(event, limit);
    default:
      return assertNever(event);
  }
}

/** Whether an event may have changed a credential's status. */
export function touches(event: RegistryEvent, credId: string): boolean {
  const { issuer, index } = parseCredId(credId);
  const { word: position, bit } = statusPosition(index);
  if (!isStatusEvent(event) || event.args.issuer !== issuer) return false;
  switch (event.name) {
    case "CredentialRevoked":
    case "CredentialSuspended":
    case "CredentialReinstated":
      return event.args.credId === credId;
    case "StatusWordChanged":
      return BigInt(`0x${event.args.word}`) === position && isSet(event.args.changed, bit);
    case "RevocationWordsSet":
    case "SuspensionWordsSet": {
      const first = BigInt(`0x${event.args.firstWord}`);
      return first <= position && position < first + BigInt(event.args.words.length);
    }
    default:
      return assertNever(event);
  }
}

function isStatusEvent(event: RegistryEvent): event is StatusEvent {
  return STATUS_EVENTS.some((name) => name === event.name);
}

function changesInWord(
  { args: { issuer, purpose, word, bits, changed } }: Extract<StatusEvent, { name: "StatusWordChanged" }>,
  limit: number,
): StatusEffect[] {
  return bitsOf(changed)
    .slice(0, limit)
    .map((bit) => {
      const changeOfSuspension = isSet(bits, bit) ? "suspended" : "reinstated";
      return { credId: credIdAt(issuer, word, bit), change: purpose === 0 ? "revoked" : changeOfSuspension };
    });
}

function bitsOfWords(
  { args: { issuer, firstWord, words } }: Extract<StatusEvent, { name: "RevocationWordsSet" | "SuspensionWordsSet" }>,
  limit: number,
): StatusEffect[] {
  const first = BigInt(`0x${firstWord}`);
  const effects: StatusEffect[] = [];
  for (const [offset, bits] of words.entries()) {
    const word = (first + BigInt(offset)).toString(16);
    for (const bit of bitsOf(bits)) {
      if (effects.length >= limit) return effects;
      effects.push({ credId: credIdAt(issuer, word, bit), change: "written" });
    }
  }
  return effects;
}

function bitsOf(bits: string): number[] {
  return Array.from({ length: 256 }, (_, bit) => bit).filter((bit) => isSet(bits, bit));
}

function isSet(bits: string, bit: number): boolean {
  return (BigInt(bits) & (1n << BigInt(255 - bit))) !== 0n;
}

function credIdAt(issuer: string, wordHex: string, bit: number): string {
  return issuer + ((BigInt(`0x${wordHex}`) << 8n) | BigInt(bit)).toString(16).padStart(24, "0");
}
