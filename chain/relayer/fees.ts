import type { FailoverProvider } from "../provider";
import type { Attempt } from "./transaction";

/** What a transaction bids, in wei: by EIP-1559, or one price on chains without a base fee. */
export type Fees =
  { market: "eip1559"; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint } | { market: "legacy"; gasPrice: bigint };

/** Nodes take a replacement only when it bids at least a tenth more, some an eighth; a quarter satisfies all. */
const RAISE_PERCENT = 125n;

/** Asks the chain what to bid now: twice the base fee and a tip, enough for six full blocks in a row. */
export async function suggestFees(provider: FailoverProvider): Promise<Fees> {
  const { maxFeePerGas, maxPriorityFeePerGas, gasPrice } = await provider.getFeeData();
  if (maxFeePerGas !== null && maxPriorityFeePerGas !== null) {
    return { market: "eip1559", maxFeePerGas, maxPriorityFeePerGas };
  }
  return { market: "legacy", gasPrice: gasPrice ?? 0n };
}

/** The bid of an attempt. */
export function feesOf({ market, maxFeePerGas, maxPriorityFeePerGas }: Attempt): Fees {
  if (market === "legacy") return { market, gasPrice: BigInt(maxFeePerGas) };
  return { market, maxFeePerGas: BigInt(maxFeePerGas), maxPriorityFeePerGas: BigInt(maxPriorityFeePerGas ?? "0") };
}

/** The bid that replaces another: a quarter more than it, and no less than what the chain suggests now. */
export function raiseFees(previous: Fees, suggested: Fees): Fees {
  if (previous.market === "eip1559") {
    const now = suggested.market === "eip1559" ? suggested : undefined;
    const maxPriorityFeePerGas = larger(raised(previous.maxPriorityFeePerGas), now?.maxPriorityFeePerGas ?? 0n);
    const maxFeePerGas = larger(raised(previous.maxFeePerGas), now?.maxFeePerGas ?? 0n);
    return { market: "eip1559", maxFeePerGas: larger(maxFeePerGas, maxPriorityFeePerGas), maxPriorityFeePerGas };
  }
  const now = suggested.market === "legacy" ? suggested.gasPrice : suggested.maxFeePerGas;
  return { market: "legacy", gasPrice: larger(raised(previous.gasPrice), now) };
}

/** The most one unit of gas can cost under this bid, in wei. */
export function highestPrice(fees: Fees): bigint {
  return fees.market === "eip1559" ? fees.maxFeePerGas : fees.gasPrice;
}

function raised(price: bigint): bigint {
  return (price * RAISE_PERCENT) / 100n + 1n;
}

function larger(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
