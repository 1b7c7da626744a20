import type { FieldError } from "../../core/errors";

/** Deeper than any request of ours, and far from what would exhaust a stack or a database. */
const MAX_DEPTH = 32;

/** Members of objects and elements of arrays, all together. */
const MAX_VALUES = 5_000;

/** Problems named in one answer. */
const MAX_PROBLEMS = 20;

/** Names that libraries treat as more than a name: one changes an object's prototype, one makes BSON of it. */
const RESERVED_KEYS = new Set(["__proto__", "_bsontype"]);

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** JSON that was read; with problems, its value must not be used. */
export interface StrictJson {
  value: unknown;
  problems: FieldError[];
}

/**
 * Reads JSON (RFC 8259) as it is meant, or says what would be read as something else: I-JSON (RFC 7493) with the reserved
 * names and NUL besides, which the database does not take. A member that is given twice, an integer beyond 2^53 - 1, a
 * number that a double does not hold, a surrogate without its other half: each is a problem under its path.
 *
 * @param bytes UTF-8
 * @param root what paths begin with, such as `body`
 * @throws SyntaxError when it is not JSON
 */
export function parseStrictJson(bytes: Uint8Array, root: string): StrictJson {
  const text = decode(bytes);
  const value: unknown = JSON.parse(text);
  return { value, problems: findProblems(text, root) };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError("it is not UTF-8");
  }
}

/** An object or array whose end was not reached yet. */
interface Container {
  path: string;
  /** Of an object, the names so far; null of an array. */
  names: Set<string> | null;
  /** The place in it that is being read: the member's name, or the element's index. */
  at: string | number;
}

/** @param text valid JSON, so that what is no string, number or bracket needs no look */
function findProblems(text: string, root: string): FieldError[] {
  const problems: FieldError[] = [];
  const open: Container[] = [];
  let values = 0;
  const pathHere = () => {
    const container = open.at(-1);
    return container === undefined ? root : `${container.path}.${shortened(container.at)}`;
  };
  const report = (message: string | undefined) => {
    if (message !== undefined) problems.push({ field: pathHere(), message });
  };
  let place = 0;
  while (place < text.length && problems.length < MAX_PROBLEMS) {
    const character = text.charAt(place);
    const container = open.at(-1);
    if (character === '"') {
      const token = tokenAt(STRING, text, place);
      place += token.length;
      const content = token.includes("\\") ? (JSON.parse(token) as string) : token.slice(1, -1);
      if (container?.names && isName(text, place)) {
        container.at = content;
        report(problemOfName(content, container.names) ?? problemOfText(content));
        container.names.add(content);
        values += 1;
      } else {
        report(problemOfText(content));
      }
      continue;
    }
    if (character === "-" || (character >= "0" && character <= "9")) {
      const token = tokenAt(NUMBER, text, place);
      place += token.length;
      report(problemOfNumber(token));
      continue;
    }
    place += 1;
    if (character === "{" || character === "[") {
      open.push({ path: pathHere(), names: character === "{" ? new Set() : null, at: 0 });
      if (open.length > MAX_DEPTH) {
        return [...problems, { field: root, message: `is nested deeper than ${MAX_DEPTH}: make it flatter` }];
      }
    } else if (character === "}" || character === "]") {
      open.pop();
    } else if (character === "," && typeof container?.at === "number" && container.names === null) {
      container.at += 1;
      values += 1;
    }
    if (values > MAX_VALUES) {
      return [...problems, { field: root, message: `holds more than ${MAX_VALUES} values: send fewer` }];
    }
  }
  return problems;
}

/** Whether the string that ends here is a member's name: a colon follows. */
function isName(text: string, end: number): boolean {
  let place = end;
  while (text[place] === " " || text[place] === "\n" || text[place] === "\r" || text[place] === "\t") place += 1;
  return text[place] === ":";
}

function tokenAt(form: RegExp, text: string, place: number): string {
  form.lastIndex = place;
  return form.exec(text)?.[0] ?? text[place] ?? "";
}

function problemOfName(name: string, names: Set<string>): string | undefined {
  if (RESERVED_KEYS.has(name)) return "is a reserved name: choose another";
  return names.has(name) ? "is given twice: leave one of them out" : undefined;
}

function problemOfText(text: string): string | undefined {
  if (text.includes("\0")) return "holds the character NUL (U+0000): remove it";
  if (/\p{Surrogate}/u.test(text)) return "holds half of a surrogate pair, which is no character: remove it";
  return undefined;
}

function problemOfNumber(token: string): string | undefined {
  const number = Number(token);
  if (!Number.isFinite(number)) return "is too large for a number: give it as text";
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    return "is an integer beyond 9007199254740991, which JSON does not carry exactly: give it as text";
  }
  if (decimalOf(token) !== decimalOf(String(number))) {
    return "has more digits than a number holds (IEEE 754 double): round it, or give it as text";
  }
  return undefined;
}

/** A decimal number in one spelling: digits without outer zeros, and the power of ten of the last. */
function decimalOf(token: string): string {
  const [mantissa = "", exponent = "0"] = token.toLowerCase().replace(/^-/, "").split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  return `${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}

/** A name as a path shows it: control characters escaped, not longer than fits a line. */
function shortened(name: string | number): string {
  return JSON.stringify(String(name)).slice(1, -1).slice(0, 64);
}
