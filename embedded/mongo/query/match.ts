import { badValue, failedToParse, notSupported } from "../errors";
import { type Variables, compileExpression, isTruthy } from "../aggregation/expressions";
import { type MatchDetails, someValueAt } from "./paths";
import { DBREF_FIELDS, isOperatorDoc } from "./operatorDoc";
import { type ValueTest, bits, comparison, equalTo, modulo, oneOf, regexTest } from "./valueTests";
import { typeTest } from "./typeQuery";
import { type Doc, bsonType, isDoc, toInteger } from "../bson/values";

/** Whether a document matches. Fills `details` for the positional operator of updates. */
export type Matcher = (document: Doc, details?: MatchDetails) => boolean;

const NUMBER_NAMES = new Set(["$eq", "$gt", "$gte", "$lt", "$lte"]);

/**
 * Compiles a query filter.
 *
 * @throws MongoServerError BadValue (2) for an unknown operator or a malformed operand, CommandNotSupported (115) for
 * what this server does not do ($where, $text, $jsonSchema, geo queries).
 */
export function compileMatch(filter: Doc, variables: Variables = {}): Matcher {
  const tests = Object.entries(filter).map(([key, operand]) => compileEntry(key, operand, variables));
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (document, details) => tests.every((test) => test(document, details));
}

function compileEntry(key: string, operand: unknown, variables: Variables): Matcher {
  // The fields of a DBRef are the only ones with a dollar that a filter can name.
  if (!key.startsWith("$") || DBREF_FIELDS.has(key)) return compileField(key.split("."), operand, variables);
  switch (key) {
    case "$and": {
      const all = branches(key, operand, variables);
      return (document, details) => all.every((test) => test(document, details));
    }
    case "$or": {
      const any = branches(key, operand, variables);
      return (document, details) => any.some((test) => test(document, details));
    }
    case "$nor": {
      const none = branches(key, operand, variables);
      return (document) => !none.some((test) => test(document));
    }
    case "$expr": {
      const evaluate = compileExpression(operand);
      return (document) => isTruthy(evaluate({ root: document, variables }));
    }
    case "$comment":
      return () => true;
    case "$alwaysTrue":
      return () => true;
    case "$alwaysFalse":
      return () => false;
    case "$where":
    case "$text":
    case "$jsonSchema":
      throw notSupported(key);
    default:
      throw badValue(
        `unknown top level operator: ${key}. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.`,
      );
  }
}

function branches(key: string, operand: unknown, variables: Variables): Matcher[] {
  if (!Array.isArray(operand)) throw badValue(`${key} must be an array`);
  if (operand.length === 0) throw badValue("$and/$or/$nor must be a nonempty array");
  return operand.map((branch) => {
    if (!isDoc(branch)) throw badValue("$or/$and/$nor entries need to be full objects");
    return compileMatch(branch, variables);
  });
}

function compileField(parts: readonly string[], operand: unknown, variables: Variables): Matcher {
  if (!isOperatorDoc(operand)) {
    return bsonType(operand) === "BSONRegExp"
      ? atPath(parts, true, regexTest(operand))
      : atPath(parts, true, equalTo(operand));
  }
  const tests = Object.entries(operand).map(([operator, argument]) =>
    compileOperator(parts, operator, argument, operand, variables),
  );
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (document, details) => tests.every((test) => test(document, details));
}

function atPath(parts: readonly string[], expandLeaf: boolean, test: ValueTest): Matcher {
  // An empty path is an element under $elemMatch: the element itself is meant, not what it holds.
  const expand = expandLeaf && parts.length > 0;
  return (document, details) => someValueAt(document, parts, expand, test, details);
}

const not =
  (matcher: Matcher): Matcher =>
  (document) =>
    !matcher(document);

function compileOperator(
  parts: readonly string[],
  operator: string,
  argument: unknown,
  siblings: Doc,
  variables: Variables,
): Matcher {
  if (NUMBER_NAMES.has(operator) && bsonType(argument) === "BSONRegExp" && operator !== "$eq") {
    throw badValue(`Can't have RegEx as arg to predicate over field '${parts.join(".")}'.`);
  }
  switch (operator) {
    case "$eq":
      return atPath(parts, true, equalTo(argument));
    case "$ne":
      if (bsonType(argument) === "BSONRegExp") throw badValue("Can't have regex as arg to $ne.");
      return not(atPath(parts, true, equalTo(argument)));
    case "$gt":
    case "$gte":
    case "$lt":
    case "$lte":
      return atPath(parts, true, comparison(operator, argument));
    case "$in":
      return atPath(parts, true, oneOf(operator, argument));
    case "$nin":
      return not(atPath(parts, true, oneOf(operator, argument)));
    case "$not":
      return not(negated(parts, argument, variables));
    case "$exists": {
      const exists = atPath(parts, false, (value) => value !== undefined);
      return isTruthy(argument) ? exists : not(exists);
    }
    case "$type": {
      const test = typeTest(argument);
      return atPath(parts, true, test);
    }
    case "$regex": {
      const options = siblings.$options;
      return atPath(parts, true, regexTest(argument, options));
    }
    case "$options":
      if (siblings.$regex === undefined) throw badValue("$options needs a $regex");
      return () => true;
    case "$size": {
      const size = toInteger(argument);
      if (size === undefined) throw failedToParse("Failed to parse $size. Expected an integer");
      if (size < 0) throw failedToParse("Failed to parse $size. Expected a non-negative number");
      return atPath(parts, false, (value) => Array.isArray(value) && value.length === size);
    }
    case "$all":
      return allOf(parts, argument, variables);
    case "$elemMatch": {
      const matches = elementTest(argument, variables);
      return (document, details) =>
        someValueAt(document, parts, false, (value) => {
          if (!Array.isArray(value)) return false;
          const found = value.findIndex(matches);
          if (found >= 0 && details) details.position = found;
          return found >= 0;
        });
    }
    case "$mod":
      return atPath(parts, true, modulo(argument));
    case "$bitsAllSet":
    case "$bitsAllClear":
    case "$bitsAnySet":
    case "$bitsAnyClear":
      return atPath(parts, true, bits(operator, argument));
    case "$comment":
      return () => true;
    case "$geoWithin":
    case "$geoIntersects":
    case "$near":
    case "$nearSphere":
      throw notSupported(operator);
    default:
      throw badValue(`unknown operator: ${operator}`);
  }
}

function negated(parts: readonly string[], argument: unknown, variables: Variables): Matcher {
  if (bsonType(argument) === "BSONRegExp") return atPath(parts, true, regexTest(argument));
  if (!isDoc(argument)) throw badValue("$not needs a regex or a document");
  if (Object.keys(argument).length === 0) throw badValue("$not cannot be empty");
  if (!isOperatorDoc(argument)) throw badValue(`unknown operator: ${Object.keys(argument)[0]}`);
  return compileField(parts, argument, variables);
}

function allOf(parts: readonly string[], argument: unknown, variables: Variables): Matcher {
  if (!Array.isArray(argument)) throw badValue("$all needs an array");
  if (argument.length === 0) return () => false;
  const tests = argument.map((item): Matcher => {
    if (isDoc(item) && "$elemMatch" in item)
      return compileOperator(parts, "$elemMatch", item.$elemMatch, item, variables);
    if (isOperatorDoc(item)) throw badValue("no $ expressions in $all");
    return compileField(parts, item, variables);
  });
  return (document, details) => tests.every((test) => test(document, details));
}

/**
 * The test `$elemMatch` puts to each element: either operators on the element itself (`{ $gt: 1 }`) or a filter on an
 * embedded document.
 */
export function elementTest(argument: unknown, variables: Variables = {}): ValueTest {
  if (!isDoc(argument)) throw badValue("$elemMatch needs an Object");
  const first = Object.keys(argument)[0];
  const onValues = first !== undefined && isOperatorDoc(argument) && !["$and", "$or", "$nor", "$expr"].includes(first);
  if (onValues) {
    const tests = compileField([], argument, variables);
    return (item) => tests(item as Doc);
  }
  const matches = compileMatch(argument, variables);
  // An array inside the array is matched by the indexes of its elements.
  return (item) => (isDoc(item) || Array.isArray(item)) && matches(item as Doc);
}
