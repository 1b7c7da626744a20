import { MongoServerError, badValue, failedToParse, typeMismatch } from "../errors";
import { FIELD_OPERATORS } from "./fieldOperators";
import { isDoc, isNumeric, type Doc, typeName } from "../bson/values";

/** One operator on one path of an update. */
export interface Modification {
  operator: string;
  path: string;
  argument: unknown;
}

/**
 * The modifications of an update with operators, in the order they are applied in.
 *
 * @throws MongoServerError FailedToParse (9), ConflictingUpdateOperators (40), EmptyFieldName (56), TypeMismatch (14),
 * BadValue (2).
 */
export function parseModifications(update: Doc): Modification[] {
  const modifications = parse(update);
  assertNoConflicts(modifications);
  return modifications.sort((a, b) => comparePaths(a.path, b.path));
}

function parse(update: Doc): Modification[] {
  return Object.entries(update).flatMap(([operator, fields]) => {
    if (!Object.hasOwn(FIELD_OPERATORS, operator)) {
      throw failedToParse(
        `Unknown modifier: ${operator}. Expected a valid update modifier or pipeline-style update specified as an array`,
      );
    }
    if (!isDoc(fields)) {
      throw failedToParse(
        `Modifiers operate on fields but we found type ${typeName(fields)} instead. For example: {$mod: {<field>: ...}} not {${operator}: ${JSON.stringify(fields)}}`,
      );
    }
    return Object.entries(fields).map(([path, argument]) => {
      assertPath(path);
      return { operator, path, argument: checked(operator, path, argument) };
    });
  });
}

function assertPath(path: string): void {
  if (path === "") throw new MongoServerError(56, "An empty update path is not valid.");
  const parts = path.split(".");
  if (parts.includes("")) {
    throw new MongoServerError(56, `The update path '${path}' contains an empty field name, which is not allowed.`);
  }
  if (parts[0] === "$" || parts[0]?.startsWith("$[")) {
    throw badValue(`Cannot have positional (i.e. '$') element in the first position in path '${path}'`);
  }
}

/** Rejects an argument its operator cannot take, before any document is read. */
function checked(operator: string, path: string, argument: unknown): unknown {
  if ((operator === "$inc" || operator === "$mul") && !isNumeric(argument)) {
    const verb = operator === "$inc" ? "increment" : "multiply";
    throw typeMismatch(`Cannot ${verb} with non-numeric argument: {${path}: ${JSON.stringify(argument)}}`);
  }
  if (operator === "$rename") {
    if (typeof argument !== "string")
      throw badValue(`The 'to' field for $rename must be a string: ${path}: ${JSON.stringify(argument)}`);
    assertPath(argument);
    if (path === argument)
      throw badValue(`The source and target field for $rename must differ: ${path}: "${argument}"`);
    if (/(^|\.)\$/.test(path)) throw badValue(`The source field for $rename may not be dynamic: ${path}`);
    if (/(^|\.)\$/.test(argument)) throw badValue(`The destination field for $rename may not be dynamic: ${argument}`);
  }
  if (operator === "$currentDate" && typeof argument !== "boolean") {
    const type = isDoc(argument) ? argument.$type : undefined;
    if (type !== "date" && type !== "timestamp") {
      throw badValue(
        `${typeName(argument)} is not valid type for $currentDate. Please use a boolean ('true') or a $type expression ({$type: 'timestamp/date'}).`,
      );
    }
  }
  return argument;
}

function assertNoConflicts(modifications: readonly Modification[]): void {
  const seen: string[] = [];
  // A rename writes its target as well.
  const paths = modifications.flatMap(({ operator, path, argument }) =>
    operator === "$rename" ? [path, argument as string] : [path],
  );
  for (const path of paths) {
    const clash = seen.find((other) => other === path || other.startsWith(`${path}.`) || path.startsWith(`${other}.`));
    if (clash !== undefined) {
      const at = clash.length < path.length ? clash : path;
      throw new MongoServerError(40, `Updating the path '${path}' would create a conflict at '${at}'`);
    }
    seen.push(path);
  }
}

/** New fields appear in the order of their paths: names lexicographically, array indexes by number. */
function comparePaths(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")];
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [x, y] = [left[i] as string, right[i] as string];
    if (x === y) continue;
    const numbers = /^\d+$/.test(x) && /^\d+$/.test(y);
    return numbers ? Number(x) - Number(y) : x < y ? -1 : 1;
  }
  return left.length - right.length;
}
