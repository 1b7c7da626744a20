import { getAddress, type ParamType } from "ethers";

/**
 * Encodes and decodes values of one type by the rules of the contract ABI specification ("Formal Specification of the
 * Encoding"). What is encoded is hexadecimal digits without `0x`. ethers reads and writes each byte by itself, which took
 * a third of the time of the random histories; hexCoder.test.ts compares both.
 */
export interface HexCoder {
  /** How many digits the value takes in the head of what contains it. */
  headDigits: number;
  /** Whether the head holds an offset, and the value follows in the tail. */
  dynamic: boolean;
  /** @throws Error on a value that is not of the type */
  encode(value: unknown): string;
  /** Reads a value from where it starts. Numbers are bigint, addresses in checksum case, bytes with `0x`. */
  decode(digits: string, start: number): unknown;
}

/** A coder of several values, by position. */
export interface SequenceCoder extends Pick<HexCoder, "headDigits" | "dynamic"> {
  encode(values: readonly unknown[]): string;
  decode(digits: string, start: number): unknown[];
}

const WORD_DIGITS = 64;

/** The coder of a type. Knows those that the registry's interface has; signed and fixed-point numbers are not among them. */
export function hexCoderOf(type: ParamType): HexCoder {
  if (type.baseType === "array" && type.arrayChildren && type.arrayLength === -1) return arrayCoder(type.arrayChildren);
  if (type.baseType === "tuple" && type.components) return structCoder(type.components);
  const bits = /^uint(\d+)$/.exec(type.type)?.[1];
  if (bits !== undefined) return uintCoder(Number(bits));
  const bytes = /^bytes(\d+)$/.exec(type.type)?.[1];
  if (bytes !== undefined) return fixedBytesCoder(Number(bytes));
  switch (type.type) {
    case "address":
      return ADDRESS;
    case "bool":
      return BOOL;
    case "bytes":
      return bytesCoder(
        (value) => digitsOf(value),
        (digits) => `0x${digits}`,
      );
    case "string":
      return bytesCoder(
        (value) => Buffer.from(String(value), "utf8").toString("hex"),
        (digits) => Buffer.from(digits, "hex").toString("utf8"),
      );
    default:
      throw new Error(`There is no coder for the type ${type.type}.`);
  }
}

/** The coder of several values one after another: arguments, return values, or the fields of a struct by position. */
export function sequenceCoder(types: readonly ParamType[]): SequenceCoder {
  const coders = types.map(hexCoderOf);
  const dynamic = coders.some((coder) => coder.dynamic);
  const ownDigits = coders.reduce((sum, coder) => sum + coder.headDigits, 0);
  return {
    dynamic,
    headDigits: dynamic ? WORD_DIGITS : ownDigits,
    encode: (values) => joined(coders, values, ownDigits),
    decode: (digits, start) => {
      let head = start;
      return coders.map((coder) => {
        const value = coder.decode(digits, coder.dynamic ? start + 2 * lengthAt(digits, head) : head);
        head += coder.headDigits;
        return value;
      });
    },
  };
}

function structCoder(fields: readonly ParamType[]): HexCoder {
  const names = fields.map(({ name }) => name);
  const { encode, decode, ...size } = sequenceCoder(fields);
  return {
    ...size,
    encode: (value) => encode(names.map((name) => (value as Record<string, unknown>)[name])),
    decode: (digits, start) =>
      Object.fromEntries(decode(digits, start).map((value, position) => [names[position], value])),
  };
}

function arrayCoder(type: ParamType): HexCoder {
  const item = hexCoderOf(type);
  return {
    dynamic: true,
    headDigits: WORD_DIGITS,
    encode: (value) => {
      const items = value as readonly unknown[];
      const coders = items.map(() => item);
      return uintWord(BigInt(items.length)) + joined(coders, items, items.length * item.headDigits);
    },
    decode: (digits, start) => {
      const first = start + WORD_DIGITS;
      return Array.from({ length: lengthAt(digits, start) }, (_, position) => {
        const head = first + position * item.headDigits;
        return item.decode(digits, item.dynamic ? first + 2 * lengthAt(digits, head) : head);
      });
    },
  };
}

/** Heads and tails of several values. @param headDigits What the heads take together */
function joined(coders: readonly HexCoder[], values: readonly unknown[], headDigits: number): string {
  let head = "";
  let tail = "";
  for (const [position, coder] of coders.entries()) {
    const digits = coder.encode(values[position]);
    if (!coder.dynamic) head += digits;
    else {
      head += uintWord(BigInt((headDigits + tail.length) / 2));
      tail += digits;
    }
  }
  return head + tail;
}

function uintCoder(bits: number): HexCoder {
  const limit = 1n << BigInt(bits);
  return {
    dynamic: false,
    headDigits: WORD_DIGITS,
    encode: (value) => {
      const number = BigInt(value as bigint | number);
      if (number < 0n || number >= limit) throw new Error(`${number} is no uint${bits}.`);
      return uintWord(number);
    },
    decode: (digits, start) => BigInt(`0x${digits.slice(start, start + WORD_DIGITS)}`),
  };
}

function fixedBytesCoder(size: number): HexCoder {
  return {
    dynamic: false,
    headDigits: WORD_DIGITS,
    encode: (value) => {
      const digits = digitsOf(value);
      if (digits.length !== 2 * size) throw new Error(`${String(value)} is no bytes${size}.`);
      return digits.padEnd(WORD_DIGITS, "0");
    },
    decode: (digits, start) => `0x${digits.slice(start, start + 2 * size)}`,
  };
}

function bytesCoder(toDigits: (value: unknown) => string, fromDigits: (digits: string) => string): HexCoder {
  return {
    dynamic: true,
    headDigits: WORD_DIGITS,
    encode: (value) => {
      const digits = toDigits(value);
      const padded = Math.ceil(digits.length / WORD_DIGITS) * WORD_DIGITS;
      return uintWord(BigInt(digits.length / 2)) + digits.padEnd(padded, "0");
    },
    decode: (digits, start) => {
      const first = start + WORD_DIGITS;
      return fromDigits(digits.slice(first, first + 2 * lengthAt(digits, start)));
    },
  };
}

const BOOL: HexCoder = {
  dynamic: false,
  headDigits: WORD_DIGITS,
  encode: (value) => uintWord(value === true ? 1n : 0n),
  decode: (digits, start) => digits[start + WORD_DIGITS - 1] === "1",
};

/** The checksum of an address takes a hash, and the addresses are always the same. */
const checksummed = new Map<string, string>();

const ADDRESS: HexCoder = {
  dynamic: false,
  headDigits: WORD_DIGITS,
  encode: (value) => {
    const digits = digitsOf(value).toLowerCase();
    if (digits.length !== 40) throw new Error(`${String(value)} is no address.`);
    return digits.padStart(WORD_DIGITS, "0");
  },
  decode: (digits, start) => {
    const plain = digits.slice(start + 24, start + WORD_DIGITS);
    let address = checksummed.get(plain);
    if (address === undefined) checksummed.set(plain, (address = getAddress(`0x${plain}`)));
    return address;
  },
};

function uintWord(number: bigint): string {
  return number.toString(16).padStart(WORD_DIGITS, "0");
}

function digitsOf(value: unknown): string {
  if (typeof value !== "string" || !/^0x(?:[\da-f]{2})*$/i.test(value))
    throw new Error(`${String(value)} is not bytes.`);
  return value.slice(2);
}

/** A length or an offset, in bytes: no word of a call is longer than six bytes can say. */
function lengthAt(digits: string, start: number): number {
  return Number.parseInt(digits.slice(start + WORD_DIGITS - 12, start + WORD_DIGITS), 16);
}
