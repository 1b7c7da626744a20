/** The moments between two writes, by name: a process that dies at any of them leaves an index that can go on. */
export type Step =
  | "lease taken"
  | "index recovered"
  | "events written"
  | "projection written"
  | "blocks written"
  | "cursor written"
  | "cursor rewound"
  | "events dropped"
  | "projection refolded"
  | "blocks dropped"
  | "log repaired"
  | "index wiped";

/** Called at each step; tests end the process there. */
export type StepHook = (step: Step) => Promise<void> | void;

/** Every step, in the order of a run that meets all of them. */
export const STEPS: readonly Step[] = [
  "lease taken",
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
  "index wiped",
];
