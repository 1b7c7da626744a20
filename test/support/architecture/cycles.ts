import type { Module } from "./imports";
import type { Violation } from "./source";

const FIX = "move what both need into a file of its own, or pass it as an argument";

/** Files that import each other in a circle, of types too. */
export function cycleViolations(modules: Module[]): Violation[] {
  const byPath = new Map(modules.map((module) => [module.source.path, module]));
  const found: Violation[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: string[], line: number): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const circle = [...trail.slice(start), path].join(" -> ");
      found.push({ path: trail.at(-1) ?? path, line, problem: `closes a circle of imports: ${circle}`, fix: FIX });
      return;
    }
    if (finished.has(path)) return;
    for (const imported of byPath.get(path)?.imports ?? []) {
      if (byPath.has(imported.target)) visit(imported.target, [...trail, path], imported.line);
    }
    finished.add(path);
  };
  for (const path of byPath.keys()) visit(path, [], 1);
  return found;
}
