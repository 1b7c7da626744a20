import { spawn } from "node:child_process";
import { bundledScript } from "./bundle";
import type { DevChain } from "./devChain";
import type { IndexDatabase } from "./indexerHarness";

/** How a process ended: its exit code (null when a signal ended it) and what it printed. */
export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The environment of an indexer on a chain and a database. */
export function indexerEnvironment(
  chain: Pick<DevChain, "url" | "deploymentsDir">,
  database: Pick<IndexDatabase, "uri">,
): NodeJS.ProcessEnv {
  return {
    NODE_ENV: "test",
    RPC_URL: chain.url,
    DEPLOYMENTS_DIR: chain.deploymentsDir,
    MONGODB_URI: database.uri,
    INDEXER_POLL_MS: "50",
    INDEXER_LEASE_SECONDS: "1",
    INDEXER_PORT: "0",
  };
}

/** A script in a process of its own, while it runs. */
export interface RunningScript {
  /** What it wrote to standard output so far. */
  stdout(): string;
  ended: Promise<Outcome>;
  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Outcome>;
}

/** Starts one of the project's scripts. */
export async function startScript(script: string, args: string[], env: NodeJS.ProcessEnv): Promise<RunningScript> {
  const child = spawn(process.execPath, [...(await bundledScript(script)), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (printed.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (printed.stderr += data.toString()));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...printed }));
  });
  return {
    stdout: () => printed.stdout,
    ended,
    kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

/** Runs one of the project's scripts to its end, as a person at a terminal does. */
export async function runScript(script: string, args: string[], env: NodeJS.ProcessEnv): Promise<Outcome> {
  const { ended } = await startScript(script, args, env);
  return ended;
}
