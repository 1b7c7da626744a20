import { monotonicMs } from "../core/clock";
import type { Logger } from "../core/logger";
import { withDeadline } from "./preflight";

/** A part outside the process that it works with. */
export interface DependencyCheck {
  name: string;
  /** Whether the process is of no use at all without it. */
  required: boolean;
  /** Returns public facts, such as a lag, or throws when the dependency does not serve. */
  run(): Promise<Record<string, number | string | boolean | null>>;
}

export interface DependencyState {
  status: "up" | "down";
  ms: number;
  [fact: string]: number | string | boolean | null;
}

/** `ready`: all is well. `degraded`: serving, but something is missing. `unavailable`: send requests elsewhere. */
export interface Readiness {
  status: "ready" | "degraded" | "unavailable";
  dependencies: Record<string, DependencyState>;
}

const CHECK_DEADLINE_MS = 2_000;

/**
 * Asks every dependency at once. What is wrong is logged when it changes and not shown: whoever asks may be a stranger.
 */
export function watchReadiness(checks: DependencyCheck[], logger: Logger): () => Promise<Readiness> {
  const down = new Set<string>();

  async function ask({ name, run }: DependencyCheck): Promise<[string, DependencyState]> {
    const startedMs = monotonicMs();
    const ms = () => Math.round(monotonicMs() - startedMs);
    try {
      const facts = await withDeadline(run(), CHECK_DEADLINE_MS, `no answer within ${CHECK_DEADLINE_MS} ms`);
      if (down.delete(name)) logger.info({ dependency: name }, "dependency is up again");
      return [name, { status: "up", ms: ms(), ...facts }];
    } catch (error) {
      if (!down.has(name)) logger.warn({ dependency: name, err: error }, `dependency ${name} is down`);
      down.add(name);
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
