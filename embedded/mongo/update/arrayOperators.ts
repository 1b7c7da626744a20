import { MongoServerError, badValue, failedToParse, typeMismatch } from "../errors";
import { compileMatch, elementTest } from "../query/match";
import { isOperatorDoc } from "../query/operatorDoc";
import { compileComparator } from "../query/sort";
import { readPath, writePath } from "./updatePaths";
import { type Doc, bsonType, copyOf, isDoc, isNumeric, toInteger, typeName, shown } from "../bson/values";
import { compareValues, equalValues } from "../bson/order";

const PUSH_MODIFIERS = ["$each", "$slice", "$sort", "$position"];

/** `$push`, with `$each`, `$position`, `$sort` and `$slice`, applied in that order whatever order they are written in. */
export function push(document: Doc, parts: readonly string[], argument: unknown): void {
  const before = readPath(document, parts);
  if (before !== undefined && !Array.isArray(before)) {
    throw badValue(
      `The field '${parts.join(".")}' must be an array but is of type ${typeName(before)} in document {_id: ${shown(document._id)}}`,
    );
  }
  const items: unknown[] = [...((before as unknown[] | undefined) ?? [])];
  if (!isDoc(argument) || !("$each" in argument)) {
    if (isDoc(argument) && PUSH_MODIFIERS.some((modifier) => modifier in argument)) {
      throw badValue("Cannot use $push modifiers without $each");
    }
    writePath(document, parts, [...items, copyOf(argument)]);
    return;
  }
  const unknown = Object.keys(argument).find((modifier) => !PUSH_MODIFIERS.includes(modifier));
  if (unknown) throw badValue(`Unrecognized clause in $push: ${unknown}`);
  const position = whole(argument, "$position") ?? items.length;
  items.splice(position < 0 ? Math.max(0, items.length + position) : position, 0, ...eachOf("$push", argument));
  sortItems(items, argument.$sort);
  writePath(document, parts, sliced(items, whole(argument, "$slice")));
}

function eachOf(operator: string, argument: Doc): unknown[] {
  if (!Array.isArray(argument.$each)) {
    const code = operator === "$push" ? 2 : 14;
    throw new MongoServerError(
      code,
      `The argument to $each in ${operator} must be an array but it was of type: ${typeName(argument.$each)}`,
    );
  }
  return copyOf(argument.$each) as unknown[];
}

function whole(argument: Doc, modifier: string): number | undefined {
  if (!(modifier in argument)) return undefined;
  const value = toInteger(argument[modifier]);
  if (value === undefined)
    throw badValue(
      `The value for ${modifier} must be an integer value but was given type: ${typeName(argument[modifier])}`,
    );
  return value;
}

function sortItems(items: unknown[], by: unknown): void {
  if (by === undefined) return;
  if (isDoc(by)) {
    const compare = compileComparator(by);
    items.sort((a, b) => compare(isDoc(a) ? a : {}, isDoc(b) ? b : {}));
    return;
  }
  const direction = toInteger(by);
  if (direction !== 1 && direction !== -1) throw badValue("The $sort element value must be either 1 or -1");
  items.sort((a, b) => compareValues(a, b) * direction);
}

function sliced(items: unknown[], count: number | undefined): unknown[] {
  if (count === undefined) return items;
  if (count === 0) return [];
  return count > 0 ? items.slice(0, count) : items.slice(count);
}

/** `$addToSet`, with `$each`. */
export function addToSet(document: Doc, parts: readonly string[], argument: unknown): void {
  const before = readPath(document, parts);
  if (before !== undefined && !Array.isArray(before)) {
    throw badValue(
      `Cannot apply $addToSet to non-array field. Field named '${parts.at(-1)}' has non-array type ${typeName(before)}`,
    );
  }
  const items: unknown[] = [...((before as unknown[] | undefined) ?? [])];
  const additions = isDoc(argument) && "$each" in argument ? eachOf("$addToSet", argument) : [copyOf(argument)];
  for (const addition of additions) {
    if (!items.some((item) => equalValues(item, addition))) items.push(addition);
  }
  writePath(document, parts, items);
}

/** `$pull`: a value, operators on the element, or a filter on embedded documents. */
export function pull(document: Doc, parts: readonly string[], argument: unknown): void {
  const before = arrayOrNothing(document, parts, "$pull");
  if (!before) return;
  const doomed = pullTest(argument);
  const kept = before.filter((item) => !doomed(item));
  if (kept.length < before.length) writePath(document, parts, kept);
}

function pullTest(argument: unknown): (item: unknown) => boolean {
  if (isOperatorDoc(argument)) return elementTest(argument);
  if (isDoc(argument)) {
    const matches = compileMatch(argument);
    return (item) => isDoc(item) && matches(item);
  }
  if (bsonType(argument) === "BSONRegExp") return elementTest({ $regex: argument });
  return (item) => equalValues(item, argument);
}

/** `$pullAll`: every element equal to one of the listed values. */
export function pullAll(document: Doc, parts: readonly string[], argument: unknown): void {
  if (!Array.isArray(argument))
    throw badValue(`$pullAll requires an array argument but was given a ${typeName(argument)}`);
  const before = arrayOrNothing(document, parts, "$pull");
  if (before) {
    const kept = before.filter((item) => !argument.some((value) => equalValues(item, value)));
    if (kept.length < before.length) writePath(document, parts, kept);
  }
}

/** `$pop`: the last element (1) or the first (-1). */
export function pop(document: Doc, parts: readonly string[], argument: unknown): void {
  const end = toInteger(argument);
  if (!isNumeric(argument))
    throw failedToParse(`Expected a number in: ${parts.join(".")}: ${JSON.stringify(argument)}`);
  if (end !== 1 && end !== -1) throw failedToParse(`$pop expects 1 or -1, found: ${shown(argument)}`);
  const before = readPath(document, parts);
  if (before === undefined) return;
  if (!Array.isArray(before)) {
    throw typeMismatch(`Path '${parts.join(".")}' contains an element of non-array type '${typeName(before)}'`);
  }
  writePath(document, parts, end === 1 ? before.slice(0, -1) : before.slice(1));
}

function arrayOrNothing(document: Doc, parts: readonly string[], operator: string): unknown[] | undefined {
  const value = readPath(document, parts);
  if (value === undefined || Array.isArray(value)) return value as unknown[] | undefined;
  throw badValue(`Cannot apply ${operator} to a non-array value`);
}
