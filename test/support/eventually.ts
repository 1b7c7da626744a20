import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `probe` returns something other than undefined and false, and returns it.
 *
 * @throws Error naming `what` when that takes longer than `withinMs`
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 10_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await delay(20);
  }
}
