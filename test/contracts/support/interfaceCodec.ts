import {
  AbiCoder,
  concat,
  dataSlice,
  ErrorFragment,
  EventFragment,
  FunctionFragment,
  type Interface,
  keccak256,
  type ParamType,
  Result,
} from "ethers";
import { createKeccak } from "hash-wasm";
import { textOf } from "./outcome";

/** An event with its arguments, by position and by name. */
export interface DecodedEvent {
  name: string;
  args: Result;
}

const coder = AbiCoder.defaultAbiCoder();

/**
 * Encodes and decodes by an interface as ethers does, with each selector and topic computed once: ethers hashes the
 * signatures of all functions, errors and events anew for each call, error and log.
 */
export class InterfaceCodec {
  private readonly functions = new Map<string, { selector: string; inputs: readonly ParamType[] }>();
  private readonly errors = new Map<string, ErrorFragment>();
  private readonly events = new Map<string, EventFragment>();

  constructor(abi: Interface) {
    for (const fragment of abi.fragments) {
      if (fragment instanceof FunctionFragment) {
        this.functions.set(fragment.name, { selector: fragment.selector, inputs: fragment.inputs });
      } else if (fragment instanceof ErrorFragment) {
        this.errors.set(fragment.selector, fragment);
      } else if (fragment instanceof EventFragment) {
        this.events.set(fragment.topicHash, fragment);
      }
    }
  }

  /** The calldata of a function, with its arguments by name. */
  encodeCall(name: string, values: Record<string, unknown>): string {
    const known = this.functions.get(name);
    if (!known) throw new Error(`There is no function ${name}.`);
    const { selector, inputs } = known;
    const args = inputs.map((input) => values[input.name]);
    return concat([selector, coder.encode(inputs, args)]);
  }

  /** A log's event. Indexed arguments must be values: what is longer is in the log by its hash. */
  decodeEvent({ topics, data }: { topics: readonly string[]; data: string }): DecodedEvent {
    const [topic = "", ...indexed] = topics;
    const fragment = this.events.get(topic);
    if (!fragment) throw new Error(`An event with the topic ${topic} is not in the interface.`);
    const fromTopics = coder.decode(
      fragment.inputs.filter((input) => input.indexed),
      bytesOf(concat(indexed)),
    );
    const fromData = coder.decode(
      fragment.inputs.filter((input) => !input.indexed),
      bytesOf(data),
    );
    const names = fragment.inputs.map(({ name }) => name);
    const isIndexed = (name: string) => fragment.inputs.some((input) => input.name === name && input.indexed);
    const values = names.map((name): unknown => (isIndexed(name) ? fromTopics : fromData).getValue(name));
    return { name: fragment.name, args: Result.fromItems(values, names) };
  }

  /** The error that a call reverted with, in one text. */
  errorText(data: string): string {
    const fragment = this.errors.get(data.slice(0, 10));
    if (!fragment) throw new Error(`The call reverted with ${data}, which is no error of the interface.`);
    return textOf(fragment.name, coder.decode(fragment.inputs, bytesOf(dataSlice(data, 4))));
  }
}

/** The bytes that hexadecimal digits stand for; ethers takes most of an encoding's time for reading digits. */
export function bytesOf(digits: string): Uint8Array {
  return Buffer.from(digits.slice(2), "hex");
}

/** Lets ethers hash by WebAssembly, ten times as fast as its JavaScript. */
export async function useFastKeccak(): Promise<void> {
  const hasher = await createKeccak(256);
  keccak256.register((data) => hasher.init().update(data).digest("binary"));
}
