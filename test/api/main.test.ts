import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createProvider } from "../../chain/provider";
import { COMMANDS } from "../../core/internalApi";
import { connectMongo } from "../../core/mongo";
import { CHECKPOINT_ID, type CheckpointDocument, createRegistryCollections } from "../../projection/models";
import { deployContracts } from "../../chain/deploy";
import { ask } from "../support/ask";
import { eventually } from "../support/eventually";
import { startFaultyRpc } from "../support/faultyRpc";
import { fundedKey, testMongoUri, testRedisUrl, testRpcUrl } from "../support/servers";
import { askAsGateway, newServiceKey } from "../support/serviceTokens";

const ROOT = join(__dirname, "..", "..");

interface ApiProcess {
  child: ChildProcess;
  output(): string;
  exit: Promise<number | null>;
}

function startApi(environment: Record<string, string>): ApiProcess {
  const child = spawn(process.execPath, ["--require", "./scripts/typescript.cjs", "api/main.ts"], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"], NODE_ENV: "test", PORT: "0", API_METRICS_PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => child.on("exit", resolve));
  return { child, output: () => text, exit };
}

interface Ports {
  port: number;
  metricsPort: number;
  internalPort?: number;
}

async function readyPorts(api: ApiProcess): Promise<Ports> {
  const line = await eventually("the ready line", () =>
    api
      .output()
      .split("\n")
      .find((entry) => entry.includes('"ready":true')),
  );
  return JSON.parse(line) as Ports;
}

describe("the api's process", () => {
  const deploymentsDir = mkdtempSync(join(tmpdir(), "cairn-api-main-"));
  const environment = () => ({
    MONGODB_URI: mongodbUri,
    REDIS_URL: testRedisUrl(),
    REDIS_PREFIX: `test-main-${randomBytes(4).toString("hex")}`,
    RPC_URL: testRpcUrl(),
    DEPLOYMENTS_DIR: deploymentsDir,
  });
  let mongodbUri: string;
  const started: ApiProcess[] = [];
  const start = (more: Record<string, string> = {}): ApiProcess => {
    const api = startApi({ ...environment(), ...more });
    started.push(api);
    return api;
  };

  before(async () => {
    mongodbUri = testMongoUri("api_main");
    const deployerPrivateKey = await fundedKey();
    const didMethod = `t${randomBytes(6).toString("hex")}`;
    await deployContracts({
      rpcUrl: testRpcUrl(),
      chainId: 31337,
      deployerPrivateKey,
      didMethod,
      deploymentsDir,
      report: () => undefined,
    });
  });
  after(async () => {
    for (const { child, exit } of started) {
      child.kill("SIGKILL");
      await exit;
    }
    rmSync(deploymentsDir, { recursive: true, force: true });
    const mongo = await connectMongo({ uri: mongodbUri, name: "test-api-main" });
    await mongo.dropDatabase();
    await mongo.close();
  });

  it("serves, names its dependencies, keeps metrics to itself, and ends cleanly when told to", async () => {
    const api = start();
    const { port, metricsPort } = await readyPorts(api);
    const url = `http://127.0.0.1:${port}`;
    const body = { email: "alice@example.org", password: "correct horse battery", name: "Alice" };
    const registered = await ask(`${url}/auth/register`, "POST", { body });
    expect(registered.status, registered.text).to.equal(201);
    const ready = await ask(`${url}/health/ready`, "GET");
    expect(Object.keys(ready.body.dependencies)).to.have.members([
      "mongo",
      "redis",
      "chain",
      "deployment",
      "index",
      "presentations",
    ]);
    expect(ready.body.dependencies["mongo"]?.status).to.equal("up");
    expect(ready.body.dependencies["chain"]?.status).to.equal("up");
    expect(ready.body.dependencies["index"]?.status, "no indexer runs here").to.equal("down");
    expect((await ask(`${url}/metrics`, "GET")).status).to.equal(404);
    const metrics = await ask(`http://127.0.0.1:${metricsPort}/metrics`, "GET");
    expect(metrics.text)
      .to.include('cairn_queue_depth_jobs{queue="anchoring"} 0')
      .and.include("cairn_sessions_valid 1");
    api.child.kill("SIGTERM");
    expect(await api.exit, api.output()).to.equal(0);
    expect(api.output()).to.include('"stopped"');
    expect(api.output()).not.to.include("alice@").and.not.to.include("correct horse").and.not.to.include("SES-");
  });

  it("describes everything it serves in a document that holds against the OpenAPI schema", async () => {
    const { Validator } = await import("@seriousme/openapi-schema-validator");
    const api = start();
    const { port } = await readyPorts(api);
    const { body } = await ask(`http://127.0.0.1:${port}/openapi.json`, "GET");
    expect((await new Validator().validate(body)).errors ?? []).to.deep.equal([]);
    const paths = Object.keys((body as unknown as { paths: object }).paths);
    expect(paths).to.include.members(["/auth/login", "/credentials/issue", "/api/kyc/status", "/token"]);
    api.child.kill("SIGTERM");
    expect(await api.exit).to.equal(0);
  });

  it("finishes the request in hand before it ends", async () => {
    const api = start();
    const { port } = await readyPorts(api);
    // Connections that are open already, so that the signal finds every request received.
    await Promise.all(Array.from({ length: 24 }, () => ask(`http://127.0.0.1:${port}/health/live`, "GET")));
    // Enough work in line that the last answers come after the signal.
    const requests = Array.from({ length: 24 }, (_, index) =>
      ask(`http://127.0.0.1:${port}/auth/login`, "POST", {
        body: { email: `someone${index}@example.org`, password: "not the right one" },
      }).then(({ status }) => status),
    );
    await Promise.race(requests);
    api.child.kill("SIGTERM");
    expect(new Set(await Promise.all(requests))).to.deep.equal(new Set([401]));
    expect(await api.exit).to.equal(0);
  });

  it("opens the internal port for the gateways that it knows, and finishes their requests in hand before it ends", async () => {
    const { Validator } = await import("@seriousme/openapi-schema-validator");
    expect(await readyPorts(start())).not.to.have.property("internalPort");
    const key = newServiceKey();
    const api = start({ INTERNAL_PORT: "0", GATEWAY_SERVICE_PUBLIC_KEYS: key.publicKey });
    const { port, internalPort } = await readyPorts(api);
    const at = { url: `http://127.0.0.1:${internalPort}`, key };
    const described = await askAsGateway(at, "GET", "/api/v1/internal/openapi.json");
    expect((await new Validator().validate(described.body)).errors ?? []).to.deep.equal([]);
    const paths = Object.keys(described.body["paths"] as object);
    expect(paths).to.include.members(Object.values(COMMANDS).map(({ path }) => path));
    expect(paths.every((path) => /^\/api\/v1\/(internal|user|public\/auth)\//.test(path))).to.equal(true);
    const body = { ids: Array.from({ length: 1_000 }, () => randomUUID()) };
    const check = (url: string) => askAsGateway({ url, key }, "POST", "/api/v1/internal/sessions/check", { body });
    expect((await check(`http://127.0.0.1:${port}`)).body.code).to.equal("request.unknown_path");
    const stranger = { url: at.url, key: newServiceKey() };
    expect((await askAsGateway(stranger, "GET", "/api/v1/internal/openapi.json")).status).to.equal(401);

    // Connections that are open already, so that the signal finds every request received.
    await Promise.all(Array.from({ length: 24 }, () => check(at.url)));
    const requests = Array.from({ length: 24 }, () => check(at.url).then(({ status }) => status));
    await Promise.race(requests);
    api.child.kill("SIGTERM");
    expect(new Set(await Promise.all(requests))).to.deep.equal(new Set([200]));
    expect(await api.exit, api.output()).to.equal(0);
  });

  it("starts while the chain answers 429, degraded, and is whole once it answers", async () => {
    const node = await startFaultyRpc(testRpcUrl(), { exchange: () => "429" });
    try {
      const api = start({ RPC_URL: node.url });
      const { port } = await readyPorts(api);
      const readiness = () => ask(`http://127.0.0.1:${port}/health/ready`, "GET");
      const waiting = await readiness();
      expect([waiting.status, waiting.body["status"]]).to.deep.equal([200, "degraded"]);
      expect(waiting.body.dependencies["chain"]?.status).to.equal("down");
      expect(api.output()).to.include("starting while RPC_URL does not answer, which is waited for");
      delete node.faults.exchange;
      await eventually("the chain", async () => (await readiness()).body.dependencies["chain"]?.status === "up");
      api.child.kill("SIGTERM");
      expect(await api.exit).to.equal(0);
    } finally {
      await node.stop();
    }
  });

  it("does not wait for an endpoint that refuses its key or path", async () => {
    const server = createServer((_request, response) => void response.writeHead(401).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const api = start({ RPC_URL: `http://127.0.0.1:${port}/v3/wrong-key` });
      expect(await api.exit).to.equal(78);
      expect(api.output()).to.include(`RPC_URL: 127.0.0.1:${port} answers with HTTP 401`).and.not.include("wrong-key");
    } finally {
      server.close();
    }
  });

  it("is unavailable when the chain is another than the one the contracts were deployed on", async () => {
    const node = await startFaultyRpc(testRpcUrl());
    try {
      const api = start({ RPC_URL: node.url });
      const { port } = await readyPorts(api);
      const readiness = () => ask(`http://127.0.0.1:${port}/health/ready`, "GET");
      expect((await readiness()).body.dependencies["deployment"]?.status).to.equal("up");
      // Reset: its first block has another hash.
      node.faults.alter = ({ method, params }, result) =>
        method === "eth_getBlockByNumber" && Number(params[0]) === 0
          ? { ...(result as object), hash: `0x${"5".repeat(64)}` }
          : result;
      const reset = await readiness();
      expect([reset.status, reset.body["status"]]).to.deep.equal([503, "unavailable"]);
      expect(JSON.stringify(reset.body.dependencies["deployment"])).to.include("it was reset");
    } finally {
      await node.stop();
    }
  });

  it("says when the chain is below the index, and when no indexer leads", async () => {
    const mongo = await connectMongo({ uri: mongodbUri, name: "test-checkpoint" });
    const genesisHash = (await createProvider([testRpcUrl()], 31337).getBlock(0))!.hash!;
    const minedAt = new Date(Date.now() - 60_000);
    const beyond = { number: 1_000_000, hash: `0x${"6".repeat(64)}`, minedAt };
    const checkpoint = { indexed: beyond, genesisHash, lease: { holder: null, term: 1, expiresAt: minedAt } };
    const { checkpoints } = createRegistryCollections(mongo);
    await checkpoints.insertOne({ _id: CHECKPOINT_ID, ...checkpoint } as CheckpointDocument);
    try {
      const { port } = await readyPorts(start());
      const { body } = await ask(`http://127.0.0.1:${port}/health/ready`, "GET");
      const index = body.dependencies["index"] as unknown as { status: string; problems: string[] };
      expect([body["status"], index.status]).to.deep.equal(["degraded", "down"]);
      expect(index.problems[0]).to.equal("no indexer leads");
      expect(index.problems[1]).to.match(/^the chain's newest block is \d+, below the index at block 1000000$/);
    } finally {
      await checkpoints.deleteOne({ _id: CHECKPOINT_ID });
      await mongo.close();
    }
  });

  it("does not start when something is missing, and names everything at once", async () => {
    const api = start({
      MONGODB_URI: "mongodb://127.0.0.1:1/cairn",
      RPC_URL: "http://127.0.0.1:1",
      REDIS_URL: "redis://127.0.0.1:1",
    });
    expect(await api.exit).to.equal(78);
    for (const subject of ["MONGODB_URI", "RPC_URL", "REDIS_URL"]) expect(api.output()).to.include(`- ${subject}:`);
  });
});
