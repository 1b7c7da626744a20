import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootError, type BootProblem } from "../core/errors";
import { type DataDirLock, lockDataDir } from "./folderLock";
import type { Service, ServiceExit, ServiceName, ServiceReport } from "./service";
import { startChain } from "./startChain";
import { startMongo } from "./startMongo";
import { startRedis } from "./startRedis";

/** How to start the servers that Cairn needs. */
export interface LocalServicesOptions {
  /** Where the data is stored, for instance `.cairn`. Null: a temporary folder that is removed at the end. */
  dataDir: string | null;
  /**
   * Where `MONGODB_URI`, `REDIS_URL` and `RPC_URL` name real servers, `NODE_ENV`, `PATH`, and what children inherit.
   * Usually `process.env`.
   */
  env: NodeJS.ProcessEnv;
  /** Ports to use where they are free; any free one otherwise. */
  preferredPorts?: Partial<Record<ServiceName, number>>;
  /** Receives lines for people. */
  report?: (report: ServiceReport) => void;
  /** Called when a server we started ended or was killed; `restart` starts it again. */
  onExit?: (exit: ServiceExit) => void;
  /** False when no data has to outlast this run. Default: true with a data folder, false without. */
  persistent?: boolean;
  /** Aborts a start in progress; what had started is stopped. */
  signal?: AbortSignal;
}

/** MongoDB, Redis and a chain, ready to be used. */
export interface LocalServices {
  mongodbUri: string;
  redisUrl: string;
  rpcUrl: string;
  byName: Record<ServiceName, Service>;
  /** Starts a server again on its port with its data, for instance after it was killed. */
  restart(name: ServiceName): Promise<void>;
  /** Stops what we started, all at once, and waits until it has ended. Safe to call twice. */
  stop(): Promise<void>;
}

const STARTERS = { chain: startChain, mongo: startMongo, redis: startRedis };
const NAMES = Object.keys(STARTERS) as ServiceName[];

/**
 * Starts the servers that a developer's machine lacks: for each of MongoDB, Redis and the chain it uses the server that
 * the environment names, else one of its own on loopback. They start side by side and end with this process, however
 * it ends; what a hard kill left running is ended by the next start on the same data folder.
 *
 * @throws BootError listing every server that could not start, naming the process that uses the data folder, or, under
 *   `NODE_ENV=production`, every server that is not given
 */
export async function startServices(options: LocalServicesOptions): Promise<LocalServices> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "cairn-"));
  const lock = needsDataDir(options.env) ? await lockDataDir(dataDir) : null;
  let byName: Record<ServiceName, Service>;
  try {
    byName = await startAll({ ...options, dataDir, persistent: options.persistent ?? options.dataDir !== null });
  } catch (error) {
    releaseDataDir(lock, options.dataDir, dataDir);
    throw error;
  }

  async function stopAll(): Promise<void> {
    await Promise.all(NAMES.map((name) => byName[name].stop()));
    releaseDataDir(lock, options.dataDir, dataDir);
  }

  let stopped: Promise<void> | undefined;
  return {
    mongodbUri: byName.mongo.url,
    redisUrl: byName.redis.url,
    rpcUrl: byName.chain.url,
    byName,
    restart: (name) => byName[name].restart(),
    stop: () => (stopped ??= stopAll()),
  };
}

function needsDataDir(env: NodeJS.ProcessEnv): boolean {
  const isMissing = ["MONGODB_URI", "REDIS_URL", "RPC_URL"].some((name) => (env[name] ?? "") === "");
  return isMissing && env["NODE_ENV"] !== "production";
}

/** Removes the folder as well where it is a temporary one. */
function releaseDataDir(lock: DataDirLock | null, given: string | null, dataDir: string): void {
  lock?.release();
  if (given === null) rmSync(dataDir, { recursive: true, force: true });
}

async function startAll(
  options: LocalServicesOptions & { dataDir: string; persistent: boolean },
): Promise<Record<ServiceName, Service>> {
  const { preferredPorts = {}, ...common } = options;
  const outcomes = await Promise.allSettled(
    NAMES.map((name) => STARTERS[name]({ ...common, preferredPort: preferredPorts[name] })),
  );
  const started = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as Error] : []));
  if (failures.length === 0) {
    return Object.fromEntries(started.map((service) => [service.name, service])) as Record<ServiceName, Service>;
  }
  await Promise.all(started.map((service) => service.stop()));
  const other = failures.find((failure) => !(failure instanceof BootError));
  if (other !== undefined) throw other;
  const problems = failures.flatMap((failure): BootProblem[] => (failure instanceof BootError ? failure.problems : []));
  throw new BootError("local services", problems);
}
