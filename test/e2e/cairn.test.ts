import { expect } from "chai";
import { Contract, JsonRpcProvider } from "ethers";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type Server, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DID_REGISTRY_ABI } from "../../chain/registry/abi";
import { messageOf } from "../../core/errors";
import { startChain } from "../../embedded/startChain";
import { runAliceDemo } from "../../scripts/demo/alice";
import type { Demo, DemoStep, DemoTarget } from "../../scripts/demo/demo";
import { runGatewayDemo } from "../../scripts/demo/gateway";
import { runKycDemo } from "../../scripts/demo/kyc";
import { runOAuthDemo } from "../../scripts/demo/oauth";
import { runPresentationDemo } from "../../scripts/demo/presentation";
import {
  type RunningCairn,
  type RunningRecord,
  runningRecordPath,
  demoTargetOf,
  startCairn,
} from "../../scripts/dev/cairn";
import { eventually } from "../support/eventually";

const ROOT = join(__dirname, "..", "..");

/** The environment of a machine on which nothing is configured. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const { MONGODB_URI, REDIS_URL, RPC_URL, CAIRN_MONGO_DOWNLOAD, ...rest } = process.env;
  return rest;
}

/** Ports that no other test asks for, so that none takes the port of a process while it is being started again. */
const ANY_PORTS = {
  PORT: "0",
  INTERNAL_PORT: "0",
  GATEWAY_HTTP_PORT: "0",
  GATEWAY_GRPC_PORT: "0",
  API_METRICS_PORT: "0",
  INDEXER_PORT: "0",
  WORKER_PORT: "0",
  GATEWAY_METRICS_PORT: "0",
};

const SCOPE = {
  name: "age",
  description: "that you are over 18",
  dcql: {
    credentials: [{ id: "age", format: "dc+sd-jwt", meta: { vct_values: ["age"] }, claims: [{ path: ["over18"] }] }],
  },
};

async function registrationsOf(target: DemoTarget, walletAddress: string): Promise<number> {
  const provider = new JsonRpcProvider(target.rpcUrl, target.chainId, { staticNetwork: true });
  try {
    const registry = new Contract(target.didRegistryAddress, DID_REGISTRY_ABI, provider);
    const filter = registry.filters["DIDRegistered"]?.(walletAddress);
    if (filter === undefined) throw new Error("the contract has no event DIDRegistered");
    return (await registry.queryFilter(filter, 0)).length;
  } finally {
    provider.destroy();
  }
}

function walletOf(steps: DemoStep[]): string {
  const address = /0x[0-9a-fA-F]{40}/.exec(steps.flatMap(({ outcome }) => outcome).join(" "))?.[0];
  if (address === undefined) throw new Error("the demo named no wallet");
  return address;
}

describe("a whole Cairn", () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-e2e-"));
  });

  afterEach(() => rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 }));

  describe("whose processes are killed during the demo", () => {
    let cairn: RunningCairn;

    beforeEach(async () => {
      cairn = await startCairn({ dataDir, env: { ...bareEnvironment(), ...ANY_PORTS }, report: () => undefined });
    });

    afterEach(() => cairn.stop());

    it("finishes every demo with one registration each", async () => {
      for (const victim of ["api", "worker", "indexer", "gateway", "chain", "mongo", "redis"]) {
        const steps: DemoStep[] = [];
        await runAliceDemo(demoTargetOf(cairn), (step) => {
          steps.push(step);
          // While the anchoring job waits or runs.
          if (step.title.includes("links her wallet")) kill(cairn.pids()[victim], victim);
        }).catch((error: unknown) => {
          throw new Error(`${victim} was killed: ${messageOf(error)}`, { cause: error });
        });
        expect(steps.at(-1)?.title, victim).to.equal("Alice reads who wanted to see her credentials");
        expect(await registrationsOf(demoTargetOf(cairn), walletOf(steps)), victim).to.equal(1);
        await eventually(`${victim} to run again`, () => cairn.pids()[victim] !== undefined);
      }
    });
  });

  it("plays the demos of identity verification, presentations, OAuth and the gateway to their ends", async () => {
    const env = { ...bareEnvironment(), ...ANY_PORTS };
    const cairn = await startCairn({ dataDir, env, report: () => undefined });
    const lastOf = async (demo: Demo) => {
      const steps: DemoStep[] = [];
      await demo(demoTargetOf(cairn), (step) => void steps.push(step));
      return steps.at(-1)?.outcome.join("\n");
    };
    try {
      expect(await lastOf(runPresentationDemo)).to.equal("page: Verification failed\ninvalid: credential_revoked");
      expect(await lastOf((target, report) => runOAuthDemo(target, report))).to.include("401 from now on");
      expect(await lastOf(runKycDemo)).to.match(/^verified by sandbox at /);
      expect(await lastOf(runGatewayDemo)).to.equal("credentials.list: FailedPrecondition SESSION_REVOKED");
    } finally {
      await cairn.stop();
    }
  });

  describe("on a development chain behind RPC_URL", () => {
    const own: { stop(): Promise<void> }[] = [];

    afterEach(async () => {
      for (const part of own.splice(0).reverse()) await part.stop();
    });

    async function startOn(rpcUrl: string): Promise<{ cairn: RunningCairn; reported: string[] }> {
      const reported: string[] = [];
      const cairn = await startCairn({
        dataDir,
        env: { ...bareEnvironment(), ...ANY_PORTS, PORT: "", RPC_URL: rpcUrl },
        report: (name, line) => reported.push(`${name} ${line}`),
      });
      own.push(cairn);
      return { cairn, reported };
    }

    async function startNode(): Promise<string> {
      const folder = join(dataDir, `node-${own.length}`);
      const node = await startChain({ dataDir: folder, persistent: false, env: bareEnvironment() });
      own.push(node);
      return node.url;
    }

    const genesisOf = async ({ rpcUrl, chainId }: DemoTarget) => {
      const provider = new JsonRpcProvider(rpcUrl, chainId, { staticNetwork: true });
      const genesis = await provider.getBlock(0);
      provider.destroy();
      return genesis?.hash;
    };

    it("notices that it was reset, says so, and starts anew at the same address with contracts and index", async () => {
      const first = await startOn(await startNode());
      expect(first.reported.join("\n")).not.to.include("was reset");
      await runAliceDemo(demoTargetOf(first.cairn), () => undefined);
      for (const part of own.splice(0).reverse()) await part.stop();

      const second = await startOn(await startNode());
      expect(second.reported).to.include("chain was reset since the last start: its first block is another.");
      expect(second.cairn.apiUrl, "the port is remembered with the data").to.equal(first.cairn.apiUrl);
      expect(second.cairn.deployment.genesisHash).to.equal(await genesisOf(demoTargetOf(second.cairn)));
      const readiness = async () => {
        const answer = await fetch(`${second.cairn.apiUrl}/health/ready`);
        return (await answer.json()) as { status: string };
      };
      await eventually("readiness", async () => (await readiness()).status === "ready");
      const steps: DemoStep[] = [];
      await runAliceDemo(demoTargetOf(second.cairn), (step) => steps.push(step));
      expect(await registrationsOf(demoTargetOf(second.cairn), walletOf(steps))).to.equal(1);
    });

    it("is found by commands by its data folder, and lets a demo register as often as it likes", async () => {
      const { cairn } = await startOn(await startNode());
      const scopes = join(dataDir, "scopes.json");
      writeFileSync(scopes, JSON.stringify([SCOPE]));
      const options = ["--name", "Shop", "--redirect-uri", "https://shop.example/back"];
      const args = [...options, "--verifier-url", "https://verifier.example", "--scopes", scopes];
      const added = run("scripts/operate/client.ts", dataDir, ["add", ...args]);
      expect(await added.exitCode, added.output()).to.equal(0);
      expect(added.output()).to.include(`sends its notifications to ${cairn.apiUrl}/notification`);

      const codes = new Set<number>();
      for (let index = 0; index < 25; index += 1) {
        const account = { email: `a${index}@example.org`, password: "correct horse battery", name: "A" };
        const headers = { "content-type": "application/json" };
        const body = JSON.stringify(account);
        codes.add((await fetch(`${cairn.apiUrl}/auth/register`, { method: "POST", headers, body })).status);
      }
      expect([...codes]).to.deep.equal([201]);
    });
  });

  describe("started by its command", () => {
    const taken: Server[] = [];

    beforeEach(async () => {
      // What a developer's machine often runs already; where a port is held by something else, that serves as well.
      for (const port of [8545, 3000, 6379, 27017]) await occupy(port, taken);
    });

    afterEach(() => taken.splice(0).forEach((server) => server.close()));

    it("continues after a hard kill with the same Alice, and ends cleanly on Ctrl-C", async () => {
      const first = run("scripts/dev/main.ts", dataDir);
      const record = await eventually("the first start", () => readRecord(dataDir), 90_000);
      await eventually("the wallet to be linked", () => first.output().includes("She links her wallet"), 60_000);
      first.child.kill("SIGKILL");
      const wallet = /0x[0-9a-fA-F]{40}/.exec(first.output().split("She links her wallet")[1] ?? "")?.[0] ?? "";
      await eventually("its processes to end", async () => !(await isReachable(record.demoTarget.apiUrl)));

      const second = run("scripts/dev/main.ts", dataDir);
      await eventually("the second start to finish", () => second.output().includes("Cairn is running"), 90_000);
      const again = await eventually("its record", () => readRecord(dataDir));
      expect(await registrationsOf(again.demoTarget, wallet)).to.equal(1);
      const answer = await fetch(`${again.demoTarget.apiUrl}/1.0/identifiers/did:mychain:${wallet.toLowerCase()}`);
      expect(answer.status).to.equal(200);

      second.child.kill("SIGINT");
      expect(await second.exitCode).to.equal(0);
      expect(await isReachable(again.demoTarget.apiUrl)).to.equal(false);
      expect(await isReachable(again.demoTarget.rpcUrl)).to.equal(false);
      expect(existsSync(runningRecordPath(dataDir))).to.equal(false);
    });
  });
});

function kill(pid: number | undefined, what: string): void {
  if (pid === undefined) throw new Error(`${what} does not run`);
  process.kill(pid, "SIGKILL");
}

async function occupy(port: number, into: Server[]): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => (error.code === "EADDRINUSE" ? resolve() : reject(error)));
    server.listen(port, "127.0.0.1", () => {
      into.push(server);
      resolve();
    });
  });
}

interface Run {
  child: ChildProcess;
  output(): string;
  exitCode: Promise<number | null>;
}

function run(script: string, dataDir: string, args: string[] = []): Run {
  const env = { ...bareEnvironment(), CAIRN_DATA_DIR: dataDir };
  const child = spawn(process.execPath, ["--require", "./scripts/typescript.cjs", script, ...args], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exitCode = new Promise<number | null>((resolve) => child.on("exit", resolve));
  return { child, output: () => output, exitCode };
}

function readRecord(dataDir: string): RunningRecord | undefined {
  const path = runningRecordPath(dataDir);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as RunningRecord) : undefined;
}

async function isReachable(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}
