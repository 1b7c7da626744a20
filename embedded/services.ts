import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootError, type BootProblem } from "../core/errors";
import { lockDataDir, type DataDirLock } from "./folderLock";
import type { Part, PartExit, PartName, PartOptions, PartReport } from "./part";
import { startChain } from "./startChain";
import { startMongo } from "./startMongo";
import { startRedis } from "./startRedis";

/** How to start what Cairn needs around it. */
export interface ServicesOptions {
  /** Where the data is kept, for instance `.cairn`. Null: a temporary folder that is removed at the end. */
  dataDir: string | null;
  /**
   * Where `MONGODB_URI`, `REDIS_URL` and `RPC_URL` name real servers, `NODE_ENV`, `PATH`, and what children inherit.
   * Usually `process.env`.
   */
  env: NodeJS.ProcessEnv;
  /** Ports to use where they are free; any free one otherwise. */
  preferredPorts?: Partial<Record<PartName, number>>;
  /** Takes lines for people. */
  report?: (report: PartReport) => void;
  /** Told when a child of ours ended by itself or was killed; `restart` brings it back. */
  onExit?: (exit: PartExit) => void;
  /** False when nothing has to outlast this run. Default: true with a data folder, false without. */
  persistent?: boolean;
  /** Ends a start under way; what had started is stopped. */
  signal?: AbortSignal;
}

/** MongoDB, Redis and a chain, ready to be used. */
export interface Services {
  mongodbUri: string;
  redisUrl: string;
  rpcUrl: string;
  parts: Record<PartName, Part>;
  /** Starts a part again on its port with its data, for instance after it was killed. */
  restart(name: PartName): Promise<void>;
  /** Ends what we started, all at once, and waits until it is gone. Safe to call twice. */
  stop(): Promise<void>;
}

const STARTERS = { chain: startChain, mongo: startMongo, redis: startRedis };
const NAMES = Object.keys(STARTERS) as PartName[];

/**
 * Starts what a developer's machine lacks: for each of MongoDB, Redis and the chain uses the server the environment
 * names, else one of its own on loopback. The parts start side by side. They end with this process, however it ends;
 * what a hard kill left behind is ended by the next start on the same data folder.
 *
 * @throws BootError listing every part that could not start, naming the process that uses the data folder, or, under
 *   `NODE_ENV=production`, every server that is not given
 */
export async function startServices(options: ServicesOptions): Promise<Services> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "cairn-"));
  const claim = needsDataDir(options.env) ? await lockDataDir(dataDir) : null;
  let parts: Record<PartName, Part>;
  try {
    parts = await startAll({ ...options, dataDir, persistent: options.persistent ?? options.dataDir !== null });
  } catch (error) {
    letGo(claim, options.dataDir, dataDir);
    throw error;
  }

  let stopped: Promise<void> | undefined;
  return {
    mongodbUri: parts.mongo.url,
    redisUrl: parts.redis.url,
    rpcUrl: parts.chain.url,
    parts,
    restart: (name) => parts[name].restart(),
    stop: () =>
      (stopped ??= Promise.all(NAMES.map((name) => parts[name].stop())).then(() =>
        letGo(claim, options.dataDir, dataDir),
      )),
  };
}

function needsDataDir(env: NodeJS.ProcessEnv): boolean {
  const isMissing = ["MONGODB_URI", "REDIS_URL", "RPC_URL"].some((name) => (env[name] ?? "") === "");
  return isMissing && env["NODE_ENV"] !== "production";
}

function letGo(claim: DataDirLock | null, given: string | null, dataDir: string): void {
  claim?.release();
  if (given === null) rmSync(dataDir, { recursive: true, force: true });
}

async function startAll(
  options: ServicesOptions & { dataDir: string; persistent: boolean },
): Promise<Record<PartName, Part>> {
  const { preferredPorts = {}, ...common } = options;
  const outcomes = await Promise.allSettled(
    NAMES.map((name) => {
      const preferredPort = preferredPorts[name];
      const own: PartOptions = { ...common, ...(preferredPort !== undefined && { preferredPort }) };
      return STARTERS[name](own);
    }),
  );
  const started = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as Error] : []));
  if (failures.length === 0)
    return Object.fromEntries(started.map((part) => [part.name, part])) as Record<PartName, Part>;

  await Promise.all(started.map((part) => part.stop()));
  const other = failures.find((failure) => !(failure instanceof BootError));
  if (other !== undefined) throw other;
  const problems = failures.flatMap((failure): BootProblem[] => (failure instanceof BootError ? failure.problems : []));
  throw new BootError("local services", problems);
}
