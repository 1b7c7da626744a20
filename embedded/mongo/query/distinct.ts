import { type Doc, isDoc } from "../bson/values";
import { keyOf } from "../bson/order";

/** The distinct values at a path over documents; arrays give their elements. */
export function distinctValues(documents: readonly Doc[], path: string): unknown[] {
  const parts = path.split(".");
  const found = new Map<string, unknown>();
  for (const document of documents) {
    for (const value of leaves(document, parts)) {
      const key = keyOf(value);
      if (!found.has(key)) found.set(key, value);
    }
  }
  return [...found.values()];
}

function leaves(value: unknown, parts: readonly string[]): unknown[] {
  const [part, ...rest] = parts;
  if (part === undefined) return Array.isArray(value) ? value : value === undefined ? [] : [value];
  if (isDoc(value)) return leaves(value[part], rest);
  if (!Array.isArray(value)) return [];
  const index = Number(part);
  if (Number.isInteger(index) && index < value.length) return leaves(value[index], rest);
  return value.flatMap((item) => (isDoc(item) ? leaves(item, parts) : []));
}
