import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BootError, type BootProblem } from "../../core/errors";
import { freePort, isFree } from "../../embedded/ports";

/** The ports of the local Cairn's processes, by their variables, and the usual ones. */
const USUAL_PORTS = {
  PORT: 3000,
  INTERNAL_PORT: 3001,
  GATEWAY_HTTP_PORT: 3002,
  GATEWAY_GRPC_PORT: 3003,
  API_METRICS_PORT: 9463,
  INDEXER_PORT: 9464,
  WORKER_PORT: 9465,
  GATEWAY_METRICS_PORT: 9466,
};
const USUAL_CHAIN_PORT = 8545;

type PortVariable = keyof typeof USUAL_PORTS;

/** What is remembered with the data, because DID documents and wallets name it. */
interface RememberedPorts {
  api?: number;
  chain?: number;
}

/** The port at which the chain of this data was reached so far, else the usual one. */
export function preferredChainPort(dataDir: string): number {
  return readRemembered(dataDir).chain ?? USUAL_CHAIN_PORT;
}

/** Remembers with the data where the chain is reached. */
export function rememberChainPort(dataDir: string, port: number): void {
  remember(dataDir, { chain: port });
}

/**
 * Chooses a port for each process: the one the environment gives; for the API else the one of the last start on this
 * data, which what was anchored names; else the usual one, or any where that is taken.
 *
 * @throws BootError naming every port the environment gives that is taken
 */
export async function choosePorts(
  dataDir: string,
  { env, report }: { env: NodeJS.ProcessEnv; report(line: string): void },
): Promise<Record<PortVariable, number>> {
  const names = Object.keys(USUAL_PORTS) as PortVariable[];
  const problems: BootProblem[] = [];
  for (const name of names) {
    const given = givenPort(env, name);
    if (given === undefined || given === 0 || (await isFree(given))) continue;
    const fix = `end what listens there, give another ${name}, or none, for any free port`;
    problems.push({ subject: name, problem: `${given} is taken by another program`, fix });
  }
  if (problems.length > 0) throw new BootError("local Cairn", problems);

  const remembered = readRemembered(dataDir).api;
  const chosen = {} as Record<PortVariable, number>;
  for (const name of names) {
    const usual = name === "PORT" ? (remembered ?? USUAL_PORTS.PORT) : USUAL_PORTS[name];
    chosen[name] = await freePort(givenPort(env, name) ?? usual);
  }
  if (givenPort(env, "PORT") === undefined) {
    if (remembered === undefined) remember(dataDir, { api: chosen.PORT });
    else if (remembered !== chosen.PORT) {
      report(`port ${remembered}, which what this data anchored names, is taken by another program;`);
      report(`the API is at port ${chosen.PORT} this time: end that program and start again`);
    }
  } else if (givenPort(env, "PORT") !== 0) remember(dataDir, { api: chosen.PORT });
  return chosen;
}

function givenPort(env: NodeJS.ProcessEnv, name: PortVariable): number | undefined {
  const text = env[name] ?? "";
  return text === "" ? undefined : Number(text);
}

function pathOf(dataDir: string): string {
  return join(dataDir, "ports.json");
}

function readRemembered(dataDir: string): RememberedPorts {
  const path = pathOf(dataDir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as RememberedPorts) : {};
}

function remember(dataDir: string, ports: RememberedPorts): void {
  writeFileSync(pathOf(dataDir), `${JSON.stringify({ ...readRemembered(dataDir), ...ports })}\n`);
}
