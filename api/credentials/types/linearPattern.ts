import { RE2JS, RE2JSException } from "re2js";

/** A pattern whose time is linear in the text it is asked about, whatever it looks like. */
export interface LinearPattern {
  test(text: string): boolean;
  /** Steps that one character may take at most. */
  readonly size: number;
}

/** A pattern's length and repetitions make its size; a larger one describes more than one value. */
const MAX_PATTERN_LENGTH = 1_000;

/**
 * Compiles a pattern as JSON Schema has it (ECMA-262, matches anywhere) for RE2's algorithm, which does not backtrack: a
 * pattern such as `^(a+)+$` stops a backtracking engine for minutes.
 *
 * @throws RangeError saying what cannot be compiled: look-around, back-references, repetitions beyond 1,000
 */
export function compileLinearPattern(pattern: string): LinearPattern {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new RangeError(`is longer than ${MAX_PATTERN_LENGTH} characters`);
  try {
    const compiled = RE2JS.compile(RE2JS.translateRegExp(pattern));
    return { test: (text) => compiled.test(text), size: compiled.programSize() };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const fix = "give one without look-around, back-references and repetitions beyond 1000";
    throw new RangeError(`is no pattern that can be matched in linear time: ${fix}`, { cause: error });
  }
}
