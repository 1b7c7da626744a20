import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bundledScript } from "./bundle";
import type { ChildOptions } from "./child";
import type { Fixture } from "./fixture";

/** A Cairn process of a test's own. */
export interface Child {
  process: ChildProcess;
  /** Where it serves the API, if it does. */
  url: string;
  /** The internal port, if it serves that. */
  internalUrl: string;
  /** Resolves with the signal or exit code that ended it. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts a process on a fixture's servers; it is ready when this resolves. */
export async function startChild(
  on: Pick<Fixture, "contextOptions">,
  options: Omit<ChildOptions, "context"> & { context?: Partial<ChildOptions["context"]> },
): Promise<Child> {
  const argument: ChildOptions = { ...options, context: { ...on.contextOptions, ...options.context } };
  const child = spawn(process.execPath, [...(await bundledScript("test/support/child.ts")), JSON.stringify(argument)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => String(signal ?? code));
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, "line").then(([line]: unknown[]) => String(line)),
    ended.then((how) => {
      throw new Error(`the child process ended with ${how} before it was ready`);
    }),
  ]);
  const { port, internalPort } = JSON.parse(first) as { port: number; internalPort: number };
  return {
    process: child,
    url: `http://127.0.0.1:${port}`,
    internalUrl: `http://127.0.0.1:${internalPort}`,
    ended,
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
