import { expect } from "chai";
import { connectMongo, type Mongo } from "../../core/mongo";
import { CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import { type HealthDeps, type IndexHealth, indexCheck, lagGauges } from "../../indexer/readiness";
import { type Activity, createActivity } from "../../indexer/activity";
import { createMetrics, type IndexerMetrics } from "../../indexer/metrics";
import { createLogger } from "../../core/logger";
import { mongoHealth } from "../../process/dependencyChecks";
import { type Readiness, watchReadiness } from "../../process/health";
import { createProcessMetrics } from "../../process/metrics";
import { type OperationsServer, serveOperations } from "../../process/operationsServer";
import { type DevChain, startDevChain } from "../support/devChain";
import { eventually } from "../support/eventually";
import { type FaultyRpc, startFaultyRpc, type ExchangeFault } from "../support/faultyRpc";
import { indexerEnvironment, type RunningScript, startScript } from "../support/indexerCommand";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../support/indexerHarness";
import { seededRandom, randomActivity } from "../support/randomActivity";
import { movableClock } from "../support/fakeClock";

const MAX_LAG_SECONDS = 60;

describe("the indexer's operations server", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let node: FaultyRpc;
  let clock: ReturnType<typeof movableClock>;
  let indexer: RunningIndexer | undefined;
  let server: OperationsServer;
  const processes: RunningScript[] = [];

  before(async () => {
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(5), 10);
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("health");
    node = await startFaultyRpc(chain.url);
    clock = movableClock();
  });

  afterEach(async () => {
    for (const process of processes.splice(0)) await process.kill("SIGKILL");
    await server.close();
    await indexer?.stop();
    indexer = undefined;
    await node.stop();
    await database.drop();
  });

  /** The server as an indexer's process has it, with a clock that can be moved. */
  async function serve(
    metrics: IndexerMetrics = createMetrics(),
    mongo: Mongo = database.mongo,
    activity: Readonly<Activity> = createActivity(),
  ): Promise<void> {
    const health: HealthDeps = {
      clock,
      maxLagSeconds: MAX_LAG_SECONDS,
      readCheckpoint: () => createRegistryCollections(mongo).checkpoints.findOne({ _id: CHECKPOINT_ID }),
      activity,
    };
    const logger = createLogger({ processName: "indexer", logLevel: "silent" });
    server = await serveOperations({
      host: "127.0.0.1",
      port: 0,
      readiness: watchReadiness([mongoHealth(mongo, true), indexCheck(health)], logger),
      metrics: createProcessMetrics(lagGauges(health), metrics.registry),
    });
  }

  async function follow(): Promise<RunningIndexer> {
    indexer = startIndexer({
      database,
      rpcUrls: [node.url],
      deployment: () => chain.deployment,
      rpcTimeoutMs: 300,
      clock,
    });
    await serve(indexer.metrics, database.mongo, indexer.activity);
    return indexer;
  }

  const head = async () => (await chain.provider.getBlock("latest"))!;
  const get = (path: string, port = server.port) => fetch(`http://127.0.0.1:${port}${path}`);
  /** The answer's code, the process's readiness, and what it says of the index. */
  async function ready(port = server.port) {
    const answer = await get("/health/ready", port);
    expect(answer.headers.get("content-type")).to.equal("application/json");
    const { status: readiness, dependencies } = (await answer.json()) as Readiness;
    const { ms, ...index } = dependencies["index"]!;
    expect(ms).to.be.a("number");
    return { code: answer.status, readiness, ...(index as IndexHealth & { status: "up" | "down" }) };
  }
  /** A metric's value; the sum of its values when it has labels that are not given. */
  async function metric(name: string, label = ""): Promise<number | undefined> {
    return valueIn(await (await get("/metrics")).text(), name, label);
  }

  it("is alive but not ready before the first checkpoint", async () => {
    await serve();
    expect((await get("/health/live")).status).to.equal(200);
    expect(await ready()).to.deep.equal({
      code: 503,
      readiness: "unavailable",
      status: "down",
      problems: ["nothing is indexed yet"],
      leading: false,
      standingBy: false,
      indexedBlock: null,
      headBlock: null,
      verifiedBlock: null,
      lagBlocks: null,
      lagSeconds: null,
    });
  });

  it("is ready while the index is at the chain's newest block, however quiet the chain is", async () => {
    await follow();
    const { hash, number } = await head();
    await indexedUpTo(database, hash!);
    expect(await ready()).to.deep.equal({
      code: 200,
      readiness: "ready",
      status: "up",
      problems: [],
      leading: true,
      standingBy: false,
      indexedBlock: number,
      headBlock: number,
      verifiedBlock: number,
      lagBlocks: 0,
      lagSeconds: 0,
    });
    clock.moveSeconds(3_600);
    await eventually("the next answer of the chain", async () => (await ready()).status === "up");
    expect(await ready()).to.include({ code: 200, indexedBlock: number, lagBlocks: 0, lagSeconds: 0 });
  });

  it("is not ready while the index lags, and says by how much; the metrics say the same", async () => {
    await chain.mine(300);
    const { hash, number } = await head();
    // The backfill gets no further than its first ranges.
    const reach = 150;
    node.faults.reject = ({ method, params }) =>
      method === "eth_getLogs" && Number((params[0] as { toBlock: string }).toBlock) > reach
        ? { code: -32000, message: "this node has not got that far" }
        : undefined;
    await follow();
    await eventually("a part of the chain in the index", async () => (await database.checkpoint())?.indexed ?? false);
    clock.moveSeconds(1_000);
    const lagging = await ready();
    expect(lagging).to.include({ code: 503, status: "down", headBlock: number });
    expect(lagging.indexedBlock).to.be.lessThan(reach + 1);
    expect(lagging.lagBlocks).to.equal(number - lagging.indexedBlock!);
    expect(lagging.lagSeconds).to.be.greaterThan(MAX_LAG_SECONDS);
    expect(lagging.problems).to.include(`${lagging.lagBlocks} blocks behind the chain`);
    expect(await metric("lag_blocks")).to.equal(lagging.lagBlocks);
    expect(await metric("lag_seconds")).to.be.greaterThan(MAX_LAG_SECONDS);

    clock.moveSeconds(-1_000);
    delete node.faults.reject;
    await indexedUpTo(database, hash!);
    expect(await ready()).to.include({ code: 200, lagBlocks: 0, lagSeconds: 0 });
    expect([await metric("lag_blocks"), await metric("lag_seconds")]).to.deep.equal([0, 0]);
  });

  it("is not ready while the chain does not answer, though the process lives", async () => {
    await follow();
    await indexedUpTo(database, (await head()).hash!);
    let dropped = 0;
    node.faults.exchange = () => {
      dropped += 1;
      return "drop";
    };
    // An answer that was under way when the node went silent still counts, at the time it is written.
    await eventually("a request without an answer", () => dropped > 0);
    clock.moveSeconds(MAX_LAG_SECONDS + 30);
    await expectStays(async () => {
      const cutOff = await ready();
      expect(cutOff).to.include({ code: 503, status: "down", leading: true });
      expect(cutOff.problems.join()).to.match(/no answer from the chain for \d+ s/);
    });
    expect((await get("/health/live")).status).to.equal(200);
  });

  it("is not ready when the chain's newest block is below the index, and is again when the chain has caught up", async () => {
    await follow();
    const { hash, number } = await head();
    await indexedUpTo(database, hash!);
    node.faults.knownHead = () => number - 1;
    // The chain's own clock is ahead by the blocks that were mined at once.
    clock.moveSeconds(1_000);
    const problem = `the chain's newest block is ${number - 1}, below the index at block ${number}`;
    await eventually("the low head to be told", async () => (await ready()).problems.includes(problem));
    expect(await ready()).to.include({ code: 503, indexedBlock: number, headBlock: number - 1 });
    delete node.faults.knownHead;
    await eventually("readiness", async () => (await ready()).code === 200);
    expect(await ready()).to.include({ headBlock: number });
  });

  it("waits for a chain that answers nothing, or 429, from the start on, and says so", async () => {
    const faults: Record<string, ExchangeFault> = { silent: "hang", busy: "429" };
    for (const [name, fault] of Object.entries(faults)) {
      const waiting = await startFaultyRpc(chain.url, { exchange: () => fault });
      const own = await connectIndexDatabase(`boot_${name}`);
      const script = await startScript("indexer/main.ts", [], {
        ...indexerEnvironment(chain, own),
        RPC_URL: waiting.url,
        INDEXER_PORT: "0",
        INDEXER_RPC_TIMEOUT_MS: "300",
      });
      processes.push(script);
      try {
        await eventually("the reason", () => script.stdout().includes("starting while RPC_URL does not answer"));
        expect(script.stdout()).not.to.include('"ready":true');
        delete waiting.faults.exchange;
        await eventually("the indexer", () => script.stdout().includes("Indexer follows the chain"));
      } finally {
        await script.kill("SIGKILL");
        await waiting.stop();
        await own.drop();
      }
    }
    await serve();
  });

  it("stands by without being ready while the index lags, though another process leads", async () => {
    await chain.mine(300);
    node.faults.reject = ({ method, params }) =>
      method === "eth_getLogs" && Number((params[0] as { toBlock: string }).toBlock) > 150
        ? { code: -32000, message: "this node has not got that far" }
        : undefined;
    await follow();
    await eventually("a part of the chain in the index", async () => (await database.checkpoint())?.indexed ?? false);
    const script = await startScript("indexer/main.ts", [], indexerEnvironment(chain, database));
    processes.push(script);
    await eventually("the standby", () => script.stdout().includes("this one stands by"));
    expect(script.stdout()).not.to.include('"ready":true');
    delete node.faults.reject;
    await eventually("a ready standby", () => script.stdout().includes("Indexer stands by for another that leads"));
  });

  it("is not ready when new blocks are seen but cannot be fetched", async () => {
    await follow();
    await indexedUpTo(database, (await head()).hash!);
    node.faults.reject = ({ method }) =>
      method === "eth_getLogs" ? { code: -32000, message: "the log index is corrupt" } : undefined;
    const { number } = await head();
    const alice = chain.accounts[8]!;
    const registry = await chain.didRegistry(alice);
    await (await registry.registerDID(`did:mychain:${alice}`, "https://a.example/did.json")).wait();
    await eventually("the new block to be seen", async () => (await metric("head_block"))! > number);
    clock.moveSeconds(MAX_LAG_SECONDS + 30);
    await expectStays(async () =>
      expect(await ready()).to.include({ code: 503, status: "down", indexedBlock: number }),
    );
  });

  it("has metrics of lag, events, reorgs, errors by kind, retries and the lease", async () => {
    const faults: ExchangeFault[] = ["500", "pass", "429", "pass", "500", "500", "pass", "pass", "hang"];
    node.faults.exchange = () => faults.shift() ?? "pass";
    const snapshot = await chain.snapshot();
    await randomActivity(chain, seededRandom(6), 5);
    await follow();
    await indexedUpTo(database, (await head()).hash!);
    expect(await metric("events_total")).to.equal(await database.collections.events.countDocuments());
    expect(await metric("reorgs_total")).to.equal(0);
    await chain.revert(snapshot);
    await randomActivity(chain, seededRandom(7), 7);
    const { hash, number } = await head();
    await indexedUpTo(database, hash!);

    expect(await metric("reorgs_total")).to.equal(1);
    expect(await metric("reorg_depth_blocks_count")).to.equal(1);
    expect(await metric("reorg_depth_blocks_sum")).to.equal(5);
    expect(await metric("rpc_errors_total", 'kind="http"')).to.be.greaterThan(0);
    expect(await metric("rpc_errors_total", 'kind="quota"')).to.be.greaterThan(0);
    expect(await metric("rpc_errors_total", 'kind="timeout"')).to.be.greaterThan(0);
    expect(await metric("rpc_retries_total")).to.be.greaterThan(0);
    for (const block of ["head_block", "indexed_block"]) expect(await metric(block), block).to.equal(number);
    await eventually("the verified height", async () => (await metric("verified_block")) === number);
    expect([await metric("lag_blocks"), await metric("lag_seconds")]).to.deep.equal([0, 0]);
    expect([await metric("leading"), await metric("lease_term")]).to.deep.equal([1, 1]);
    const endpoint = `endpoint="${new URL(node.url).host}"`;
    // Of one answer: the indexer goes on asking between two.
    const text = await (await get("/metrics")).text();
    expect(valueIn(text, "rpc_requests_total", endpoint))
      .to.equal(valueIn(text, "rpc_requests_total"))
      .and.to.be.greaterThan(0);
    expect((await get("/metrics")).headers.get("content-type")).to.include("text/plain");
  });

  it("is unavailable while the database does not answer, keeps its other metrics, and knows no other paths", async () => {
    const mongo = await connectMongo({ uri: database.uri, name: "closed" });
    await mongo.close();
    await serve(createMetrics(), mongo);
    const answer = await get("/health/ready");
    expect(answer.status).to.equal(503);
    const { status, dependencies } = (await answer.json()) as Readiness;
    expect(status).to.equal("unavailable");
    expect([dependencies["mongo"]?.status, dependencies["index"]?.status]).to.deep.equal(["down", "down"]);
    const lag = [await metric("lag_blocks"), await metric("lag_seconds")];
    expect(lag, "numbers that cannot be read").to.deep.equal([Number.NaN, Number.NaN]);
    expect(await metric("reorgs_total")).to.equal(0);
    expect((await get("/health/live")).status).to.equal(200);
    expect((await get("/nothing")).status).to.equal(404);
    const posted = await fetch(`http://127.0.0.1:${server.port}/health/live`, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).to.deep.equal([405, "GET, HEAD"]);
  });

  it("shows which of two ready indexers leads, and that the standby leads when the leader ends", async () => {
    const start = async () => {
      const script = await startScript("indexer/main.ts", [], indexerEnvironment(chain, database));
      processes.push(script);
      const port = await eventually("a ready indexer", () => /"ready":true,"port":(\d+)/.exec(script.stdout())?.[1]);
      return { script, port: Number(port) };
    };
    await serve();
    const leader = await start();
    const standby = await start();
    await indexedUpTo(database, (await head()).hash!);
    expect(await ready(leader.port)).to.include({ code: 200, leading: true });
    expect(await ready(standby.port)).to.include({ code: 200, leading: false, standingBy: true });
    expect(standby.script.stdout()).to.include("Indexer stands by for another that leads");
    const holder = (await database.checkpoint())!.lease.holder!;
    const named = `cairn_indexer_lease_holder{holder="${holder}"} 1`;
    for (const { port } of [leader, standby]) {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(metrics.split("\n").filter((line) => line.startsWith("cairn_indexer_lease_holder"))).to.deep.equal([
        named,
      ]);
    }
    const ended = await leader.script.kill("SIGTERM");
    expect(ended).to.include({ code: 0, stderr: "" });
    await eventually("the standby to lead", async () => (await ready(standby.port)).leading);
    await randomActivity(chain, seededRandom(9), 2);
    const { hash, number } = await head();
    await indexedUpTo(database, hash!);
    expect(await ready(standby.port)).to.include({ code: 200, leading: true, indexedBlock: number });
  });
});

/** The sum of a metric's values in a text of metrics, of those with the label when one is given. */
function valueIn(text: string, name: string, label = ""): number | undefined {
  const full = `cairn_indexer_${name}`;
  const found = text.split("\n").filter((line) => line.startsWith(full) && line.includes(label));
  const values = found.filter((line) => /^[{ ]/.test(line.slice(full.length)));
  return values.length === 0 ? undefined : values.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** Asserts now, and again and again for a second: long enough for many polls of the chain. */
async function expectStays(assertion: () => Promise<unknown>): Promise<void> {
  for (let time = 0; time < 10; time += 1) {
    await assertion();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
