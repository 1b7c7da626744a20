import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { deployContracts } from "../../chain/deploy";
import type { Deployment } from "../../chain/deployment";
import { DEVELOPMENT_CHAIN_ID } from "../../core/config/chain";
import { runningEnvironmentPath } from "../../core/config/environment";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { messageOf } from "../../core/errors";
import { type LocalServices, startServices } from "../../embedded/services";
import type { ServiceExit, ServiceName } from "../../embedded/service";
import type { DemoTarget, GatewayAddress } from "../demo/demo";
import { choosePorts, preferredChainPort, rememberChainPort } from "./ports";
import { wasChainReset } from "./resetChain";
import { readServiceKey } from "./serviceKey";
import { type Supervised, supervise } from "./supervise";

const ROOT = join(__dirname, "..", "..");

/** A Cairn that runs on this machine, and how to reach it. */
export interface RunningCairn {
  apiUrl: string;
  gateway: GatewayAddress;
  services: LocalServices;
  deployment: Deployment;
  dataDir: string;
  /** Process ids by name, of what was started here; they change with every restart. */
  pids(): Record<string, number>;
  stop(): Promise<void>;
}

/** How other commands find a running Cairn: `<dataDir>/running.json`, which exists while it runs. */
export interface RunningRecord {
  pid: number;
  demoTarget: DemoTarget;
}

export interface StartCairnOptions {
  /** For data and logs; `.cairn` for `npm start`. */
  dataDir: string;
  /** Decides what is started here (`MONGODB_URI` and the like name real servers instead) and is handed to every process. */
  env: NodeJS.ProcessEnv;
  /** Receives a line for people, with the name of the process or service. */
  report(name: string, line: string): void;
  /** Called with what is being waited for, each time that changes. */
  onActivity?(activity: string): void;
}

export function demoTargetOf(cairn: Omit<RunningCairn, "stop">): DemoTarget {
  const { apiUrl, gateway, services, deployment, dataDir } = cairn;
  return {
    apiUrl,
    gateway,
    mongodbUri: services.mongodbUri,
    rpcUrl: services.rpcUrl.split(",")[0] ?? "",
    chainId: deployment.chainId,
    didRegistryAddress: deployment.contracts.DIDRegistry.address,
    dataDir,
  };
}

export function runningRecordPath(dataDir: string): string {
  return join(dataDir, "running.json");
}

/**
 * Starts everything: chain, MongoDB, Redis, contracts, indexer, API, worker and gateway. Whatever of it exits is started again
 * with its data.
 *
 * @throws BootError or Error saying what could not be started and how to fix it; nothing is left running then
 */
export async function startCairn(options: StartCairnOptions): Promise<RunningCairn> {
  const { dataDir, onActivity } = options;
  mkdirSync(dataDir, { recursive: true });
  onActivity?.("starting the chain, MongoDB and Redis");
  const { services, stop: stopServices } = await startRestartingServices(options);
  const processes: Supervised[] = [];

  async function stop(): Promise<void> {
    removeRunningRecords(dataDir);
    await stopServices(() => Promise.all(processes.map((process) => process.stop())));
  }

  try {
    const { apiUrl, gateway, env } = await processEnvironment(options, services);
    if (isOwnChain(services)) rememberChainPort(dataDir, Number(new URL(services.rpcUrl).port));
    onActivity?.("deploying the contracts");
    const deployment = await deploy(options, services);
    onActivity?.("starting the indexer, the API, the worker and the gateway");
    processes.push(...startProcesses(options, { env, chainId: deployment.chainId }));
    await Promise.all(processes.map(({ ready }) => ready));
    const cairn = { apiUrl, gateway, services, deployment, dataDir, pids: () => pidsOf(processes, services), stop };
    writeRunningRecords(demoTargetOf(cairn), env);
    return cairn;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface RestartingServices {
  services: LocalServices;
  /** Stops what uses the services first; from then on nothing is restarted. */
  stop(stopUsers: () => Promise<unknown>): Promise<void>;
}

/** Starts the servers; restarts those that exit. */
async function startRestartingServices({ dataDir, env, report }: StartCairnOptions): Promise<RestartingServices> {
  let stopping = false;

  async function restart(name: ServiceName): Promise<void> {
    for (let attempt = 1; !stopping; attempt += 1) {
      try {
        await services.restart(name);
        report(name, "is back, with its data");
        return;
      } catch (error) {
        report(name, `could not be started again: ${messageOf(error)}`);
        await delay(Math.min(500 * 2 ** attempt, 10_000));
      }
    }
  }

  const services = await startServices({
    dataDir,
    env,
    persistent: true,
    preferredPorts: { chain: preferredChainPort(dataDir) },
    report: ({ service, line }) => report(service, line),
    onExit: (exit) => {
      if (stopping) return;
      report(exit.service, `${howItExited(exit)}; starting it again`);
      void restart(exit.service);
    },
  });
  return {
    services,
    async stop(stopUsers) {
      stopping = true;
      await stopUsers();
      await services.stop();
    },
  };
}

function howItExited({ code, signal }: ServiceExit): string {
  return signal === null ? `left with code ${String(code)}` : `was ended by ${signal}`;
}

async function deploy({ dataDir, env, report }: StartCairnOptions, services: LocalServices): Promise<Deployment> {
  const place = {
    rpcUrl: services.rpcUrl.split(",")[0] ?? "",
    chainId: Number(env["CHAIN_ID"] || DEVELOPMENT_CHAIN_ID),
    deploymentsDir: deploymentsDirOf(dataDir, env),
  };
  if (await wasChainReset(place)) {
    report("chain", "was reset since the last start: its first block is another.");
    report("chain", "Contracts and index start anew; accounts stay, what they anchored is gone.");
  }
  return deployContracts({
    ...place,
    deployerPrivateKey: env["DEPLOYER_PRIVATE_KEY"] || DEVELOPMENT_RELAYER_KEY,
    didMethod: env["DID_METHOD"] || "mychain",
    report: (line) => report("contracts", line),
  });
}

function deploymentsDirOf(dataDir: string, env: NodeJS.ProcessEnv): string {
  return env["DEPLOYMENTS_DIR"] || join(dataDir, "deployments");
}

function isOwnChain(services: LocalServices): boolean {
  return services.byName.chain.how !== "given";
}

/** The environment of the processes; their ports are free ones where the usual are taken. */
async function processEnvironment(
  { dataDir, env, report }: StartCairnOptions,
  services: LocalServices,
): Promise<{ apiUrl: string; gateway: GatewayAddress; env: NodeJS.ProcessEnv }> {
  const ports = await choosePorts(dataDir, { env, report: (line) => report("api", line) });
  const apiUrl = `http://localhost:${ports.PORT}`;
  const { rpcUrl } = services;
  return {
    apiUrl,
    gateway: {
      httpUrl: `http://localhost:${ports.GATEWAY_HTTP_PORT}`,
      grpcAddress: `localhost:${ports.GATEWAY_GRPC_PORT}`,
    },
    env: {
      ...env,
      ...readServiceKey(dataDir, env),
      GATEWAY_API_URL: env["GATEWAY_API_URL"] || `http://127.0.0.1:${ports.INTERNAL_PORT}`,
      GATEWAY_KEYS_DIR: env["GATEWAY_KEYS_DIR"] || join(dataDir, "gateway-keys"),
      // The pages of the API itself.
      GATEWAY_CORS_ORIGINS: env["GATEWAY_CORS_ORIGINS"] || new URL(env["PUBLIC_URL"] || apiUrl).origin,
      MONGODB_URI: services.mongodbUri,
      REDIS_URL: services.redisUrl,
      // Our own node serves WebSockets on the same port: new blocks are pushed to the indexer, which need not poll.
      RPC_URL: isOwnChain(services) ? `${rpcUrl.replace(/^http/, "ws")},${rpcUrl}` : rpcUrl,
      DEPLOYMENTS_DIR: deploymentsDirOf(dataDir, env),
      KEYSTORE_DIR: env["KEYSTORE_DIR"] || join(dataDir, "keys"),
      MAILBOX_DIR: env["MAILBOX_DIR"] || join(dataDir, "mailbox"),
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
      PUBLIC_URL: env["PUBLIC_URL"] || apiUrl,
    },
  };
}

function startProcesses(
  { dataDir, report }: StartCairnOptions,
  { env, chainId }: { env: NodeJS.ProcessEnv; chainId: number },
): Supervised[] {
  const logsDir = join(dataDir, "logs");
  const start = (name: string, script: string, args: string[] = []) =>
    supervise({ name, script, args, env, root: ROOT, logsDir, report: (line) => report(name, line) });
  return [
    // A development chain is reset with all that is on it: then the index of the old one is of no use.
    start("indexer", "indexer/main.ts", chainId === DEVELOPMENT_CHAIN_ID ? ["--reindex-on-reset"] : []),
    start("api", "api/main.ts"),
    start("worker", "api/worker.ts"),
    start("gateway", "gateway/main.ts"),
  ];
}

/** Tells other commands on this machine where this Cairn is: the demo, and those of operators (readEnvironmentBesideRunning). */
function writeRunningRecords(demoTarget: DemoTarget, env: NodeJS.ProcessEnv): void {
  const { dataDir } = demoTarget;
  const record: RunningRecord = { pid: process.pid, demoTarget };
  writeFileSync(runningRecordPath(dataDir), JSON.stringify(record));
  const names = [
    ...["MONGODB_URI", "REDIS_URL", "RPC_URL", "DEPLOYMENTS_DIR", "KEYSTORE_DIR", "MAILBOX_DIR", "PUBLIC_URL"],
    ...["GATEWAY_API_URL", "GATEWAY_SERVICE_KEY", "GATEWAY_KEYS_DIR"],
  ];
  const lines = [`CAIRN_PID=${process.pid}`, ...names.map((name) => `${name}=${env[name] ?? ""}`)];
  writeFileSync(runningEnvironmentPath(dataDir), lines.join("\n"), { mode: 0o600 });
}

function removeRunningRecords(dataDir: string): void {
  rmSync(runningRecordPath(dataDir), { force: true });
  rmSync(runningEnvironmentPath(dataDir), { force: true });
}

function pidsOf(processes: Supervised[], services: LocalServices): Record<string, number> {
  const entries: [string, number | undefined][] = [
    ...Object.values(services.byName).map((service): [string, number | undefined] => [service.name, service.pid()]),
    ...processes.map(({ name, pid }): [string, number | undefined] => [name, pid]),
  ];
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => entry[1] !== undefined));
}
