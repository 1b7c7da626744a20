import type { BSONRegExp } from "bson";
import { MongoServerError, badValue } from "../errors";
import { bsonType } from "../bson/values";

const FLAGS: Record<string, string> = { i: "i", m: "m", s: "s", u: "", x: "" };

/**
 * A JavaScript regular expression for a BSON one (PCRE), or for a `$regex` string with its `$options`. Options i, m, s
 * and x are honoured, and a leading `(?i)`-style group.
 *
 * @throws MongoServerError 2 for an operand of another type, 51091 for a pattern that does not compile, 51108 for an
 * unknown option.
 */
export function toRegExp(pattern: unknown, options?: unknown): RegExp {
  const isRegExp = bsonType(pattern) === "BSONRegExp";
  if (!isRegExp && typeof pattern !== "string") throw badValue("$regex has to be a string");
  if (options !== undefined && typeof options !== "string") throw badValue("$options has to be a string");
  let source = isRegExp ? (pattern as BSONRegExp).pattern : (pattern as string);
  let letters = options ?? (isRegExp ? (pattern as BSONRegExp).options : "");
  const inline = /^\(\?([imsx]+)\)/.exec(source);
  if (inline) {
    letters += inline[1] ?? "";
    source = source.slice(inline[0].length);
  }
  if (letters.includes("x")) source = withoutComments(source);
  const flags = new Set<string>();
  for (const letter of letters) {
    const flag = FLAGS[letter];
    if (flag === undefined) throw new MongoServerError(51108, `invalid flag in regex options: ${letter}`);
    if (flag !== "") flags.add(flag);
  }
  try {
    return new RegExp(source, [...flags].join(""));
  } catch (error) {
    throw new MongoServerError(51091, `Regular expression is invalid: ${(error as Error).message}`);
  }
}

/** What option `x` ignores: white space and comments, outside character classes and escapes. */
function withoutComments(source: string): string {
  return source.replace(
    /(\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\])|\s+|#[^\n]*/g,
    (_, kept: string | undefined) => kept ?? "",
  );
}
