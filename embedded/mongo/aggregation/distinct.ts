import { distinct } from "./arrayOperators";
import { type Doc, isDoc } from "../bson/values";

/** The distinct values at a path over documents; arrays give their elements. */
export function distinctValues(documents: readonly Doc[], path: string): unknown[] {
  const parts = path.split(".");
  const found = documents.flatMap((document) => leaves(document, parts));
  return distinct(found);
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
