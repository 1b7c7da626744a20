import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { BootError } from "../../core/errors";
import { findOnPath } from "../findOnPath";

/** Which MongoDB server will run. */
export type MongoChoice = { kind: "mongod"; path: string; version: string } | { kind: "embedded" };

/** What the choice depends on. */
export interface ChoiceOptions {
  /** Where a failed download is recorded. */
  dataDir: string;
  /** Whether a download is worth it: data that outlasts the run. */
  persistent: boolean;
  env: NodeJS.ProcessEnv;
  report: (line: string) => void;
  signal?: AbortSignal;
}

/** The oldest server that the MongoDB driver supports. */
const OLDEST = [4, 2] as const;
const FIND_TIMEOUT_MS = 20_000;
const DOWNLOAD_TIMEOUT_MS = 4 * 60_000;
const RETRY_DOWNLOAD_AFTER_MS = 24 * 60 * 60_000;
const ROOT = join(__dirname, "..", "..");

/**
 * Chooses a MongoDB server: `mongod` on PATH, else the binary `mongodb-memory-server` has cached or, on a machine that
 * reaches it, downloads, else the embedded one. Downloads happen on request, with `CAIRN_MONGO_DOWNLOAD=on`; one that
 * failed is not tried again for a day. `CAIRN_MONGO=embedded` or `CAIRN_MONGO=mongod` (the one on PATH) chooses by hand.
 *
 * @throws BootError when CAIRN_MONGO asks for what there is not
 */
export async function chooseMongo(options: ChoiceOptions): Promise<MongoChoice> {
  const wanted = options.env["CAIRN_MONGO"] ?? "";
  if (!["", "embedded", "mongod"].includes(wanted)) throw unfit(`is ${wanted}`, "give embedded, mongod, or nothing");
  if (wanted === "embedded") return { kind: "embedded" };
  const installed = findOnPath("mongod", options.env["PATH"]);
  const own = installed === null ? null : await usable(installed, options);
  if (own !== null) return own;
  if (wanted === "mongod") throw unfit("is mongod, and PATH has none that can be used", "install MongoDB, or unset it");

  const mayDownload = isDownloadAllowed(options);
  if (!mayDownload && !anyCache(options.env)) return { kind: "embedded" };
  const path = await fetchBinary(mayDownload, options);
  return (path === null ? null : await usable(path, options)) ?? { kind: "embedded" };
}

function unfit(problem: string, fix: string): BootError {
  return new BootError("local services", [{ subject: "CAIRN_MONGO", problem, fix }]);
}

/** A binary may be too old, built for another system, or need instructions this processor lacks. */
async function usable(path: string, { env, report }: ChoiceOptions): Promise<MongoChoice | null> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { env, timeout: 10_000 });
    const [, version = "", major, minor] = /db version v((\d+)\.(\d+)\S*)/.exec(stdout) ?? [];
    const isNewEnough = Number(major) > OLDEST[0] || (Number(major) === OLDEST[0] && Number(minor) >= OLDEST[1]);
    if (isNewEnough) return { kind: "mongod", path, version };
    report(
      `${path} is version ${version === "" ? "unknown" : version}; at least ${OLDEST.join(".")} is needed, so it is not used`,
    );
  } catch {
    report(`${path} does not run on this machine, so it is not used`);
  }
  return null;
}

function isDownloadAllowed({ dataDir, persistent, env }: ChoiceOptions): boolean {
  if (!persistent || env["CAIRN_MONGO_DOWNLOAD"] !== "on") return false;
  const record = failureRecordPath(dataDir);
  if (!existsSync(record)) return true;
  const failedAt = Number(readFileSync(record, "utf8"));
  return !(Date.now() - failedAt < RETRY_DOWNLOAD_AFTER_MS);
}

function failureRecordPath(dataDir: string): string {
  return join(dataDir, "mongo-download-failed-at");
}

/** Whether to search the caches at all: that takes half a second. */
function anyCache(env: NodeJS.ProcessEnv): boolean {
  const folders = [
    env["MONGOMS_DOWNLOAD_DIR"],
    env["MONGOMS_SYSTEM_BINARY"],
    join(env["HOME"] ?? homedir(), ".cache", "mongodb-binaries"),
    join(ROOT, "node_modules", ".cache", "mongodb-memory-server"),
    join(ROOT, "mongodb-binaries"),
  ];
  return folders.some((folder) => folder !== undefined && existsSync(folder));
}

async function fetchBinary(
  mayDownload: boolean,
  { dataDir, env, report, signal }: ChoiceOptions,
): Promise<string | null> {
  const args = ["--require", join(ROOT, "scripts", "typescript.cjs"), join(__dirname, "fetch.ts")];
  const child = spawn(process.execPath, [...args, ...(mayDownload ? ["--download"] : [])], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "ignore"],
    ...(signal && { signal }),
  });
  const stop = () => child.kill("SIGKILL");
  let deadline = setTimeout(stop, FIND_TIMEOUT_MS);
  let found: { path: string | null; why?: string } = { path: null, why: "it took too long" };
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith('{"downloading":')) {
      report("downloading mongod (once, about 100 MB)");
      clearTimeout(deadline);
      deadline = setTimeout(stop, DOWNLOAD_TIMEOUT_MS);
    } else if (line.startsWith('{"path":')) {
      found = JSON.parse(line) as typeof found;
    }
  });
  await new Promise<void>((resolve) => child.once("error", () => resolve()).once("close", () => resolve()));
  clearTimeout(deadline);
  signal?.throwIfAborted();
  if (mayDownload && found.path === null) {
    report(`mongod cannot be downloaded now (${found.why ?? "no reason given"}); tried again tomorrow`);
    writeFileSync(failureRecordPath(dataDir), String(Date.now()));
  } else {
    rmSync(failureRecordPath(dataDir), { force: true });
  }
  return found.path;
}
