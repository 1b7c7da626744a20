import { type FunctionFragment, type ParamType, ZeroHash } from "ethers";
import { TransientError } from "../../core/errors";

/**
 * Reads single words of 32 bytes out of a contract's raw answer (Solidity, "Contract ABI Specification"), where decoding
 * all of it would cost more: texts and lists that nobody asked for. Answers are `0x` and hexadecimal digits.
 */

/** The place of the first element in an answer that is a list: its offset and its length come before. */
const FIRST_ELEMENT = 2;

/**
 * The place of a field in the answer of a function that returns one struct.
 *
 * @throws RangeError when the function returns no such field, or a field before it has more than one word
 */
export function fieldPlace(method: FunctionFragment, field: string): number {
  const fields = method.outputs[0]?.components ?? [];
  const index = fields.findIndex(({ name }) => name === field);
  const wide = fields.slice(0, index).find(isWide);
  if (index < 0 || wide !== undefined) throw new RangeError(`${method.name} has no field ${field} at a fixed place`);
  // The offset of a struct of variable length comes before its fields.
  return index + (fields.some(isDynamic) ? 1 : 0);
}

/**
 * The places of a field in the answer of a function that returns a list of structs of fixed length, by the struct's
 * place in the list, from 0.
 *
 * @throws RangeError when the structs have no such field, or their fields are not of one word each
 */
export function elementFieldPlace(method: FunctionFragment, field: string): (index: number) => number {
  const fields = method.outputs[0]?.arrayChildren?.components ?? [];
  const place = fields.findIndex(({ name }) => name === field);
  if (place < 0 || fields.some((other) => isDynamic(other) || isWide(other))) {
    throw new RangeError(`the elements that ${method.name} returns have no field ${field} at a fixed place`);
  }
  return (index) => FIRST_ELEMENT + index * fields.length + place;
}

function isWide({ type }: ParamType): boolean {
  return type.startsWith("tuple") || /\[\d+\]$/.test(type);
}

function isDynamic({ type }: ParamType): boolean {
  return type === "string" || type === "bytes" || type.endsWith("[]");
}

/**
 * The n-th word of an answer, from 0.
 *
 * @throws TransientError `rpc.failed` when the answer is shorter: no contract answered
 */
export function wordOf(answer: string, n: number): string {
  const word = answer.slice(2 + 64 * n, 66 + 64 * n);
  if (word.length === 64) return `0x${word}`;
  throw new TransientError("rpc.failed", "The chain's answer is shorter than the registry's answers are.");
}

/** A value of 32 bytes, `0x` and 64 hexadecimal digits; null for zero, by which the registry says that there is none. */
export function valueOrNull(bytes32: string): string | null {
  return bytes32 === ZeroHash ? null : bytes32;
}

/** Whether the n-th word of an answer is anything but zero; a `bool` that is true. */
export function isSet(answer: string, n: number): boolean {
  return wordOf(answer, n) !== ZeroHash;
}

/** The address in the n-th word of an answer, `0x` and 40 lower-case hexadecimal digits. */
export function addressOf(answer: string, n: number): string {
  return `0x${wordOf(answer, n).slice(26)}`;
}

/** An argument as a call's data has it: 32 bytes, 64 hexadecimal digits. */
export function argument(value: string | bigint): string {
  return (typeof value === "bigint" ? value.toString(16) : value.slice(2)).padStart(64, "0");
}
