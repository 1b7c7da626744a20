import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** Where the time comes from. Decisions take `now` as an argument; whoever calls them asks a Clock. */
export interface Clock {
  now(): Date;
}

/** The machine's clock. The only place that reads it. */
export const systemClock: Clock = { now: () => new Date() };

/** Milliseconds from an arbitrary origin, never going back: for measuring how long something took. */
export function monotonicMs(): number {
  return performance.now();
}

/**
 * Resolves after `ms` milliseconds, or at once when `signal` aborts: it does not throw then, see `signal.aborted`.
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  try {
    await delay(ms, undefined, signal ? { signal } : {});
  } catch (error) {
    if (!(signal?.aborted ?? false)) throw error;
  }
}

/** `date` plus `seconds`. */
export function addSeconds(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000);
}
