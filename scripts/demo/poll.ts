import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks again and again until there is an answer.
 *
 * @param what completes "There was no ... within 60 s."
 * @param probe returns undefined while there is no answer yet
 * @throws Error after `deadlineMs`; what `probe` throws, at once
 */
export async function poll<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  { deadlineMs, intervalMs = 50 }: { deadlineMs: number; intervalMs?: number },
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`There was no ${what} within ${deadlineMs / 1000} s.`);
    await delay(intervalMs);
  }
}
