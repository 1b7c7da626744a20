import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bundledScript } from "../bundle";

/** A process of a test's own, which may be killed. */
export interface OwnProcess<Ready> {
  process: ChildProcess;
  ready: Ready;
  /** Resolves with the signal or exit code that ended it. */
  ended: Promise<string>;
  kill(): Promise<void>;
}

interface ProcessOptions {
  script: string;
  args?: string[];
  env?: Record<string, string>;
}

/** Starts a script; it is ready when it has printed a line of JSON with `"ready":true`. */
async function startProcess<Ready>({ script, args = [], env = {} }: ProcessOptions): Promise<OwnProcess<Ready>> {
  const child = spawn(process.execPath, [...(await bundledScript(script)), ...args], {
    cwd: join(__dirname, "..", "..", ".."),
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const output: string[] = [];
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => String(signal ?? code));
  const ready = new Promise<Ready>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => output.push(chunk.toString()));
    createInterface({ input: child.stdout }).on("line", (line) => {
      output.push(line);
      const entry = JSON.parse(line) as Ready & { ready?: boolean };
      if (entry.ready === true) resolve(entry);
    });
    void ended.then((how) => reject(new Error(`${script} ended with ${how}:\n${output.join("\n")}`)));
  });
  return {
    process: child,
    ready: await ready,
    ended,
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A gateway in a process of its own. */
export interface GatewayProcess extends OwnProcess<{ metricsPort: number }> {
  /** `host:port` of gRPC. */
  grpc: string;
  /** Origin of HTTP. */
  http: string;
}

/** Starts gateway/main.ts; it ends with its standard input, which is ours. */
export async function startGatewayProcess(environment: Record<string, string>): Promise<GatewayProcess> {
  const env = { ...environment, LOG_LEVEL: "info", CAIRN_SUPERVISED: "true" };
  const started = await startProcess<{ httpPort: number; grpcPort: number; metricsPort: number }>({
    script: "gateway/main.ts",
    env,
  });
  const { httpPort, grpcPort } = started.ready;
  return { ...started, grpc: `127.0.0.1:${grpcPort}`, http: `http://127.0.0.1:${httpPort}` };
}

/** What a mock of the API in a process of its own is made of. */
export interface MockApiProcessOptions {
  redisUrl: string;
  prefix: string;
  port: number;
  /** At which step of the first write it kills itself. */
  dieAt?: "before_effect" | "after_effect";
}

/** Starts a mock of the API in a process of its own. */
export function startMockApiProcess(options: MockApiProcessOptions): Promise<OwnProcess<{ url: string }>> {
  const script = "test/support/gateway/mockApiProcess.ts";
  return startProcess<{ url: string }>({ script, args: [JSON.stringify(options)] });
}
