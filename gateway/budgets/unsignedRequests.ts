import { addressKey, createAddressBudget } from "../../core/addressBudget";
import type { CreateBudget } from "../../core/budgets";
import type { Clock } from "../../core/clock";
import { createLruCache } from "../../core/lruCache";
import type { Reason } from "../envelope/rejection";

/** Requests a minute of one address that no registered device signed. */
const POLICY = { name: "gateway-unsigned", limit: 30, windowSeconds: 60 };

const MAX_BLOCKED = 50_000;

/** These say that whoever asked does not hold the key of a session. */
const UNSIGNED: ReadonlySet<Reason> = new Set(["SESSION_UNKNOWN", "SIGNATURE_INVALID"]);

/** Stops addresses that try sessions and signatures: they would cost a question to the API each time. */
export interface UnsignedRequests {
  /** How long nothing of this address is looked at, in milliseconds; undefined where it may ask. */
  blockedForMs(address: string): number | undefined;
  /** Counts a rejection that was caused by somebody without a key; others are not counted. */
  count(address: string, reason: Reason): Promise<void>;
}

/** Creates the limit. It is counted by all gateways; each blocks an address when it saw the last request itself. */
export function createUnsignedRequests(deps: { createBudget: CreateBudget; clock: Clock }): UnsignedRequests {
  const budget = createAddressBudget(deps.createBudget, POLICY);
  const blockedUntilMs = createLruCache<number>(MAX_BLOCKED);
  return {
    blockedForMs(address) {
      const leftMs = (blockedUntilMs.get(addressKey(address)) ?? 0) - deps.clock.now().getTime();
      return leftMs > 0 ? leftMs : undefined;
    },
    async count(address, reason) {
      if (!UNSIGNED.has(reason)) return;
      const { state } = await budget.take(address);
      if (state.allowed && state.remaining > 0) return;
      blockedUntilMs.set(addressKey(address), deps.clock.now().getTime() + Math.max(1, state.resetSeconds) * 1000);
    },
  };
}
