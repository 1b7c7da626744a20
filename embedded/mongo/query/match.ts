import { badValue, failedToParse, notImplemented } from "../errors";
import { type MatchDetails, someValueAt } from "./paths";
import { DBREF_FIELDS, isOperatorDoc } from "./operatorDoc";
import { type ValueTest, bits, comparison, equalTo, modulo, oneOf, regexTest } from "./valueTests";
import { typeTest } from "./typeQuery";
import { type Doc, bsonType, isDoc, isTruthy, toInteger } from "../bson/values";

/** Whether a document matches. Fills `details` for the positional operator of updates. */
export type Matcher = (document: Doc, details?: MatchDetails) => boolean;

/**
 * Compiles a query filter.
 *
 * @throws MongoServerError BadValue (2) for a malformed operand and for an operator that is unknown or not implemented.
 */
export function compileMatch(filter: Doc): Matcher {
  const tests = Object.entries(filter).map(([key, operand]) => compileEntry(key, operand));
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (document, details) => tests.every((test) => test(document, details));
}

function compileEntry(key: string, operand: unknown): Matcher {
  // The fields of a DBRef are the only ones with a dollar that a filter can name.
  if (!key.startsWith("$") || DBREF_FIELDS.has(key)) return compileField(key.split("."), operand);
  switch (key) {
    case "$and": {
      const all = branches(key, operand);
      return (document, details) => all.every((test) => test(document, details));
    }
    case "$or": {
      const any = branches(key, operand);
      return (document, details) => any.some((test) => test(document, details));
    }
    case "$nor": {
      const none = branches(key, operand);
      return (document) => !none.some((test) => test(document));
    }
    case "$comment":
      return () => true;
    case "$alwaysTrue":
      return () => true;
    case "$alwaysFalse":
      return () => false;
    case "$expr":
    case "$where":
    case "$text":
    case "$jsonSchema":
      throw notImplemented(2, `unknown top level operator: ${key}`);
    default:
      throw badValue(
        `unknown top level operator: ${key}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
      );
  }
}

function branches(key: string, operand: unknown): Matcher[] {
  if (!Array.isArray(operand)) throw badValue(`${key} must be an array`);
  if (operand.length === 0) throw badValue("$and/$or/$nor must be a nonempty array");
  return operand.map((branch) => {
    if (!isDoc(branch)) throw badValue("$or/$and/$nor entries need to be full objects");
    return compileMatch(branch);
  });
}

function compileField(parts: readonly string[], operand: unknown): Matcher {
  if (!isOperatorDoc(operand)) {
    return bsonType(operand) === "BSONRegExp"
      ? atPath(parts, true, regexTest(operand))
      : atPath(parts, true, equalTo(operand));
  }
  const tests = Object.entries(operand).map(([operator, argument]) =>
    compileOperator({ parts, operator, argument, siblings: operand }),
  );
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (document, details) => tests.every((test) => test(document, details));
}

function atPath(parts: readonly string[], expandLeaf: boolean, test: ValueTest): Matcher {
  // An empty path is an element under $elemMatch: the condition is about the element itself, not about the elements in it.
  const expand = expandLeaf && parts.length > 0;
  return (document, details) => someValueAt(document, parts, expand, test, details);
}

function not(matcher: Matcher): Matcher {
  return (document) => !matcher(document);
}

/** One operator of a field's condition, such as `$gt: 1` in `{ age: { $gt: 1, $lt: 9 } }`. */
interface OperatorUse {
  parts: readonly string[];
  operator: string;
  argument: unknown;
  /** All operators of the condition: `$regex` and `$options` belong together. */
  siblings: Doc;
}

type CompileOperator = (use: OperatorUse) => Matcher;

const OPERATORS = new Map<string, CompileOperator>([
  ["$eq", ({ parts, argument }) => atPath(parts, true, equalTo(argument))],
  ["$ne", compileNotEqual],
  ["$gt", comparisonBy("$gt")],
  ["$gte", comparisonBy("$gte")],
  ["$lt", comparisonBy("$lt")],
  ["$lte", comparisonBy("$lte")],
  ["$in", ({ parts, operator, argument }) => atPath(parts, true, oneOf(operator, argument))],
  ["$nin", ({ parts, operator, argument }) => not(atPath(parts, true, oneOf(operator, argument)))],
  ["$not", ({ parts, argument }) => not(negated(parts, argument))],
  ["$exists", compileExists],
  ["$type", ({ parts, argument }) => atPath(parts, true, typeTest(argument))],
  ["$regex", ({ parts, argument, siblings }) => atPath(parts, true, regexTest(argument, siblings.$options))],
  ["$options", compileOptions],
  ["$size", compileSize],
  ["$all", ({ parts, argument }) => allOf(parts, argument)],
  ["$elemMatch", compileElemMatch],
  ["$mod", ({ parts, argument }) => atPath(parts, true, modulo(argument))],
  ["$bitsAllSet", compileBits],
  ["$bitsAllClear", compileBits],
  ["$bitsAnySet", compileBits],
  ["$bitsAnyClear", compileBits],
  ["$comment", () => () => true],
  ["$geoWithin", rejectOperator],
  ["$geoIntersects", rejectOperator],
  ["$near", rejectOperator],
  ["$nearSphere", rejectOperator],
]);

function compileOperator(use: OperatorUse): Matcher {
  const compile = OPERATORS.get(use.operator);
  if (compile === undefined) throw badValue(`unknown operator: ${use.operator}`);
  return compile(use);
}

function comparisonBy(operator: "$gt" | "$gte" | "$lt" | "$lte"): CompileOperator {
  return ({ parts, argument }) => {
    if (bsonType(argument) === "BSONRegExp") {
      throw badValue(`Can't have RegEx as arg to predicate over field '${parts.join(".")}'.`);
    }
    return atPath(parts, true, comparison(operator, argument));
  };
}

function compileBits({ parts, operator, argument }: OperatorUse): Matcher {
  return atPath(parts, true, bits(operator, argument));
}

function rejectOperator({ operator }: OperatorUse): Matcher {
  throw notImplemented(2, `unknown operator: ${operator}`);
}

function compileNotEqual({ parts, argument }: OperatorUse): Matcher {
  if (bsonType(argument) === "BSONRegExp") throw badValue("Can't have regex as arg to $ne.");
  return not(atPath(parts, true, equalTo(argument)));
}

function compileExists({ parts, argument }: OperatorUse): Matcher {
  const exists = atPath(parts, false, (value) => value !== undefined);
  return isTruthy(argument) ? exists : not(exists);
}

function compileOptions({ siblings }: OperatorUse): Matcher {
  if (siblings.$regex === undefined) throw badValue("$options needs a $regex");
  return () => true;
}

function compileSize({ parts, argument }: OperatorUse): Matcher {
  const size = toInteger(argument);
  if (size === undefined) throw failedToParse("Failed to parse $size. Expected an integer");
  if (size < 0) throw failedToParse("Failed to parse $size. Expected a non-negative number");
  return atPath(parts, false, (value) => Array.isArray(value) && value.length === size);
}

function compileElemMatch({ parts, argument }: OperatorUse): Matcher {
  const matches = elementTest(argument);
  return (document, details) =>
    someValueAt(document, parts, false, (value) => {
      if (!Array.isArray(value)) return false;
      const found = value.findIndex(matches);
      if (found >= 0 && details) details.position = found;
      return found >= 0;
    });
}

function negated(parts: readonly string[], argument: unknown): Matcher {
  if (bsonType(argument) === "BSONRegExp") return atPath(parts, true, regexTest(argument));
  if (!isDoc(argument)) throw badValue("$not needs a regex or a document");
  if (Object.keys(argument).length === 0) throw badValue("$not cannot be empty");
  if (!isOperatorDoc(argument)) throw badValue(`unknown operator: ${Object.keys(argument)[0]}`);
  return compileField(parts, argument);
}

function allOf(parts: readonly string[], argument: unknown): Matcher {
  if (!Array.isArray(argument)) throw badValue("$all needs an array");
  if (argument.length === 0) return () => false;
  const tests = argument.map((item): Matcher => {
    if (isDoc(item) && "$elemMatch" in item)
      return compileElemMatch({ parts, operator: "$elemMatch", argument: item.$elemMatch, siblings: item });
    if (isOperatorDoc(item)) throw badValue("no $ expressions in $all");
    return compileField(parts, item);
  });
  return (document, details) => tests.every((test) => test(document, details));
}

/**
 * The condition of `$elemMatch` on each element: either operators on the element itself (`{ $gt: 1 }`) or a filter on an
 * embedded document.
 */
export function elementTest(argument: unknown = {}): ValueTest {
  if (!isDoc(argument)) throw badValue("$elemMatch needs an Object");
  const first = Object.keys(argument)[0];
  const onValues = first !== undefined && isOperatorDoc(argument) && !["$and", "$or", "$nor"].includes(first);
  if (onValues) {
    const tests = compileField([], argument);
    return (item) => tests(item as Doc);
  }
  const matches = compileMatch(argument);
  // An array inside the array is matched by the indexes of its elements.
  return (item) => (isDoc(item) || Array.isArray(item)) && matches(item as Doc);
}
