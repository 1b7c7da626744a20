import type { UserEvent } from "./userEvent";

/** One entry of the Redis stream as a client library gives it: its id, then names and values by turns. */
export type StreamEntry = [id: string, fields: string[]];

const SEQ = /^[1-9]\d{0,18}$/;

/**
 * Reads the event of an entry.
 *
 * @throws RangeError naming the entry and the field that is missing or malformed
 */
export function parseEntry([entryId, fields]: StreamEntry): UserEvent {
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) values.set(fields[at] ?? "", fields[at + 1] ?? "");
  const field = (name: string, isValid: (text: string) => boolean = (text) => text !== ""): string => {
    const text = values.get(name) ?? "";
    if (!isValid(text)) throw new RangeError(`entry ${entryId} of the events stream has no valid ${name}`);
    return text;
  };
  return {
    userId: field("userId"),
    seq: BigInt(field("seq", (text) => SEQ.test(text))),
    id: field("id"),
    type: field("type"),
    at: new Date(Number(field("at", (text) => /^\d{1,15}$/.test(text)))),
    payload: field("payload", isJson),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Compares ids of entries, `<milliseconds>-<number>`: negative when `a` is the earlier one. */
export function compareEntryIds(a: string, b: string): number {
  const [first, second] = [a, b].map((id) => id.split("-").map(BigInt));
  const difference =
    (first?.[0] ?? 0n) === (second?.[0] ?? 0n)
      ? (first?.[1] ?? 0n) - (second?.[1] ?? 0n)
      : (first?.[0] ?? 0n) - (second?.[0] ?? 0n);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
