import { type ContractTransactionResponse, type Interface, type Result } from "ethers";

/** What a transaction did: its events in order, or the error it reverted with. Values are texts, to compare them simply. */
export type Outcome = { events: string[] } | { error: string };

function textOf(name: string, args: Result | readonly unknown[]): string {
  const texts = [...args].map((arg) => (Array.isArray(arg) ? `[${arg.join(",")}]` : String(arg)));
  return `${name}(${texts.join(", ").toLowerCase()})`;
}

/** The data that a reverted call carries, wherever the layers between have put it. */
function revertDataOf(thrown: unknown): string | undefined {
  for (let layer = thrown; typeof layer === "object" && layer !== null;) {
    const { data, error, cause } = layer as { data?: unknown; error?: unknown; cause?: unknown };
    if (typeof data === "string" && data.startsWith("0x")) return data;
    layer = data ?? error ?? cause;
  }
  return undefined;
}

/** Waits for a transaction and says what it did. Anything but a revert with a known error is thrown on. */
export async function outcomeOf(
  abi: Interface,
  sending: Promise<ContractTransactionResponse>,
): Promise<Outcome & { gasUsed?: bigint }> {
  try {
    const receipt = await (await sending).wait();
    const logs = (receipt?.logs ?? []).map((log) => abi.parseLog(log));
    return {
      events: logs.map((log) => (log ? textOf(log.name, log.args) : "unknown event")),
      gasUsed: receipt?.gasUsed ?? 0n,
    };
  } catch (thrown) {
    const data = revertDataOf(thrown);
    const error = data === undefined ? null : abi.parseError(data);
    if (!error) throw thrown;
    return { error: error.name };
  }
}

/** An event as {@link outcomeOf} writes it. */
export function event(name: string, ...args: unknown[]): string {
  return textOf(name, args);
}

/** A struct that a view returned, by the names of its fields. */
export function fieldsOf(struct: unknown): Record<string, unknown> {
  return (struct as Result).toObject();
}
