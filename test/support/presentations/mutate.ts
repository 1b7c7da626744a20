/** Draws integers from 0 to below `limit`; the same seed draws the same. */
export type Draw = (limit: number) => number;

/** Mulberry32: small, and good enough to choose places in a text. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

const INSERTED = 'AZaz09-_.~=+/[]{}",:';

/** Changes a token at one place, in one of the ways that forgers and broken networks do; never into itself. */
export function mutate(text: string, draw: Draw): string {
  for (;;) {
    const mutated = MUTATIONS[draw(MUTATIONS.length)]!(text, draw);
    if (mutated !== text) return mutated;
  }
}

const MUTATIONS: readonly ((text: string, draw: Draw) => string)[] = [
  // A bit of a character.
  (text, draw) => replaceAt(text, draw, (code) => String.fromCharCode(code ^ (1 << draw(7)))),
  // A character whose lower eight bits are the same.
  (text, draw) => replaceAt(text, draw, (code) => String.fromCharCode(code + 0x100)),
  (text, draw) => replaceAt(text, draw, () => ""),
  (text, draw) => replaceAt(text, draw, (code) => String.fromCharCode(code) + INSERTED[draw(INSERTED.length)]!),
  (text, draw) => text.slice(0, draw(text.length)),
  (text, draw) => text + INSERTED[draw(INSERTED.length)]!,
  // Parts dropped, repeated, exchanged.
  (text, draw) => withParts(text, draw, (parts, place) => parts.toSpliced(place, 1)),
  (text, draw) => withParts(text, draw, (parts, place) => parts.toSpliced(place, 0, parts[place]!)),
  (text, draw) =>
    withParts(text, draw, (parts, place) => {
      const other = draw(parts.length);
      return parts.with(place, parts[other]!).with(other, parts[place]!);
    }),
  (text, draw) => withParts(text, draw, (parts, place) => parts.with(place, "")),
];

function replaceAt(text: string, draw: Draw, change: (code: number) => string): string {
  const place = draw(text.length);
  return text.slice(0, place) + change(text.charCodeAt(place)) + text.slice(place + 1);
}

function withParts(text: string, draw: Draw, change: (parts: string[], place: number) => string[]): string {
  const separator = text.includes("~") && draw(2) === 0 ? "~" : ".";
  const parts = text.split(separator);
  return change(parts, draw(parts.length)).join(separator);
}
