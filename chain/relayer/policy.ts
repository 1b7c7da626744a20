import { addSeconds } from "../../core/clock";
import { DomainError, TransientError } from "../../core/errors";
import { type Fees, highestPrice } from "./fees";

/** What a transaction is for: a wallet's identity, the user who asked, or an issuer. Each has a budget of its own. */
export interface Beneficiary {
  kind: "wallet" | "user" | "issuer";
  id: string;
}

/** What the relayer's money may be spent on. */
export interface SpendingPolicy {
  /** Most gas of a transaction, by the name of its kind. */
  gasCaps: Readonly<Record<string, number>>;
  /** Most that a unit of gas may cost, in wei. */
  maxFeePerGas: bigint;
  /** Gas of a UTC day, for one beneficiary by its kind, and for all together. */
  dailyGas: Readonly<Record<Beneficiary["kind"] | "all", number>>;
  /** How long a beneficiary waits after a transaction of its that reverted; each further one in a row doubles that. */
  backoffSeconds: number;
}

/** The gas cap of kinds that the policy does not name. */
const DEFAULT_GAS_CAP = 1_000_000;

/** What any transaction takes: whose budget has less left is refused before anything is estimated. */
export const LEAST_GAS = 50_000;

const DAY_SECONDS = 24 * 60 * 60;

/** The account of all transactions of the relayer. */
export const ALL = "all";

/** Most gas that a transaction of a kind may get. */
export function gasCapOf({ gasCaps }: Pick<SpendingPolicy, "gasCaps">, kind: string): bigint {
  return BigInt(gasCaps[kind] ?? DEFAULT_GAS_CAP);
}

/**
 * A bid within the ceiling.
 *
 * @returns null where the present base fee and tip, or the present price, are above the ceiling: it would not be mined
 */
export function capFees(fees: Fees, ceiling: bigint): Fees | null {
  if (highestPrice(fees) <= ceiling) return fees;
  if (fees.market === "legacy") return null;
  // The suggestion is twice the base fee and the tip.
  const baseFee = (fees.maxFeePerGas - fees.maxPriorityFeePerGas) / 2n;
  if (baseFee + fees.maxPriorityFeePerGas > ceiling) return null;
  return { ...fees, maxFeePerGas: ceiling };
}

/** The UTC day whose budgets count, `YYYY-MM-DD`. */
export function dayOf(now: Date): string {
  return now.toISOString().slice(0, 10);
}

/** When the budgets of the day begin anew. */
export function nextDay(now: Date): Date {
  return addSeconds(new Date(`${dayOf(now)}T00:00:00Z`), DAY_SECONDS);
}

/** How long a beneficiary waits after so many reverts in a row, in seconds; a day at most. */
export function backoffAfter({ backoffSeconds }: Pick<SpendingPolicy, "backoffSeconds">, reverts: number): number {
  return Math.min(backoffSeconds * 2 ** (reverts - 1), DAY_SECONDS);
}

/**
 * How much of a charge comes back once it is known what the transaction used; negative where it used more than all of its
 * charges together.
 *
 * @param gas.reserved what all requests of the transaction were charged
 */
export function unusedOf(chargedGas: number, gas: { used: bigint; reserved: bigint }): number {
  if (gas.reserved === 0n) return 0;
  return chargedGas - Number((BigInt(chargedGas) * gas.used) / gas.reserved);
}

const WHOSE = { wallet: "this identity", user: "this account", issuer: "this issuer" } as const;

/** A beneficiary's budget of the day is used up. */
export function budgetUsedUp(kind: Beneficiary["kind"], retryAfterSeconds: number): DomainError {
  const message = `The relayer has paid for ${WHOSE[kind]} as much as it does in a day. Come back tomorrow (UTC), or send the transaction yourself.`;
  return new DomainError("relayer.budget_used_up", "too_many", message, { retryAfterSeconds });
}

/** A transaction of a beneficiary reverted a short while ago. */
export function backingOff(kind: Beneficiary["kind"], retryAfterSeconds: number): DomainError {
  const message = `A transaction that the relayer paid for ${WHOSE[kind]} reverted. It pays for the next one in ${retryAfterSeconds} s.`;
  return new DomainError("relayer.backing_off", "too_many", message, { retryAfterSeconds });
}

/** A transaction wants more gas than its kind may have. */
export function gasCapExceeded(kind: string, cap: bigint): DomainError {
  const message = `It would use more than the ${cap} gas that the relayer pays for a transaction of the kind ${kind}: send it yourself.`;
  return new DomainError("relayer.gas_cap_exceeded", "forbidden", message);
}

/** The budget of all transactions of the day is used up. */
export function dayUsedUp(): TransientError {
  const message =
    "The relayer has spent what it may in a day. It goes on tomorrow (UTC), or when an operator raises it.";
  return new TransientError("relayer.day_budget_used_up", message);
}

/** An operator stopped the relayer. */
export function relayerStopped(): TransientError {
  return new TransientError("relayer.stopped", "The relayer was stopped by its operator and sends nothing at present.");
}

/** Gas costs more than the ceiling. */
export function feesTooHigh(): TransientError {
  const message = "Gas costs more at present than the relayer pays. It goes on by itself when fees have fallen.";
  return new TransientError("relayer.fees_too_high", message);
}

/** Whether an error is the policy's, or for want of money: what it concerns may be done later as it is. */
export function isSpendingRefusal(error: unknown): error is DomainError | TransientError {
  return (error instanceof DomainError || error instanceof TransientError) && REFUSALS.has(error.code);
}

const REFUSALS = new Set([
  "relayer.budget_used_up",
  "relayer.backing_off",
  "relayer.day_budget_used_up",
  "relayer.stopped",
  "relayer.fees_too_high",
  "relayer.insufficient_funds",
]);
