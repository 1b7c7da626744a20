/** Random choices that a seed repeats. */
export interface Random {
  /** At least 0, less than 1. */
  fraction(): number;
  below(count: number): number;
  pick<Item>(from: readonly Item[]): Item;
  chance(probability: number): boolean;
}

/** Mulberry32: small, fast, and the same everywhere. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number) => Math.floor(fraction() * count);
  return {
    fraction,
    below,
    pick: <Item>(from: readonly Item[]) => from[below(from.length)] as Item,
    chance: (probability) => fraction() < probability,
  };
}

/** JSON Schema as far as the description of the API uses it. */
export type JsonSchema = Record<string, unknown>;

/** Strings that the system gave or knows, by the name under which they appeared: ids, tokens, addresses. */
export type KnownValues = Map<string, unknown[]>;

const HOSTILE: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 2 ** 53, 1e308, -0, "", " ", "\0", "\ud800", "__proto__", "'; --", "../../etc/passwd"],
  ...["0x", "0xZz", `0x${"f".repeat(40)}`, `0x${"F".repeat(64)}`, "did:", "did:mychain:0xZz", "NaN", "1e400", "😀"],
  ...["%00", "%zz", "<script>", "${7*7}", "\r\nset-cookie: a=b", "x".repeat(5_000), "9".repeat(400)],
  ...[[], {}, [[]], [null], { $gt: "" }, { $where: "1" }, { _bsontype: "ObjectId" }, { toString: 1 }, { length: 1e9 }],
  ...["2026-13-45T99:99:99Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "+275760-09-13T00:00:00.000Z"],
  ...["http://[::1", "https://169.254.169.254/", "javascript:alert(1)", "file:///etc/passwd", "a@b", "a@example.com"],
];

/** A value that nobody should send. */
export function hostileValue(random: Random): unknown {
  return random.pick(HOSTILE);
}

/** A value that a schema takes, or nearly: patterns are met by what is known under the field's name. */
export function valueOf(schema: JsonSchema, name: string, on: { random: Random; known: KnownValues }): unknown {
  const { random, known } = on;
  const seen = (known.get(name) ?? []).filter((value) => fits(schema, value));
  if (seen.length > 0 && random.chance(0.8)) return random.pick(seen);
  if ("const" in schema) return schema["const"];
  for (const list of [schema["enum"], schema["examples"]]) {
    if (Array.isArray(list) && list.length > 0 && random.chance(0.9)) return random.pick(list as unknown[]);
  }
  const choices = (schema["anyOf"] ?? schema["oneOf"]) as JsonSchema[] | undefined;
  if (choices !== undefined) return valueOf(random.pick(choices), name, on);
  switch (schema["type"]) {
    case "object":
      return objectOf(schema, on);
    case "array": {
      const items = (schema["items"] ?? {}) as JsonSchema;
      return Array.from({ length: random.below(4) }, () => valueOf(items, name.replace(/s$/, ""), on));
    }
    case "integer":
    case "number":
      return numberOf(schema, random);
    case "boolean":
      return random.chance(0.5);
    case "null":
      return null;
    default:
      return textOf(schema, name, on);
  }
}

function objectOf(schema: JsonSchema, on: { random: Random; known: KnownValues }): Record<string, unknown> {
  const required = new Set((schema["required"] ?? []) as string[]);
  const entries = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>)
    .filter(([name]) => required.has(name) || on.random.chance(0.5))
    .map(([name, field]) => [name, valueOf(field, name, on)] as const);
  return Object.fromEntries(entries);
}

function numberOf(schema: JsonSchema, random: Random): number {
  const low = Number(schema["minimum"] ?? 0);
  const high = Math.min(Number(schema["maximum"] ?? low + 100), low + 1_000);
  return random.pick([low, high, low + random.below(high - low + 1)]);
}

function textOf(schema: JsonSchema, name: string, { random, known }: { random: Random; known: KnownValues }): string {
  const least = Number(schema["minLength"] ?? 0);
  switch (schema["format"]) {
    case "email":
      return `fuzz${random.below(1e9)}@example.com`;
    case "date-time":
      return new Date(Date.UTC(2026 + random.below(3), random.below(12), 1 + random.below(28))).toISOString();
    case "uri":
      return random.pick(["https://example.com/x", "https://example.com/callback?a=b", "http://localhost:1/x"]);
    default:
  }
  const all = [...known.values()].flat().filter((value) => typeof value === "string");
  if (typeof schema["pattern"] === "string" || schema["format"] === "uuid") {
    const fitting = all.filter((value) => fits(schema, value));
    if (fitting.length > 0) return random.pick(fitting);
  }
  if (random.chance(0.2)) return random.pick(all);
  return `${name}-${random.below(1e6)}`.padEnd(least, "x");
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Whether a known value may stand where a schema is: the likelier a request is taken, the further it gets. */
function fits({ type, pattern, format, enum: list, maxLength }: JsonSchema, value: unknown): boolean {
  if (Array.isArray(list)) return list.includes(value);
  if (type === "array") return false;
  if (type === "object") return typeof value === "object" && value !== null;
  if (typeof value !== "string") return type === undefined || type === typeof value;
  if (type !== undefined && type !== "string") return false;
  if (typeof maxLength === "number" && value.length > maxLength) return false;
  if (typeof pattern === "string" && !new RegExp(pattern).test(value)) return false;
  return format !== "uuid" || UUID.test(value);
}
