import { MongoServerError, notImplemented } from "../errors";
import { elementTest } from "./match";
import { isOperatorDoc } from "./operatorDoc";
import { type Doc, isDoc, isNumeric, isTruthy, setField, toInteger, typeName } from "../bson/values";

/** What becomes of one field. A `transform` gets the stored value and is not called where there is none. */
type Leaf =
  | { readonly kind: "include" | "exclude" }
  | { readonly kind: "transform"; readonly transform: (value: unknown, position?: number) => unknown };

interface Node {
  readonly children: Map<string, Node | Leaf>;
}

/** Applies a projection to a document, leaving the document as it is; `position` is the array index the query matched. */
export type Projection = (document: Doc, position?: number) => Doc;

const node = (): Node => ({ children: new Map() });
const isNode = (child: Node | Leaf): child is Node => "children" in child;

/**
 * Compiles a projection of `find` or `findAndModify`: inclusion, exclusion, `$slice`, `$elemMatch` and the positional
 * `$`.
 *
 * @throws MongoServerError 31253/31254 when inclusion and exclusion are mixed, 31249 where paths collide, 31325 for an
 * expression.
 */
export function compileProjection(specification: Doc): Projection {
  const root = node();
  const leaves: [string, Leaf][] = [];
  flatten(specification, "", leaves);
  const inclusive = isInclusive(specification, leaves);
  for (const [path, leaf] of leaves) {
    if (inclusive && leaf.kind === "exclude" && path !== "_id") {
      throw new MongoServerError(31254, `Cannot do exclusion on field ${path} in inclusion projection`);
    }
    if (!inclusive && leaf.kind === "include" && path !== "_id") {
      throw new MongoServerError(31253, `Cannot do inclusion on field ${path} in exclusion projection`);
    }
    plant(root, path, leaf);
  }
  if (inclusive && !root.children.has("_id")) root.children.set("_id", { kind: "include" });
  return (document, position) => {
    const projected = projectDoc(document, root, inclusive, position);
    return inclusive ? idFirst(projected) : projected;
  };
}

/** Whether only what is named stays: decided by the first field beside _id that is included or excluded. */
function isInclusive(specification: Doc, leaves: readonly [string, Leaf][]): boolean {
  const others = leaves.filter(([path]) => path !== "_id");
  const decisive = others.find(([, { kind }]) => kind !== "transform");
  if (decisive) return decisive[1].kind !== "exclude";
  if (others.length > 0) return others.some(([path]) => isSelective(specification, path));
  return leaves.some(([, { kind }]) => kind !== "exclude");
}

/** `$elemMatch` and the positional operator select their field as `1` would; `$slice` alone keeps all the others. */
function isSelective(specification: Doc, path: string): boolean {
  const operand = specification[path];
  return path in specification ? !(isDoc(operand) && "$slice" in operand) : true;
}

function flatten(specification: Doc, prefix: string, leaves: [string, Leaf][]): void {
  for (const [field, value] of Object.entries(specification)) {
    const path = prefix + field;
    if (path.startsWith("$"))
      throw new MongoServerError(16410, `FieldPath field names may not start with '$'. Given '${path}'`);
    if (path.endsWith(".$")) leaves.push([path.slice(0, -2), positional()]);
    else if (typeof value === "boolean" || isNumeric(value)) {
      leaves.push([path, { kind: isTruthy(value) ? "include" : "exclude" }]);
    } else if (!isDoc(value) || isOperatorDoc(value)) leaves.push([path, operatorLeaf(value)]);
    else if (Object.keys(value).length === 0)
      throw new MongoServerError(51270, "An empty sub-projection is not a valid value. Found empty object at path");
    else flatten(value, `${path}.`, leaves);
  }
}

function operatorLeaf(value: unknown): Leaf {
  if (!isDoc(value)) throw notImplemented(31325, `Invalid $project :: caused by :: a value of type ${typeName(value)}`);
  if ("$slice" in value) return { kind: "transform", transform: slice(value.$slice) };
  if ("$elemMatch" in value) return { kind: "transform", transform: firstMatching(value.$elemMatch) };
  const [operator = ""] = Object.keys(value);
  throw notImplemented(31325, `Invalid $project :: caused by :: Unknown expression ${operator}`);
}

function positional(): Leaf {
  return {
    kind: "transform",
    transform(value, position) {
      if (!Array.isArray(value)) return value;
      if (position === undefined) {
        throw new MongoServerError(
          51246,
          "Executor error during find command :: caused by :: positional operator '.$' couldn't find a matching element in the array",
        );
      }
      return [value[position] as unknown];
    },
  };
}

function firstMatching(condition: unknown): (value: unknown) => unknown {
  const matches = elementTest(condition);
  return (value) => {
    const found = Array.isArray(value) ? value.findIndex(matches) : -1;
    return found < 0 ? undefined : [(value as unknown[])[found]];
  };
}

function slice(argument: unknown): (value: unknown) => unknown {
  const [first, second] = Array.isArray(argument) ? argument.map(toInteger) : [undefined, toInteger(argument)];
  if (second === undefined) throw new MongoServerError(28724, `Invalid $slice syntax: ${typeName(argument)}`);
  if (first !== undefined && second <= 0)
    throw new MongoServerError(28729, "Third argument to $slice must be positive");
  return (items) => {
    if (!Array.isArray(items)) return items;
    const value: unknown[] = items;
    if (first === undefined) return second < 0 ? value.slice(second) : value.slice(0, second);
    const start = first < 0 ? Math.max(0, value.length + first) : first;
    return value.slice(start, start + second);
  };
}

function plant(root: Node, path: string, leaf: Leaf): void {
  const parts = path.split(".");
  if (parts.includes("")) throw new MongoServerError(15998, "FieldPath field names may not be empty strings.");
  let at = root;
  for (const [i, part] of parts.entries()) {
    const child = at.children.get(part);
    if (i === parts.length - 1) {
      if (child) throw new MongoServerError(31249, `Path collision at ${path}`);
      at.children.set(part, leaf);
    } else if (!child) {
      const next = node();
      at.children.set(part, next);
      at = next;
    } else if (isNode(child)) at = child;
    else
      throw new MongoServerError(31249, `Path collision at ${path} remaining portion ${parts.slice(i + 1).join(".")}`);
  }
}

function projectValue(value: unknown, at: Node, inclusive: boolean, position?: number): unknown {
  if (isDoc(value)) return projectDoc(value, at, inclusive, position);
  if (Array.isArray(value)) {
    return value.map((item) => projectValue(item, at, inclusive, position)).filter((item) => item !== undefined);
  }
  return inclusive ? undefined : value;
}

function projectDoc(document: Doc, at: Node, inclusive: boolean, position?: number): Doc {
  const result: Doc = {};
  for (const field of Object.keys(document)) {
    const child = at.children.get(field);
    const value = document[field];
    if (!child) {
      if (!inclusive) setField(result, field, value);
      continue;
    }
    const projected = isNode(child)
      ? projectValue(value, child, inclusive, position)
      : applyLeaf(child, value, position);
    if (projected !== undefined) setField(result, field, projected);
  }
  return result;
}

function applyLeaf(leaf: Leaf, value: unknown, position?: number): unknown {
  if (leaf.kind === "transform") return leaf.transform(value, position);
  return leaf.kind === "include" ? value : undefined;
}

function idFirst(document: Doc): Doc {
  const first = Object.keys(document)[0];
  if (first === "_id" || !("_id" in document)) return document;
  const { _id, ...rest } = document;
  return { _id, ...rest };
}
