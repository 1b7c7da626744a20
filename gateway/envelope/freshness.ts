/** How old a request may be, in milliseconds: how long it may be on its way, and how slow the device's clock may be. */
export const MAX_AGE_MS = 120_000;

/** How far in the future a request may be, in milliseconds: how fast the device's clock may be. */
export const MAX_AHEAD_MS = 30_000;

/** Whether a timestamp (milliseconds since 1970) lies within the window; both of its ends do. */
export function freshnessOf(timestampMs: bigint, now: Date): "fresh" | "stale" | "from_future" {
  const ageMs = BigInt(now.getTime()) - timestampMs;
  if (ageMs > BigInt(MAX_AGE_MS)) return "stale";
  return ageMs < BigInt(-MAX_AHEAD_MS) ? "from_future" : "fresh";
}
