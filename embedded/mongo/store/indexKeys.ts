import { MongoServerError } from "../errors";
import { isIndex } from "../query/paths";
import { getField, isDoc } from "../bson/values";
import { keyOf } from "../bson/order";

/** The values of one index entry, in the order of the index's fields. */
export type IndexKey = readonly unknown[];

/** One field of the index on its way into the document: where it stands and what is left of its path. */
interface Walk {
  value: unknown;
  rest: readonly string[];
  /** An array's element at the end of the path: indexed whole, even if it is an array itself. */
  isElement?: boolean;
}

/**
 * The keys a document has in an index on `paths`: one, or one for each element of an array on the way ("multikey").
 * Missing fields count as null, an empty array at the end of a path as `undefined` (below null).
 *
 * @throws MongoServerError CannotIndexParallelArrays (171) when two fields lead into different arrays.
 */
export function indexKeysOf(document: unknown, paths: readonly (readonly string[])[]): IndexKey[] {
  const found: IndexKey[] = [];
  gather(
    paths.map((rest) => ({ value: document, rest })),
    found,
  );
  if (found.length === 1) return found;
  const distinct = new Map(found.map((key) => [hashKey(key), key]));
  return [...distinct.values()];
}

/** The string an index entry is hashed by. */
export function hashKey(key: IndexKey): string {
  if (key.length === 1) return keyOf(key[0]);
  let hash = "";
  for (const value of key) {
    const part = keyOf(value);
    hash += `${part.length}:${part}`;
  }
  return hash;
}

function gather(walks: readonly Walk[], found: IndexKey[]): void {
  let array: unknown[] | undefined;
  const arrived = walks.map(advance);
  for (const walk of arrived) {
    if (!standsAtArray(walk)) continue;
    if (array && array !== walk.value) throw new MongoServerError(171, "cannot index parallel arrays");
    array = walk.value as unknown[];
  }
  if (!array) {
    found.push(
      arrived.map(({ value, rest, isElement }) => (rest.length > 0 ? null : isElement ? value : (value ?? null))),
    );
    return;
  }
  const elements = array.length > 0 ? array : [undefined];
  for (const element of elements) {
    gather(
      arrived.map((walk) => (standsAtArray(walk) ? enter(element, walk.rest) : walk)),
      found,
    );
  }
}

const standsAtArray = ({ value, isElement }: Walk): boolean => Array.isArray(value) && !isElement;

function enter(element: unknown, rest: readonly string[]): Walk {
  if (rest.length === 0) return { value: element, rest, isElement: true };
  return isDoc(element) ? { value: element, rest } : { value: null, rest: [] };
}

/** Follows embedded documents (and array indexes) until the path ends or an array must be entered. */
function advance(walk: Walk): Walk {
  const { rest } = walk;
  if (rest.length === 0) return walk;
  let { value } = walk;
  let depth = 0;
  for (; depth < rest.length; depth++) {
    const part = rest[depth] as string;
    if (isDoc(value)) value = getField(value, part);
    else if (Array.isArray(value) && isIndex(part) && Number(part) < value.length) value = value[Number(part)];
    else break;
  }
  return { value, rest: rest.slice(depth) };
}
