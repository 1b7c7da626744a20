/** An operator whose arguments are all evaluated first. `arity` bounds their number. */
export interface Operator {
  readonly arity: readonly [number, number];
  apply(args: readonly unknown[]): unknown;
}

export const ANY = Number.POSITIVE_INFINITY;
export const missing = (value: unknown): boolean => value === null || value === undefined;
export const someMissing = (args: readonly unknown[]): boolean => args.some(missing);

/** `undefined` as null: what an operator answers with is never missing where its operand was null. */
export function unary(apply: (value: unknown) => unknown): Operator {
  return { arity: [1, 1], apply: ([value]) => apply(value) };
}

/** An operator that answers null as soon as one operand is null or missing. */
export function strict(least: number, most: number, apply: (...args: unknown[]) => unknown): Operator {
  return { arity: [least, most], apply: (args) => (someMissing(args) ? null : apply(...args)) };
}
