import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits until `probe` returns something other than undefined and false, and returns it.
 *
 * @param withinMs bounds how long a failure takes to show; a busy machine must have reached the condition by then
 * @throws Error naming `what` when that takes longer than `withinMs`
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await delay(20);
  }
}
