import { ARITHMETIC } from "./arithmetic";
import { ARRAYS } from "./arrayOperators";
import { CONVERSIONS } from "./conversions";
import { type Operator, missing, unary } from "./operator";
import { TEXT } from "./textOperators";
import { isNumeric, toNumber, typeName } from "../bson/values";
import { compareValues } from "../bson/order";

const ordering = (accept: (order: number) => boolean): Operator => ({
  arity: [2, 2],
  apply: ([a, b]) => accept(compareValues(a, b)),
});

/** The operators evaluated here, by name. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  $eq: ordering((order) => order === 0),
  $ne: ordering((order) => order !== 0),
  $gt: ordering((order) => order > 0),
  $gte: ordering((order) => order >= 0),
  $lt: ordering((order) => order < 0),
  $lte: ordering((order) => order <= 0),
  $cmp: { arity: [2, 2], apply: ([a, b]) => compareValues(a, b) },
  $not: unary((value) => missing(value) || value === false || (isNumeric(value) && toNumber(value) === 0)),
  $isArray: unary((value) => Array.isArray(value)),
  $isNumber: unary(isNumeric),
  $type: unary(typeName),
  ...ARITHMETIC,
  ...TEXT,
  ...ARRAYS,
  ...CONVERSIONS,
};
