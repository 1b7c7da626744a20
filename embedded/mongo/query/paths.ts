import { getField, isDoc } from "../bson/values";

/** Filled in by a match: the index of the outermost array element on the path, which `$` in an update refers to. */
export interface MatchDetails {
  position?: number | undefined;
}

const INDEX = /^(0|[1-9]\d*)$/;

/** Whether a path component can be an array index. */
export const isIndex = (part: string): boolean => INDEX.test(part);

/**
 * Whether `test` accepts any of the values a dotted path reaches in `root`, by the query language's rules: arrays on
 * the way are entered implicitly (their embedded documents) and by number; a missing value is `undefined`; with
 * `expandLeaf`, an array at the end offers its elements before itself.
 */
export function someValueAt(
  root: unknown,
  parts: readonly string[],
  expandLeaf: boolean,
  test: (value: unknown) => boolean,
  details?: MatchDetails,
): boolean {
  return visit(root, parts, 0, expandLeaf, test, details);
}

function visit(
  value: unknown,
  parts: readonly string[],
  depth: number,
  expandLeaf: boolean,
  test: (value: unknown) => boolean,
  details: MatchDetails | undefined,
): boolean {
  const part = parts[depth];
  if (part === undefined) {
    if (!expandLeaf || !Array.isArray(value)) return test(value);
    return someElement(value, test, details) || test(value);
  }
  if (isDoc(value)) return visit(getField(value, part), parts, depth + 1, expandLeaf, test, details);
  if (!Array.isArray(value)) return visit(undefined, parts, parts.length, expandLeaf, test, details);
  if (isIndex(part) && Number(part) < value.length) {
    if (visit(value[Number(part)], parts, depth + 1, expandLeaf, test, details)) return true;
  }
  return someElement(value, (item) => isDoc(item) && visit(item, parts, depth, expandLeaf, test, undefined), details);
}

function someElement(items: readonly unknown[], test: (item: unknown) => boolean, details?: MatchDetails): boolean {
  const found = items.findIndex(test);
  if (found >= 0 && details) details.position = found;
  return found >= 0;
}
