/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** A JSON object without a prototype, so that no name in it is a member of `Object.prototype`. */
export interface JsonObject {
  [name: string]: Json;
}

/** How deep a credential's claims may nest. */
export const MAX_DEPTH = 32;

/**
 * Parses JSON whose author is not trusted: the result has no prototypes and nests at most {@link MAX_DEPTH} deep.
 *
 * @throws SyntaxError when it is no JSON, or nests deeper
 */
export function parseJson(text: string): Json {
  return withoutPrototypes(JSON.parse(text) as Json, MAX_DEPTH);
}

/** Whether a JSON value is an object: neither null nor an array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An empty JSON object. */
export function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

function withoutPrototypes(value: Json, depth: number): Json {
  if (typeof value !== "object" || value === null) return value;
  if (depth === 0) throw new SyntaxError(`It nests deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) return value.map((item) => withoutPrototypes(item, depth - 1));
  const copy = emptyObject();
  for (const [name, member] of Object.entries(value)) copy[name] = withoutPrototypes(member, depth - 1);
  return copy;
}
