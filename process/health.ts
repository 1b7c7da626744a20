import { monotonicMs } from "../core/clock";
import type { Logger } from "../core/logger";
import { withDeadline } from "./preflight";

/** What a check found, for everybody to see: a lag, a block number, or what is wrong in words. */
export type DependencyFacts = Record<string, number | string | boolean | null | string[]> & {
  /** What keeps the dependency from serving, in public words; it counts as down unless this is absent or empty. */
  problems?: string[];
};

/** A part that the process works with. */
export interface DependencyCheck {
  name: string;
  /** Whether the process is of no use at all without it. */
  required: boolean;
  /** Returns public facts, or throws when the dependency does not serve; the error is logged and not shown. */
  run(): Promise<DependencyFacts>;
}

export type DependencyState = DependencyFacts & { status: "up" | "down"; ms: number };

/** `ready`: all is well. `degraded`: serving, but something is missing. `unavailable`: send requests elsewhere. */
export interface Readiness {
  status: "ready" | "degraded" | "unavailable";
  dependencies: Record<string, DependencyState>;
}

const CHECK_DEADLINE_MS = 2_000;

/**
 * Asks every dependency at once, two seconds at most. Errors are logged when a dependency goes down or comes up again,
 * and not shown: whoever asks may be a stranger.
 */
export function watchReadiness(checks: DependencyCheck[], logger: Logger): () => Promise<Readiness> {
  const down = new Set<string>();

  function record(name: string, problem: { err: unknown } | { problems: string[] } | undefined): void {
    if (problem === undefined) {
      if (down.delete(name)) logger.info({ dependency: name }, "dependency is up again");
      return;
    }
    if (!down.has(name)) logger.warn({ dependency: name, ...problem }, `dependency ${name} is down`);
    down.add(name);
  }

  async function ask({ name, run }: DependencyCheck): Promise<[string, DependencyState]> {
    const startedMs = monotonicMs();
    const ms = () => Math.round(monotonicMs() - startedMs);
    try {
      const facts = await withDeadline(run(), CHECK_DEADLINE_MS, `no answer within ${CHECK_DEADLINE_MS} ms`);
      const { problems = [] } = facts;
      record(name, problems.length > 0 ? { problems } : undefined);
      return [name, { status: problems.length > 0 ? "down" : "up", ms: ms(), ...facts }];
    } catch (error) {
      record(name, { err: error });
      return [name, { status: "down", ms: ms() }];
    }
  }

  return async () => {
    const dependencies = Object.fromEntries(await Promise.all(checks.map(ask)));
    const missing = checks.filter(({ name }) => dependencies[name]?.status === "down");
    const unavailable = missing.some(({ required }) => required);
    return { status: unavailable ? "unavailable" : missing.length > 0 ? "degraded" : "ready", dependencies };
  };
}
