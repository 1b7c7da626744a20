import { type ContractTransactionResponse, type Interface, type Result } from "ethers";

/** What a transaction did: its events in order, or the error it reverted with. Values are texts, to compare them simply. */
export type Outcome = { events: string[] } | { error: string };

/** A revert of the contract, with the error's name and arguments. */
export class Refusal extends Error {}

/** The revert with an error of the contract. */
export function refuse(error: string, ...args: unknown[]): Refusal {
  return new Refusal(textOf(error, args));
}

/** An event or an error with its arguments, in one text. */
export function textOf(name: string, args: Result | readonly unknown[]): string {
  const texts = [...args].map((arg) => (Array.isArray(arg) ? `[${arg.join(",")}]` : String(arg)));
  return `${name}(${texts.join(", ").toLowerCase()})`;
}

/** The data that a reverted call carries, wherever the layers between have put it. */
export function revertDataOf(thrown: unknown): string | undefined {
  for (let layer = thrown; typeof layer === "object" && layer !== null;) {
    const { data, error, cause } = layer as { data?: unknown; error?: unknown; cause?: unknown };
    if (typeof data === "string" && data.startsWith("0x")) return data;
    layer = data ?? error ?? cause;
  }
  return undefined;
}

/** The error of a call that reverted. Anything but a revert with a known error is thrown on. */
export function errorTextOf(abi: Interface, thrown: unknown): string {
  const data = revertDataOf(thrown);
  if (data === undefined) throw thrown;
  return errorText(abi, data);
}

/** The error that a call reverted with. @throws Error on data that is no error of the interface */
export function errorText(abi: Interface, data: string): string {
  const error = abi.parseError(data);
  if (!error) throw new Error(`The call reverted with ${data}, which is no error of the interface.`);
  return textOf(error.name, error.args);
}

/** Waits for a transaction and says what it did. */
export async function outcomeOf(abi: Interface, sending: Promise<ContractTransactionResponse>): Promise<Outcome> {
  try {
    const receipt = await (await sending).wait();
    return { events: eventTexts(abi, receipt?.logs ?? []) };
  } catch (thrown) {
    return { error: errorTextOf(abi, thrown) };
  }
}

/** Every log as {@link textOf} writes it. @throws Error on a log that is not in the interface */
export function eventTexts(abi: Interface, logs: readonly { topics: readonly string[]; data: string }[]): string[] {
  return logs.map((log) => {
    const parsed = abi.parseLog(log);
    if (!parsed) throw new Error(`An event with the topic ${log.topics[0]} is not in the interface.`);
    return textOf(parsed.name, parsed.args);
  });
}

/** A struct that a view returned, by the names of its fields. */
export function fieldsOf(struct: unknown): Record<string, unknown> {
  return (struct as Result).toObject();
}
