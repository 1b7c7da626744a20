import { MongoServerError, badValue } from "../errors";
import { MINGO_OPERATORS, applyMingo } from "./mingoOperators";
import { OPERATORS } from "./operators";
import { type Doc, getField, isDoc, isNumeric, setField, toNumber } from "../bson/values";

/** Variables in scope by name without `$$`. */
export type Variables = Readonly<Record<string, unknown>>;

/** What an expression is evaluated against. `undefined` is a missing value throughout. */
export interface Scope {
  readonly root: unknown;
  readonly variables: Variables;
}

export type Expression = (scope: Scope) => unknown;

/** MongoDB's truth: everything but false, null, missing and zero. */
export function isTruthy(value: unknown): boolean {
  if (value === false || value === null || value === undefined) return false;
  return !isNumeric(value) || toNumber(value) !== 0;
}

/**
 * Compiles an aggregation expression. The operators that compare, calculate, branch or convert are this server's own,
 * because they must know BSON's types; the long tail (dates, string searching, trigonometry) is mingo's.
 *
 * @throws MongoServerError InvalidPipelineOperator (168) for an operator that does not exist here.
 */
export function compileExpression(source: unknown): Expression {
  if (typeof source === "string" && source.startsWith("$")) return compilePath(source);
  if (Array.isArray(source)) {
    const items = source.map(compileExpression);
    return (scope) => items.map((item) => item(scope) ?? null);
  }
  if (!isDoc(source)) return () => source;
  const fields = Object.keys(source);
  const [first] = fields;
  if (first === undefined || !first.startsWith("$")) return compileObject(source);
  if (fields.length > 1) {
    throw new MongoServerError(15983, `An object representing an expression must have exactly one field`);
  }
  return compileOperator(first, source[first]);
}

function compileObject(source: Doc): Expression {
  const fields = Object.entries(source).map(([field, value]) => [field, compileExpression(value)] as const);
  return (scope) => {
    const result: Doc = {};
    for (const [field, evaluate] of fields) {
      const value = evaluate(scope);
      if (value !== undefined) setField(result, field, value);
    }
    return result;
  };
}

function compilePath(path: string): Expression {
  if (!path.startsWith("$$")) return fieldPath(path.slice(1).split("."), (scope) => getVariable(scope, "CURRENT"));
  const [name = "", ...rest] = path.slice(2).split(".");
  if (name === "") throw new MongoServerError(16869, "empty variable names are not allowed");
  return fieldPath(rest, (scope) => getVariable(scope, name));
}

function getVariable(scope: Scope, name: string): unknown {
  if (Object.hasOwn(scope.variables, name)) return scope.variables[name];
  if (name === "ROOT" || name === "CURRENT") return scope.root;
  if (name === "REMOVE") return undefined;
  throw new MongoServerError(17276, `Use of undefined variable: ${name}`);
}

function fieldPath(parts: readonly string[], start: Expression): Expression {
  if (parts.includes("") && parts.length > 0)
    throw new MongoServerError(15998, "FieldPath field names may not be empty strings.");
  return (scope) => valueAt(start(scope), parts);
}

/** A field path's value by the rules of expressions: arrays are mapped over, and not entered by number. */
export function valueAt(value: unknown, parts: readonly string[], depth = 0): unknown {
  for (; depth < parts.length; depth++) {
    if (Array.isArray(value)) {
      const found = value.map((item) => (isDoc(item) ? valueAt(item, parts, depth) : undefined));
      return found.filter((item) => item !== undefined);
    }
    if (!isDoc(value)) return undefined;
    value = getField(value, parts[depth] as string);
  }
  return value;
}

/** Whether an operator of this name exists here. */
export function isExpressionOperator(name: string): boolean {
  return name in SPECIAL_FORMS || name in OPERATORS || MINGO_OPERATORS.has(name);
}

function compileOperator(name: string, argument: unknown): Expression {
  const special = SPECIAL_FORMS[name];
  if (special) return special(argument);
  const operator = OPERATORS[name];
  if (operator) {
    const args = (Array.isArray(argument) ? argument : [argument]).map(compileExpression);
    const [least, most] = operator.arity;
    if (args.length < least || args.length > most) {
      const count = least === most ? `exactly ${least}` : `at least ${least} and at most ${most}`;
      throw new MongoServerError(16020, `Expression ${name} takes ${count} arguments. ${args.length} were passed in.`);
    }
    return (scope) => operator.apply(args.map((arg) => arg(scope)));
  }
  if (MINGO_OPERATORS.has(name)) {
    const evaluate = Array.isArray(argument) || isDoc(argument) ? compileExpression(argument) : single(argument);
    return (scope) => applyMingo(name, evaluate(scope));
  }
  throw new MongoServerError(168, `Unrecognized expression '${name}'`);
}

const single = (argument: unknown): Expression => {
  const evaluate = compileExpression(argument);
  return (scope) => [evaluate(scope)];
};

/** Named arguments of an operator, checked against what it knows. */
function named(
  operator: string,
  argument: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): Doc {
  if (!isDoc(argument)) throw badValue(`${operator} only supports an object as its argument`);
  for (const field of Object.keys(argument)) {
    if (!required.includes(field) && !optional.includes(field)) {
      throw badValue(`Unrecognized parameter to ${operator}: ${field}`);
    }
  }
  for (const field of required) if (!(field in argument)) throw badValue(`Missing '${field}' parameter to ${operator}`);
  return argument;
}

function bind(scope: Scope, additions: Record<string, unknown>): Scope {
  return { root: scope.root, variables: { ...scope.variables, ...additions } };
}

function inputArray(operator: string, value: unknown): unknown[] | null {
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) throw new MongoServerError(28651, `input to ${operator} must be an array`);
  return value as unknown[];
}

const asList = (argument: unknown): Expression[] =>
  (Array.isArray(argument) ? argument : [argument]).map(compileExpression);

/** Operators that decide which of their arguments are evaluated, or in which scope. */
const SPECIAL_FORMS: Record<string, (argument: unknown) => Expression> = {
  $literal: (argument) => () => argument,
  $const: (argument) => () => argument,
  $expr: compileExpression,
  $and(argument) {
    const all = asList(argument);
    return (scope) => all.every((item) => isTruthy(item(scope)));
  },
  $or(argument) {
    const any = asList(argument);
    return (scope) => any.some((item) => isTruthy(item(scope)));
  },
  $ifNull(argument) {
    const candidates = asList(argument);
    if (candidates.length < 2) throw new MongoServerError(1257300, "$ifNull needs at least two arguments");
    return (scope) => {
      let value: unknown;
      for (const candidate of candidates) {
        value = candidate(scope);
        if (value !== null && value !== undefined) return value;
      }
      return value;
    };
  },
  $cond(argument) {
    const parts = Array.isArray(argument)
      ? argument
      : ((fields: Doc) => [fields.if, fields.then, fields.else])(named("$cond", argument, ["if", "then", "else"]));
    if (parts.length !== 3) throw new MongoServerError(16020, "Expression $cond takes exactly 3 arguments.");
    const [test, then, otherwise] = parts.map(compileExpression) as [Expression, Expression, Expression];
    return (scope) => (isTruthy(test(scope)) ? then(scope) : otherwise(scope));
  },
  $switch(argument) {
    const { branches, default: fallback } = named("$switch", argument, ["branches"], ["default"]);
    if (!Array.isArray(branches)) throw new MongoServerError(40060, "$switch expected an array for 'branches'");
    const compiled = branches.map((branch) => {
      const fields = named("$switch", branch, ["case", "then"]);
      return [compileExpression(fields.case), compileExpression(fields.then)] as const;
    });
    const otherwise = fallback === undefined ? undefined : compileExpression(fallback);
    return (scope) => {
      const chosen = compiled.find(([test]) => isTruthy(test(scope)))?.[1] ?? otherwise;
      if (!chosen)
        throw new MongoServerError(
          40066,
          "$switch could not find a matching branch for an input, and no default was specified.",
        );
      return chosen(scope);
    };
  },
  $let(argument) {
    const fields = named("$let", argument, ["vars", "in"]);
    const variables = Object.entries(fields.vars as Doc).map(
      ([name, value]) => [name, compileExpression(value)] as const,
    );
    const body = compileExpression(fields.in);
    return (scope) => body(bind(scope, Object.fromEntries(variables.map(([name, value]) => [name, value(scope)]))));
  },
  $map(argument) {
    const fields = named("$map", argument, ["input", "in"], ["as"]);
    const [input, body] = [compileExpression(fields.input), compileExpression(fields.in)];
    const as = (fields.as ?? "this") as string;
    return (scope) =>
      inputArray("$map", input(scope))?.map((item) => body(bind(scope, { [as]: item })) ?? null) ?? null;
  },
  $filter(argument) {
    const fields = named("$filter", argument, ["input", "cond"], ["as", "limit"]);
    const [input, cond] = [compileExpression(fields.input), compileExpression(fields.cond)];
    const as = (fields.as ?? "this") as string;
    const limit = fields.limit === undefined ? undefined : compileExpression(fields.limit);
    return (scope) => {
      const kept = inputArray("$filter", input(scope))?.filter((item) => isTruthy(cond(bind(scope, { [as]: item }))));
      const most = limit?.(scope) ?? null;
      return most === null ? (kept ?? null) : (kept?.slice(0, toNumber(most)) ?? null);
    };
  },
  $reduce(argument) {
    const fields = named("$reduce", argument, ["input", "initialValue", "in"]);
    const [input, body] = [compileExpression(fields.input), compileExpression(fields.in)];
    const initial = compileExpression(fields.initialValue);
    return (scope) => {
      const start = initial(scope);
      const items = inputArray("$reduce", input(scope));
      return items ? items.reduce((value, item) => body(bind(scope, { value, this: item })), start) : null;
    };
  },
  $getField(argument) {
    const fields = isDoc(argument) && "field" in argument ? argument : { field: argument, input: "$$CURRENT" };
    const input = compileExpression(fields.input ?? "$$CURRENT");
    const field = compileExpression(fields.field);
    return (scope) => {
      const source = input(scope);
      return isDoc(source) ? getField(source, String(field(scope))) : source === null ? null : undefined;
    };
  },
  $setField: (argument) => withField("$setField", named("$setField", argument, ["field", "input", "value"])),
  $unsetField: (argument) =>
    withField("$unsetField", { ...named("$unsetField", argument, ["field", "input"]), value: "$$REMOVE" }),
};

function withField(operator: string, fields: Doc): Expression {
  const [field, input, value] = [fields.field, fields.input, fields.value].map(compileExpression) as [
    Expression,
    Expression,
    Expression,
  ];
  return (scope) => {
    const source = input(scope);
    if (source === null || source === undefined) return null;
    if (!isDoc(source)) throw new MongoServerError(4161105, `${operator} requires 'input' to evaluate to type Object`);
    const result: Doc = { ...source };
    const name = String(field(scope));
    const replacement = value(scope);
    if (replacement === undefined) Reflect.deleteProperty(result, name);
    else setField(result, name, replacement);
    return result;
  };
}
