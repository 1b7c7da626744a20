import { ErrorFragment, EventFragment, FunctionFragment, type Interface, keccak256 } from "ethers";
import { createKeccak } from "hash-wasm";
import { type SequenceCoder, sequenceCoder } from "./hexCoder";
import { textOf } from "./outcome";

/** An event with its arguments, by position and by name. */
export interface DecodedEvent {
  name: string;
  args: unknown[];
  fields: Record<string, unknown>;
}

interface KnownFunction {
  selector: string;
  names: string[];
  inputs: SequenceCoder;
  outputs: SequenceCoder;
}

interface KnownEvent {
  name: string;
  /** The arguments' names in their order, and where each is found. */
  inputs: { name: string; isIndexed: boolean; position: number }[];
  indexed: SequenceCoder;
  data: SequenceCoder;
}

/**
 * Encodes and decodes by an interface, with everything that depends on the interface alone made once: ethers hashes the
 * signatures of all functions, errors and events anew for each call, error and log.
 */
export class InterfaceCodec {
  private readonly functions = new Map<string, KnownFunction>();
  private readonly errors = new Map<string, { name: string; inputs: SequenceCoder }>();
  private readonly events = new Map<string, KnownEvent>();

  constructor(abi: Interface) {
    for (const fragment of abi.fragments) {
      if (fragment instanceof FunctionFragment) {
        this.functions.set(fragment.name, {
          selector: fragment.selector,
          names: fragment.inputs.map(({ name }) => name),
          inputs: sequenceCoder(fragment.inputs),
          outputs: sequenceCoder(fragment.outputs),
        });
      } else if (fragment instanceof ErrorFragment) {
        this.errors.set(fragment.selector, { name: fragment.name, inputs: sequenceCoder(fragment.inputs) });
      } else if (fragment instanceof EventFragment) {
        this.events.set(fragment.topicHash, knownEvent(fragment));
      }
    }
  }

  /** The calldata of a function, with its arguments by name. */
  encodeCall(name: string, values: Record<string, unknown>): string {
    const { selector, names, inputs } = this.functionNamed(name);
    return selector + inputs.encode(names.map((each) => values[each]));
  }

  /** What a function with one return value returned. */
  decodeResult(name: string, data: string): unknown {
    const [value] = this.functionNamed(name).outputs.decode(data, 2);
    return value;
  }

  /** A log's event. Indexed arguments must be values: what is longer is in the log by its hash. */
  decodeEvent({ topics, data }: { topics: readonly string[]; data: string }): DecodedEvent {
    const [topic = "", ...indexed] = topics;
    const known = this.events.get(topic);
    if (!known) throw new Error(`An event with the topic ${topic} is not in the interface.`);
    const fromTopics = known.indexed.decode(indexed.map((each) => each.slice(2)).join(""), 0);
    const fromData = known.data.decode(data, 2);
    const args = known.inputs.map(({ isIndexed, position }) => (isIndexed ? fromTopics : fromData)[position]);
    const fields = Object.fromEntries(known.inputs.map(({ name }, position) => [name, args[position]]));
    return { name: known.name, args, fields };
  }

  /** The error that a call reverted with, in one text. */
  errorText(data: string): string {
    const known = this.errors.get(data.slice(0, 10));
    if (!known) throw new Error(`The call reverted with ${data}, which is no error of the interface.`);
    return textOf(known.name, known.inputs.decode(data, 10));
  }

  private functionNamed(name: string): KnownFunction {
    const known = this.functions.get(name);
    if (!known) throw new Error(`There is no function ${name}.`);
    return known;
  }
}

function knownEvent({ name, inputs }: EventFragment): KnownEvent {
  const indexed = inputs.filter((input) => input.indexed === true);
  const data = inputs.filter((input) => input.indexed !== true);
  return {
    name,
    inputs: inputs.map((input) => ({
      name: input.name,
      isIndexed: input.indexed === true,
      position: (input.indexed === true ? indexed : data).indexOf(input),
    })),
    indexed: sequenceCoder(indexed),
    data: sequenceCoder(data),
  };
}

/** Lets ethers hash by WebAssembly, ten times as fast as its JavaScript. */
export async function useFastKeccak(): Promise<void> {
  const hasher = await createKeccak(256);
  keccak256.register((data) => hasher.init().update(data).digest("binary"));
}
