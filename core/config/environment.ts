import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";

const DEFAULT_DATA_DIR = ".cairn";

/** The process's environment, completed by the file `.env` of the working directory where there is one. */
export function readEnvironment(): NodeJS.ProcessEnv {
  const file = existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {};
  return withDataDir({ ...file, ...process.env });
}

/** The folder with the data of the local Cairn: `CAIRN_DATA_DIR`, else `.cairn` in the working directory. */
export function dataDirOf(env: NodeJS.ProcessEnv): string {
  return resolve(env["CAIRN_DATA_DIR"] || DEFAULT_DATA_DIR);
}

/** Where `npm start` records the addresses of its servers while it runs, so that commands beside it find them. */
export function runningEnvironmentPath(dataDir: string): string {
  return join(dataDir, "running.env");
}

/**
 * {@link readEnvironment}, completed by the servers of the Cairn that `npm start` runs on the data folder, if it does: so
 * `npm run indexer -- audit` and the like need no variables on a developer's machine. Never in production.
 */
export function readEnvironmentBesideRunning(): NodeJS.ProcessEnv {
  const env = readEnvironment();
  const path = runningEnvironmentPath(dataDirOf(env));
  if (env["NODE_ENV"] === "production" || !existsSync(path)) return env;
  const { CAIRN_PID, ...running } = parseEnv(readFileSync(path, "utf8"));
  return isAlive(Number(CAIRN_PID)) ? { ...running, ...env } : env;
}

/** With a data folder that was given, what a process stores in files lies there, whichever process it is. */
function withDataDir(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (!env["CAIRN_DATA_DIR"]) return env;
  const dataDir = dataDirOf(env);
  return {
    ...env,
    DEPLOYMENTS_DIR: env["DEPLOYMENTS_DIR"] || join(dataDir, "deployments"),
    KEYSTORE_DIR: env["KEYSTORE_DIR"] || join(dataDir, "keys"),
    GATEWAY_KEYS_DIR: env["GATEWAY_KEYS_DIR"] || join(dataDir, "gateway-keys"),
    MAILBOX_DIR: env["MAILBOX_DIR"] || join(dataDir, "mailbox"),
  };
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    // ESRCH: that Cairn was killed and could not remove its file.
    return false;
  }
}
