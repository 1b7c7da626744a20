import type { BSONRegExp } from "bson";
import { RE2JS, RE2JSException } from "re2js";
import { MongoServerError, badValue } from "../errors";
import { bsonType } from "../bson/values";

const FLAGS: Record<string, number> = { i: RE2JS.CASE_INSENSITIVE, m: RE2JS.MULTILINE, s: RE2JS.DOTALL, u: 0, x: 0 };

/** Instructions that one character of a text may take at most. */
const MAX_PROGRAM_SIZE = 10_000;
/** The longest pattern that MongoDB takes, in bytes. */
const MAX_PATTERN_BYTES = 32_764;

/** Whether a text holds a match, in a time that grows with its length and no faster. */
export type RegexMatcher = (text: string) => boolean;

/**
 * Compiles a BSON regular expression (PCRE), or a `$regex` string with its `$options` (i, m, s, x), for RE2's algorithm:
 * it does not backtrack, so that no pattern can keep other clients waiting.
 *
 * @throws MongoServerError 2 for an operand of another type, 51091 for a pattern that does not compile, is too large, or
 * needs backtracking (look-around, back-references), 51108 for an unknown option.
 */
export function compileRegex(pattern: unknown, options?: unknown): RegexMatcher {
  const isRegExp = bsonType(pattern) === "BSONRegExp";
  if (!isRegExp && typeof pattern !== "string") throw badValue("$regex has to be a string");
  if (options !== undefined && typeof options !== "string") throw badValue("$options has to be a string");
  let source = isRegExp ? (pattern as BSONRegExp).pattern : (pattern as string);
  let letters = options ?? (isRegExp ? (pattern as BSONRegExp).options : "");
  // RE2 knows these flags in a group as well, but for x.
  const inline = /^\(\?([imsx]+)\)/.exec(source);
  if (inline) {
    letters += inline[1] ?? "";
    source = source.slice(inline[0].length);
  }
  if (letters.includes("x")) source = withoutComments(source);
  let flags = 0;
  for (const letter of letters) {
    const flag = FLAGS[letter];
    if (flag === undefined) throw new MongoServerError(51108, `invalid flag in regex options: ${letter}`);
    flags |= flag;
  }
  const compiled = compile(source, flags);
  return (text) => compiled.test(text);
}

function compile(source: string, flags: number): RE2JS {
  if (Buffer.byteLength(source) > MAX_PATTERN_BYTES) throw invalid("pattern string is longer than the limit");
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source, flags);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw invalid(error.message);
  }
  if (compiled.programSize() > MAX_PROGRAM_SIZE) throw invalid("regular expression is too large");
  return compiled;
}

const invalid = (why: string): MongoServerError => new MongoServerError(51091, `Regular expression is invalid: ${why}`);

/** What option `x` ignores: white space and comments, outside character classes and escapes. */
function withoutComments(source: string): string {
  return source.replace(
    /(\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\])|\s+|#[^\n]*/g,
    (_, kept: string | undefined) => kept ?? "",
  );
}
