import { describeViolation, type Source, type Violation } from "./source";

/** Source files from their texts by path, for seeing a rule fail. */
export function invented(files: Record<string, string>): Source[] {
  return Object.entries(files).map(([path, text]) => ({ path, text }));
}

/** Violations as the sentences a person reads. */
export function sentences(violations: Violation[]): string[] {
  return violations.map(describeViolation);
}
