import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { CredentialStage } from "../credentials/credentialStage";

/** An API process of the test's own. */
export interface ApiProcess {
  url: string;
  /** Resolves with the signal or exit code that ended it. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/** Starts an API process on a stage's servers. */
export async function startApiProcess(on: CredentialStage, env: Record<string, string> = {}): Promise<ApiProcess> {
  const { stage, keysDir } = on;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--require", "./scripts/typescript.cjs", join(__dirname, "apiProcess.ts")],
    {
      stdio: ["pipe", "pipe", "inherit"],
      env: {
        ...process.env,
        MONGODB_URI: mongoUriOf(on),
        REDIS_URL: stage.redisUrl,
        REDIS_PREFIX: stage.redisPrefix,
        RPC_URL: stage.rpcUrl,
        CHAIN_ID: String(stage.chain.chainId),
        DEPLOYMENTS_DIR: stage.deploymentsDir,
        KEYSTORE_DIR: keysDir,
        KEYSTORE_PASSPHRASE: "test passphrase",
        LOG_LEVEL: "silent",
        ...env,
      },
    },
  );
  const ended = once(child, "exit").then(([code, signal]: unknown[]) => String(signal ?? code));
  const lines = createInterface({ input: child.stdout! });
  const first = await Promise.race([
    once(lines, "line").then(([line]: unknown[]) => String(line)),
    ended.then((how) => {
      throw new Error(`the API process ended with ${how} before it listened`);
    }),
  ]);
  const { port } = JSON.parse(first) as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    ended,
    async stop() {
      child.stdin?.end();
      await ended;
    },
  };
}

/** The address of a stage's own database. */
function mongoUriOf({ stage }: CredentialStage): string {
  const { host, port, name } = stage.mongo;
  return `mongodb://${host}:${port}/${name}`;
}
