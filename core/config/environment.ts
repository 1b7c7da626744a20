import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** Where `npm start` records the addresses of its servers while it runs, so that commands beside it find them. */
export const RUNNING_ENVIRONMENT_FILE = ".cairn/running.env";

/** The process's environment, completed by the file `.env` of the working directory where there is one. */
export function readEnvironment(): NodeJS.ProcessEnv {
  const file = existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {};
  return { ...file, ...process.env };
}

/**
 * {@link readEnvironment}, completed by the servers of the Cairn that `npm start` runs in this folder, if it does: so
 * `npm run indexer -- audit` and the like need no variables on a developer's machine. Never in production.
 */
export function readEnvironmentBesideRunning(): NodeJS.ProcessEnv {
  const env = readEnvironment();
  if (env["NODE_ENV"] === "production" || !existsSync(RUNNING_ENVIRONMENT_FILE)) return env;
  const { CAIRN_PID, ...running } = parseEnv(readFileSync(RUNNING_ENVIRONMENT_FILE, "utf8"));
  return isAlive(Number(CAIRN_PID)) ? { ...running, ...env } : env;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    // ESRCH: that Cairn was killed and could not remove its file.
    return false;
  }
}
