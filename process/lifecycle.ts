import type { Config } from "../core/config/config";
import { BootError, messageOf } from "../core/errors";
import type { Logger } from "../core/logger";

/** Something to end at shutdown: closers run in the reverse order of their registration. */
export type Closer = () => Promise<unknown>;

/** What a process registers while it starts. */
export interface Lifecycle {
  /** Registers what must be closed; the last registered closes first. */
  onClose(name: string, close: Closer): void;
  /** Aborts at the beginning of the shutdown. */
  readonly stopping: AbortSignal;
}

/**
 * Runs a process from start to a clean end: starts it, then waits for SIGTERM or SIGINT, closes everything in reverse
 * order within a deadline and exits with 0. A start that fails prints its reason and exits with 1 (78, EX_CONFIG, when
 * the configuration is wrong, so that a supervisor knows a restart won't help).
 */
export async function runProcess(options: {
  name: string;
  start(lifecycle: Lifecycle): Promise<{ logger: Logger; config: Pick<Config, "shutdownSeconds" | "supervised"> }>;
}): Promise<void> {
  const closers: { name: string; close: Closer }[] = [];
  const stopping = new AbortController();
  let stopWith: (reason: string) => void = () => undefined;
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve(signal));
    stopWith = resolve;
  });

  try {
    const { logger, config } = await options.start({
      onClose: (name, close) => closers.unshift({ name, close }),
      stopping: stopping.signal,
    });
    const { shutdownSeconds } = config;
    if (config.supervised) {
      // A supervisor that was killed closes our standard input; staying on would block its next start.
      const orphaned = () => stopWith("the supervisor is gone");
      process.stdin.on("end", orphaned).on("error", orphaned).resume();
    }
    process.on("unhandledRejection", (reason) => {
      logger.fatal({ err: reason }, "a promise was rejected and nobody listened");
      process.exit(70);
    });
    const reason = await signalled;
    logger.info({ reason }, "stopping");
    stopping.abort();
    const deadline = setTimeout(() => {
      logger.error({ shutdownSeconds }, "not everything closed in time; leaving anyway");
      process.exit(1);
    }, shutdownSeconds * 1000);
    await closeAll(closers, logger);
    clearTimeout(deadline);
    logger.info("stopped");
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error instanceof BootError ? error.message : describe(options.name, error)}\n`);
    stopping.abort();
    await closeAll(closers);
    process.exit(error instanceof BootError ? 78 : 1);
  }
}

function describe(name: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  return `The ${name} failed while starting: ${stack}`;
}

async function closeAll(closers: { name: string; close: Closer }[], logger?: Logger): Promise<void> {
  for (const { name, close } of closers) {
    try {
      await close();
    } catch (error) {
      logger?.warn({ err: error, part: name }, "could not be closed cleanly");
    }
  }
}
