import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { bundledScript } from "../bundle";

/** A gateway in a process of its own, as `npm run gateway` starts it. */
export interface GatewayProcess {
  /** `host:port` of gRPC. */
  grpc: string;
  /** Origin of HTTP. */
  http: string;
  process: ChildProcess;
  /** Resolves with the signal or exit code that ended it. */
  ended: Promise<string>;
}

/** Starts the process; it serves when this resolves. */
export async function startGatewayProcess(environment: Record<string, string>): Promise<GatewayProcess> {
  const child = spawn(process.execPath, await bundledScript("gateway/main.ts"), {
    env: { PATH: process.env["PATH"], ...environment, LOG_LEVEL: "info" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => String(signal ?? code));
  const lines = createInterface({ input: child.stdout });
  const ready = new Promise<{ httpPort: number; grpcPort: number }>((resolve) => {
    lines.on("line", (line) => {
      const entry = JSON.parse(line) as { ready?: boolean; httpPort: number; grpcPort: number };
      if (entry.ready === true) resolve(entry);
    });
  });
  const started = await Promise.race([ready, ended]);
  if (typeof started === "string") throw new Error(`the gateway ended with ${started} before it served`);
  return {
    grpc: `127.0.0.1:${started.grpcPort}`,
    http: `http://127.0.0.1:${started.httpPort}`,
    process: child,
    ended,
  };
}
