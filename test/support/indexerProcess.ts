import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { bundledScript } from "./bundle";
import type { DevChain } from "./devChain";
import type { IndexDatabase } from "./indexerHarness";

/** An indexer in a process of its own, which can be killed, paused and woken. */
export interface IndexerProcess {
  child: ChildProcess;
  output: string[];
  /** Resolves when the crash point `at` is reached. */
  reached: Promise<void>;
  exited: Promise<void>;
  end(): Promise<void>;
}

/** Starts one; with `at`, it sends itself `signal` when that crash point comes for the `occurrence`th time. */
export async function spawnIndexer(options: {
  chain: DevChain;
  database: IndexDatabase;
  /** The chain's own node when absent. */
  rpcUrl?: string;
  leaseSeconds?: number;
  at?: string;
  occurrence?: number;
  signal?: "SIGKILL" | "SIGSTOP";
}): Promise<IndexerProcess> {
  const { chain, database, leaseSeconds = 1, at = null, occurrence = 1, signal = "SIGKILL" } = options;
  const root = join(__dirname, "../..");
  const { deploymentsDir } = chain;
  const rpcUrl = options.rpcUrl ?? chain.url;
  const input = JSON.stringify({
    rpcUrl,
    mongodbUri: database.uri,
    deploymentsDir,
    leaseSeconds,
    at,
    occurrence,
    signal,
  });
  const child = spawn(process.execPath, [...(await bundledScript("test/support/crashingIndexer.ts")), input], {
    cwd: root,
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output: string[] = [];
  const reached = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data: Buffer) => {
        output.push(data.toString());
        if (output.at(-1)?.includes('"reached"')) resolve();
      });
    }
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  return {
    child,
    output,
    reached,
    exited,
    async end() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
