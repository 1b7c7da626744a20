/**
 * The moments between two writes, by name, in the order of a run that meets all of them: a process that ends at any of
 * them leaves an index that its successor completes.
 */
export const CRASH_POINTS = [
  "lease acquired",
  "index recovered",
  "events written",
  "projection written",
  "blocks written",
  "cursor written",
  "cursor rewound",
  "events dropped",
  "projection refolded",
  "blocks dropped",
  "log repaired",
  "index emptied",
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** Called at each crash point; tests end the process there. */
export type CrashPointHook = (point: CrashPoint) => Promise<void> | void;
