import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A gateway in a process of its own. */
export interface BenchGateway {
  grpcOrigin: string;
  /** Reads a metric of the process, such as process_cpu_seconds_total. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

const ROOT = join(__dirname, "..", "..");

/** Starts `gateway/main.ts`; it serves when this resolves. */
export async function startBenchGateway(environment: Record<string, string>): Promise<BenchGateway> {
  const child = spawn(process.execPath, ["--require", "./scripts/typescript.cjs", "gateway/main.ts"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], NODE_OPTIONS: process.env["GATEWAY_NODE_OPTIONS"] ?? "", ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const ready = new Promise<{ grpcPort: number; metricsPort: number }>((resolve) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as { ready?: boolean; grpcPort: number; metricsPort: number };
      if (entry.ready === true) resolve(entry);
    });
  });
  const started = await Promise.race([ready, ended.then(() => undefined)]);
  if (started === undefined) throw new Error("the gateway ended before it served");
  return {
    grpcOrigin: `http://127.0.0.1:${started.grpcPort}`,
    async metric(name) {
      const text = await (await fetch(`http://127.0.0.1:${started.metricsPort}/metrics`)).text();
      const line = text.split("\n").find((one) => one.startsWith(`${name} `));
      if (line === undefined) throw new Error(`the gateway has no metric ${name}`);
      return Number(line.split(" ")[1]);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
