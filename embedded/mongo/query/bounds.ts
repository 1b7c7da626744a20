import { compileMatch } from "./match";
import { isOperatorDoc } from "./operatorDoc";
import { type Doc, bsonType, isDoc } from "../bson/values";
import { compareValues, identical } from "../bson/order";

/** One end of a range. */
export interface Bound {
  readonly value: unknown;
  readonly inclusive: boolean;
}

/** What a filter demands of one field, as far as an index can use it: always implied by the filter, never more. */
export interface Demand {
  /** The field equals one of these. */
  points?: readonly unknown[];
  low?: Bound;
  high?: Bound;
  exists?: boolean;
  /** The operands as written, to recognise those of a partial index. */
  readonly operands: unknown[];
}

/** The demands a filter makes, by path, from its top level and its `$and`s. */
export function demandsOf(filter: Doc): Map<string, Demand> {
  const demands = new Map<string, Demand>();
  gather(filter, "", demands);
  return demands;
}

function gather(filter: Doc, prefix: string, demands: Map<string, Demand>): void {
  for (const [key, operand] of Object.entries(filter)) {
    if (key === "$and" && Array.isArray(operand)) {
      for (const branch of operand) if (isDoc(branch)) gather(branch, prefix, demands);
    }
    if (key.startsWith("$")) continue;
    const path = prefix + key;
    const demand = demands.get(path) ?? { operands: [] };
    demands.set(path, demand);
    demand.operands.push(operand);
    if (!isOperatorDoc(operand)) demandPoints(demand, [operand]);
    else for (const [operator, argument] of Object.entries(operand)) read(demand, operator, argument, path, demands);
  }
}

function read(demand: Demand, operator: string, argument: unknown, path: string, demands: Map<string, Demand>): void {
  if (operator === "$eq") demandPoints(demand, [argument]);
  else if (operator === "$in" && Array.isArray(argument)) demandPoints(demand, argument);
  else if (operator === "$all" && Array.isArray(argument) && argument.length > 0 && !isDoc(argument[0])) {
    demandPoints(demand, [argument[0]]);
  } else if (operator === "$exists") demand.exists = Boolean(argument);
  else if (operator === "$elemMatch" && isDoc(argument) && !isOperatorDoc(argument))
    gather(argument, `${path}.`, demands);
  else if (hasOrder(argument)) {
    const inclusive = operator.endsWith("e");
    if (operator === "$gt" || operator === "$gte") demand.low = { value: argument, inclusive };
    else if (operator === "$lt" || operator === "$lte") demand.high = { value: argument, inclusive };
  }
}

/** Values an index holds as they are. Arrays are indexed by their elements, expressions match more than themselves. */
function isPoint(value: unknown): boolean {
  return value !== undefined && !Array.isArray(value) && bsonType(value) !== "BSONRegExp";
}

function hasOrder(value: unknown): boolean {
  const type = bsonType(value);
  return value !== null && isPoint(value) && type !== "MinKey" && type !== "MaxKey";
}

function demandPoints(demand: Demand, points: readonly unknown[]): void {
  if (!points.every(isPoint)) return;
  if (!demand.points || points.length < demand.points.length) demand.points = points;
}

/** Whether a field that meets the demand is surely there. */
export function excludesMissing(demand: Demand | undefined): boolean {
  if (!demand) return false;
  if (demand.points) return !demand.points.includes(null);
  return demand.low !== undefined || demand.high !== undefined || demand.exists === true;
}

/** Whether every document a filter with these demands matches also matches a partial index's filter. */
export function implies(demands: ReadonlyMap<string, Demand>, partial: Doc): boolean {
  return Object.entries(partial).every(([key, condition]) => {
    if (key === "$and" && Array.isArray(condition))
      return condition.every((part) => isDoc(part) && implies(demands, part));
    if (key.startsWith("$")) return false;
    const demand = demands.get(key);
    if (!demand) return false;
    if (demand.operands.some((operand) => identical(operand, condition))) return true;
    if (demand.points) {
      const accepts = compileMatch({ value: condition });
      return demand.points.every((value) => accepts({ value }));
    }
    return (
      isOperatorDoc(condition) &&
      Object.entries(condition).every(([operator, operand]) => covers(demand, operator, operand))
    );
  });
}

function covers(demand: Demand, operator: string, operand: unknown): boolean {
  if (operator === "$exists") return operand === true && excludesMissing(demand);
  const bound = operator.startsWith("$gt") ? demand.low : operator.startsWith("$lt") ? demand.high : undefined;
  if (!bound) return false;
  const order = compareValues(bound.value, operand) * (operator.startsWith("$gt") ? 1 : -1);
  return order > 0 || (order === 0 && (operator.endsWith("e") || !bound.inclusive));
}
