import { MongoServerError, badValue, failedToParse } from "../errors";
import { type Matcher, compileMatch } from "../query/match";
import { isIndex } from "../query/paths";
import { type Doc, getField, isDoc, setField, typeName } from "../bson/values";

/** What `$` and `$[name]` in update paths refer to. */
export interface PathContext {
  /** The index the query's match went through, for `$`. */
  position?: number | undefined;
  /** The tests of `arrayFilters` by identifier. */
  filters: ReadonlyMap<string, Matcher>;
}

/** The array filters of an update, by the identifier their conditions start with. */
export function compileArrayFilters(arrayFilters: readonly unknown[]): Map<string, Matcher> {
  const filters = new Map<string, Matcher>();
  for (const filter of arrayFilters) {
    if (!isDoc(filter)) throw new MongoServerError(14, "Array filters must be objects");
    const names = new Set(rootsOf(filter));
    const [name] = names;
    if (name === undefined)
      throw failedToParse("Cannot use an expression without a top-level field name in arrayFilters");
    if (names.size > 1)
      throw failedToParse(
        `Error parsing array filter :: caused by :: Expected a single top-level field name, found '${[...names].join("' and '")}'`,
      );
    if (!/^[a-z][a-zA-Z0-9]*$/.test(name))
      throw badValue(
        `The top-level field name must be an alphanumeric string beginning with a lowercase letter, found '${name}'`,
      );
    if (filters.has(name))
      throw failedToParse(`Found multiple array filters with the same top-level field name ${name}`);
    filters.set(name, compileMatch(filter));
  }
  return filters;
}

function rootsOf(filter: Doc): string[] {
  return Object.entries(filter).flatMap(([key, value]) =>
    key.startsWith("$") && Array.isArray(value) ? value.filter(isDoc).flatMap(rootsOf) : [key.split(".")[0] as string],
  );
}

/**
 * The concrete paths a path with `$`, `$[]` or `$[name]` stands for in `document`; a plain path stands for itself.
 */
export function concretePaths(document: Doc, path: string, context: PathContext): string[][] {
  const parts = path.split(".");
  return path.includes("$") ? expand(document, parts, 0, [], context) : [parts];
}

function expand(
  value: unknown,
  parts: readonly string[],
  depth: number,
  done: string[],
  context: PathContext,
): string[][] {
  const part = parts[depth];
  if (part === undefined) return [done];
  const next = (key: string): string[][] => expand(child(value, key), parts, depth + 1, [...done, key], context);
  if (part === "$") {
    if (context.position === undefined) {
      throw badValue("The positional operator did not find the match needed from the query.");
    }
    return next(String(context.position));
  }
  const found = /^\$\[(.*)\]$/.exec(part);
  if (!found) return next(part);
  const identifier = found[1] as string;
  const filter = identifier === "" ? undefined : context.filters.get(identifier);
  if (identifier !== "" && !filter) {
    throw badValue(`No array filter found for identifier '${identifier}' in path '${parts.join(".")}'`);
  }
  if (value === undefined) {
    throw badValue(`The path '${done.join(".")}' must exist in the document in order to apply array updates.`);
  }
  if (!Array.isArray(value)) {
    throw badValue(`Cannot apply array updates to non-array element ${done.at(-1) ?? ""}: ${typeName(value)}`);
  }
  return value.flatMap((item, i) => (!filter || filter({ [identifier]: item as unknown }) ? next(String(i)) : []));
}

function child(value: unknown, key: string): unknown {
  if (isDoc(value)) return getField(value, key);
  return Array.isArray(value) && isIndex(key) ? value[Number(key)] : undefined;
}

/** The value at a concrete path; undefined where there is none. */
export function readPath(document: Doc, parts: readonly string[]): unknown {
  return parts.reduce<unknown>(child, document);
}

/** Past this many elements beyond its end, MongoDB refuses to fill an array with nulls. */
const MAX_BACKFILL = 1_500_000;

/**
 * Sets a concrete path in a document that may be changed, creating embedded documents on the way.
 *
 * @throws MongoServerError PathNotViable (28) where a scalar, or a non-numeric step into an array, is in the way.
 */
export function writePath(document: Doc, parts: readonly string[], value: unknown): void {
  let container: unknown = document;
  for (let depth = 0; depth < parts.length; depth++) {
    const key = parts[depth] as string;
    const last = depth === parts.length - 1;
    assertViable(container, key, parts, depth);
    let next = last ? value : child(container, key);
    if (next === undefined) next = {};
    if (Array.isArray(container)) {
      while (container.length < Number(key)) container.push(null);
      container[Number(key)] = next;
    } else setField(container as Doc, key, next);
    container = next;
  }
}

function assertViable(container: unknown, key: string, parts: readonly string[], depth: number): void {
  if (isDoc(container)) return;
  if (Array.isArray(container) && isIndex(key)) {
    if (Number(key) > container.length + MAX_BACKFILL) {
      throw badValue(`can't backfill more than ${MAX_BACKFILL} elements`);
    }
    return;
  }
  const shown = JSON.stringify(container);
  throw new MongoServerError(28, `Cannot create field '${key}' in element {${parts[depth - 1] ?? ""}: ${shown}}`);
}

/** Removes a concrete path. An array's element becomes null, so that the others keep their places. */
export function removePath(document: Doc, parts: readonly string[]): void {
  const container = readPath(document, parts.slice(0, -1));
  const key = parts.at(-1) as string;
  if (isDoc(container)) Reflect.deleteProperty(container, key);
  else if (Array.isArray(container) && isIndex(key) && Number(key) < container.length) container[Number(key)] = null;
}
