/** What an indexer process is doing, for its readiness; written by the process that does it. */
export interface Activity {
  /** `standing by`: another process leads. */
  role: "starting" | "leading" | "standing by";
  /** What keeps it from leading, in words for operators; null while nothing does. */
  problem: string | null;
}

/** The activity of a process that has just started. */
export function createActivity(): Activity {
  return { role: "starting", problem: null };
}
