import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { RUNNING_ENVIRONMENT_FILE } from "../../core/config/environment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import type { Deployment } from "../../chain/deployment";
import { messageOf } from "../../core/errors";
import { freePort } from "../../embedded/ports";
import { type LocalServices, startServices } from "../../embedded/services";
import type { Stage } from "../demo/stage";
import { deployContracts } from "../../chain/deploy";
import { type Supervised, supervise } from "./supervise";

const ROOT = join(__dirname, "..", "..");

/** A Cairn that runs on this machine, and how to reach it. */
export interface RunningCairn {
  apiUrl: string;
  services: LocalServices;
  deployment: Deployment;
  dataDir: string;
  /** Process ids by name, for those we started; they change when something is restarted. */
  pids(): Record<string, number>;
  stop(): Promise<void>;
}

/** What another command needs to find a running Cairn; kept in `<dataDir>/running.json` while it runs. */
export interface RunningRecord {
  pid: number;
  stage: Stage;
}

export interface StartCairnOptions {
  /** Where data and logs go; `.cairn` for `npm start`. */
  dataDir: string;
  /** Decides what is started here (`MONGODB_URI` and the like name real servers instead) and is handed to every process. */
  env: NodeJS.ProcessEnv;
  /** One line for a person: `who` is a process or a part. */
  report(who: string, line: string): void;
  /** Told what is being waited for, each time that changes. */
  doing?(what: string): void;
}

/** Where the story is played on a Cairn of ours. */
export function stageOf(cairn: RunningCairn): Stage {
  return {
    apiUrl: cairn.apiUrl,
    mongodbUri: cairn.services.mongodbUri,
    rpcUrl: cairn.services.rpcUrl.split(",")[0] ?? "",
    chainId: cairn.deployment.chainId,
    didRegistryAddress: cairn.deployment.contracts.DIDRegistry.address,
    dataDir: cairn.dataDir,
  };
}

/** Where `npm run demo` looks for a running Cairn. */
export function runningRecordPath(dataDir: string): string {
  return join(dataDir, "running.json");
}

/**
 * Starts everything: chain, MongoDB, Redis, contracts, indexer, API and worker. Whatever of it dies is started again
 * with its data.
 *
 * @throws BootError or Error saying what could not be started and how to fix it; nothing is left running then
 */
export async function startCairn({ dataDir, env, report, doing }: StartCairnOptions): Promise<RunningCairn> {
  mkdirSync(dataDir, { recursive: true });
  const processes: Supervised[] = [];
  let stopping = false;

  doing?.("starting the chain, MongoDB and Redis");
  const services = await startServices({
    dataDir,
    env,
    persistent: true,
    preferredPorts: { chain: 8545 },
    report: ({ service, line }) => report(service, line),
    onExit: ({ service, code, signal }) => {
      if (stopping) return;
      report(
        service,
        `${signal === null ? `left with code ${String(code)}` : `was ended by ${signal}`}; starting it again`,
      );
      void restart(service);
    },
  });

  async function restart(part: "chain" | "mongo" | "redis"): Promise<void> {
    for (let attempt = 1; !stopping; attempt += 1) {
      try {
        await services.restart(part);
        report(part, "is back, with its data");
        return;
      } catch (error) {
        report(part, `could not be started again: ${messageOf(error)}`);
        await delay(Math.min(500 * 2 ** attempt, 10_000));
      }
    }
  }

  async function stop(): Promise<void> {
    stopping = true;
    rmSync(runningRecordPath(dataDir), { force: true });
    rmSync(join(dataDir, basename(RUNNING_ENVIRONMENT_FILE)), { force: true });
    await Promise.all(processes.map((process) => process.stop()));
    await services.stop();
  }

  try {
    doing?.("deploying the contracts");
    const deploymentsDir = env["DEPLOYMENTS_DIR"] ?? join(dataDir, "deployments");
    const chainId = Number(env["CHAIN_ID"] ?? 31337);
    const deployment = await deployContracts({
      rpcUrl: services.rpcUrl.split(",")[0] ?? "",
      chainId,
      deployerPrivateKey: env["DEPLOYER_PRIVATE_KEY"] ?? DEVELOPMENT_RELAYER_KEY,
      didMethod: env["DID_METHOD"] ?? "mychain",
      deploymentsDir,
      report: (line) => report("contracts", line),
    });

    const port = await freePort(Number(env["PORT"] ?? 3000));
    const apiUrl = `http://localhost:${port}`;
    const ownChain = services.byName.chain.how !== "given";
    const childEnv: NodeJS.ProcessEnv = {
      ...env,
      MONGODB_URI: services.mongodbUri,
      REDIS_URL: services.redisUrl,
      // Our own node serves sockets on the same port: the indexer hears of a block at once instead of asking.
      RPC_URL: ownChain ? `${services.rpcUrl.replace(/^http/, "ws")},${services.rpcUrl}` : services.rpcUrl,
      DEPLOYMENTS_DIR: deploymentsDir,
      KEYSTORE_DIR: env["KEYSTORE_DIR"] ?? join(dataDir, "keys"),
      MAILBOX_DIR: env["MAILBOX_DIR"] ?? join(dataDir, "mailbox"),
      PORT: String(port),
      PUBLIC_URL: env["PUBLIC_URL"] ?? apiUrl,
      API_METRICS_PORT: String(await freePort(Number(env["API_METRICS_PORT"] ?? 9463))),
      INDEXER_PORT: String(await freePort(Number(env["INDEXER_PORT"] ?? 9464))),
      WORKER_PORT: String(await freePort(Number(env["WORKER_PORT"] ?? 9465))),
    };
    doing?.("starting the indexer, the API and the worker");
    const logsDir = join(dataDir, "logs");
    const start = (name: string, script: string, args: string[] = []) =>
      processes.push(
        supervise({ name, script, args, env: childEnv, root: ROOT, logsDir, report: (line) => report(name, line) }),
      );
    // A chain of our own that was set aside starts anew at block 0: its old index is no loss.
    start("indexer", "indexer/main.ts", ownChain ? ["--reindex-on-reset"] : []);
    start("api", "api/main.ts");
    start("worker", "api/worker.ts");
    await Promise.all(processes.map(({ ready }) => ready));

    const cairn = { apiUrl, services, deployment, dataDir, pids: () => pidsOf(processes, services), stop };
    const record: RunningRecord = { pid: process.pid, stage: stageOf(cairn) };
    writeFileSync(runningRecordPath(dataDir), JSON.stringify(record));
    writeFileSync(join(dataDir, basename(RUNNING_ENVIRONMENT_FILE)), runningEnvironment(childEnv));
    return cairn;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a command beside us needs to reach our servers; see readEnvironmentBesideRunning. */
function runningEnvironment(env: NodeJS.ProcessEnv): string {
  const names = ["MONGODB_URI", "REDIS_URL", "RPC_URL", "DEPLOYMENTS_DIR", "KEYSTORE_DIR"];
  return [`CAIRN_PID=${process.pid}`, ...names.map((name) => `${name}=${env[name] ?? ""}`)].join("\n");
}

function pidsOf(processes: Supervised[], services: LocalServices): Record<string, number> {
  const entries: [string, number | undefined][] = [
    ...Object.values(services.byName).map((part): [string, number | undefined] => [part.name, part.pid()]),
    ...processes.map(({ name, pid }): [string, number | undefined] => [name, pid]),
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
