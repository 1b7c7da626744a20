import { MongoServerError, badValue } from "../errors";
import { isIndex } from "./paths";
import { type Doc, getField, isDoc, isNumeric, toNumber } from "../bson/values";
import { compareValues } from "../bson/order";

/** One field of a sort or of an index. */
export interface SortField {
  readonly path: string;
  readonly parts: readonly string[];
  readonly direction: 1 | -1;
}

/**
 * Reads `{ a: 1, "b.c": -1 }`.
 *
 * @throws MongoServerError BadValue for a direction that is neither 1 nor -1 ($meta sorts are not supported).
 */
export function parseSort(specification: Doc): SortField[] {
  return Object.entries(specification).map(([path, value]) => {
    const direction = isNumeric(value) ? toNumber(value) : NaN;
    if (direction !== 1 && direction !== -1) {
      throw new MongoServerError(15975, "$sort key ordering must be 1 (for ascending) or -1 (for descending)");
    }
    if (path.split(".").includes("")) throw badValue("FieldPath must not end with a '.' or hold an empty field name");
    return { path, parts: path.split("."), direction };
  });
}

/** Compares documents by a sort specification. */
export function compileComparator(specification: Doc): (a: Doc, b: Doc) => number {
  const fields = parseSort(specification);
  return (a, b) => {
    for (const field of fields) {
      const order = compareValues(sortKey(a, field), sortKey(b, field)) * field.direction;
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** Sorts documents stably, computing each one's keys once. */
export function sortDocuments<T>(items: readonly T[], fields: readonly SortField[], documentOf: (item: T) => Doc): T[] {
  const keyed = items.map((item) => ({ item, keys: fields.map((field) => sortKey(documentOf(item), field)) }));
  keyed.sort((a, b) => {
    for (let i = 0; i < fields.length; i++) {
      const order = compareValues(a.keys[i], b.keys[i]) * (fields[i] as SortField).direction;
      if (order !== 0) return order;
    }
    return 0;
  });
  return keyed.map(({ item }) => item);
}

/**
 * What a document is sorted by: the value at the path, null where there is none; of the several values in arrays the
 * least going up and the greatest going down. An empty array stands below null.
 */
function sortKey(document: Doc, field: SortField): unknown {
  const values: unknown[] = [];
  collect(document, field.parts, 0, values);
  return values.reduce((best, value) => (compareValues(value, best) * field.direction < 0 ? value : best));
}

function collect(value: unknown, parts: readonly string[], depth: number, found: unknown[]): void {
  const part = parts[depth];
  if (part === undefined) {
    if (!Array.isArray(value)) found.push(value ?? null);
    else if (value.length === 0) found.push(undefined);
    else for (const item of value) found.push(item);
    return;
  }
  if (isDoc(value)) {
    collect(getField(value, part), parts, depth + 1, found);
    return;
  }
  if (!Array.isArray(value)) {
    found.push(null);
    return;
  }
  if (isIndex(part) && Number(part) < value.length) {
    collect(value[Number(part)], parts, depth + 1, found);
    return;
  }
  if (value.length === 0) found.push(null);
  for (const item of value) {
    if (isDoc(item)) collect(item, parts, depth, found);
    else found.push(null);
  }
}
