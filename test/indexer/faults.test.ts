import { expect } from "chai";
import { createProjection } from "../../projection/queries";
import { type DevChain, startDevChain } from "../support/devChain";
import { eventually } from "../support/eventually";
import { type FaultyRpc, startFaultyRpc, type ExchangeFault } from "../support/faultyRpc";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../support/indexerHarness";
import { seededRandom, randomActivity } from "../support/randomActivity";
import { expectIndexEqualsChain } from "../support/referenceFold";

interface SomeLog {
  blockNumber: string;
  blockHash: string;
  logIndex: string;
  address: string;
  topics: string[];
}

describe("nodes with faults", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let faulty: FaultyRpc;
  let indexer: RunningIndexer | undefined;

  before(async () => {
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(42), 40);
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("faults");
    faulty = await startFaultyRpc(chain.url);
  });

  afterEach(async () => {
    await indexer?.stop();
    indexer = undefined;
    await faulty.stop();
    await database.drop();
  });

  function index(rpcUrls = [faulty.url]): RunningIndexer {
    indexer = startIndexer({ database, rpcUrls, deployment: () => chain.deployment, rpcTimeoutMs: 300 });
    return indexer;
  }

  async function indexEqualsChain(): Promise<void> {
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await expectIndexEqualsChain(database, chain);
  }

  const errorCount = async (kind: string) =>
    (await indexer!.metrics.errors.get()).values
      .filter(({ labels }) => labels.kind === kind)
      .reduce((sum, { value }) => sum + value, 0);

  const exchangeFaults: ExchangeFault[] = ["hang", "429", "500", "half answer", "not json", "drop", "missing answers"];
  for (const fault of exchangeFaults) {
    it(`are asked again after: ${fault}`, async () => {
      let exchange = 0;
      faulty.faults.exchange = () => (exchange++ % 3 === 0 ? fault : "pass");
      index();
      await randomActivity(chain, seededRandom(7), 3);
      await indexEqualsChain();
    });
  }

  it("are passed over for another endpoint while they are down, and the index stays current", async () => {
    faulty.faults.exchange = () => "500";
    index([faulty.url, chain.url]);
    await indexEqualsChain();
    expect(await errorCount("http")).to.be.greaterThan(0);
  });

  // In the words of the providers; the causes differ, what helps is the same.
  const limits: [string, { code: number; message: string }][] = [
    ["Infura", { code: -32005, message: "query returned more than 10000 results" }],
    [
      "Alchemy",
      {
        code: -32602,
        message: "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
      },
    ],
    ["QuickNode", { code: -32614, message: "eth_getLogs is limited to a 5 range" }],
    ["Ankr", { code: -32000, message: "block range is too wide" }],
    ["BlockPI", { code: -32602, message: "eth_getLogs block range too large, range: 10, max: 5" }],
    ["geth", { code: -32000, message: "query timeout exceeded" }],
    [
      "Cloudflare",
      { code: -32047, message: "Invalid eth_getLogs request. 'fromBlock'-'toBlock' range too large. Max range: 5" },
    ],
    ["Erigon", { code: -32000, message: "response body is too large" }],
    ["Base", { code: -32614, message: "block range greater than 5 max" }],
  ];
  for (const [provider, error] of limits) {
    it(`are asked for smaller ranges when they ask for it as ${provider} does`, async () => {
      faulty.faults.reject = ({ method, params }) => {
        if (method !== "eth_getLogs") return undefined;
        const { fromBlock, toBlock } = params[0] as { fromBlock?: string; toBlock?: string };
        return Number(toBlock) - Number(fromBlock) >= 5 ? error : undefined;
      };
      index();
      await indexEqualsChain();
      expect(await errorCount("too_large")).to.be.greaterThan(0);
    });
  }

  it("that reject the logs of a single block as too many are asked for its receipts", async () => {
    faulty.faults.reject = ({ method }) =>
      method === "eth_getLogs" ? { code: -32005, message: "query returned more than 1 results" } : undefined;
    index();
    await indexEqualsChain();
  });

  it("that send every log twice add nothing to the index", async () => {
    faulty.faults.alter = ({ method }, result) =>
      method === "eth_getLogs" ? (result as SomeLog[]).flatMap((log) => [log, log]) : result;
    index();
    await indexEqualsChain();
  });

  it("that leave out any single log are noticed, and the log is found elsewhere", async () => {
    const all = (await chain.rpc("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })) as SomeLog[];
    const ours = Object.values(chain.deployment.contracts).map(({ address }) => address.toLowerCase());
    const logs = all.filter(({ address }) => ours.includes(address));
    // Each in turn, in runs that leave out every seventh: the whole list is covered.
    for (let turn = 0; turn < 7; turn += 1) {
      const hidden = new Set(
        logs.filter((_, at) => at % 7 === turn).map(({ blockHash, logIndex }) => blockHash + logIndex),
      );
      faulty.faults.alter = ({ method }, result) =>
        method === "eth_getLogs"
          ? (result as SomeLog[]).filter(({ blockHash, logIndex }) => !hidden.has(blockHash + logIndex))
          : result;
      index();
      await indexEqualsChain();
      await indexer?.stop();
      await database.drop();
      database = await connectIndexDatabase("faults");
    }
  });

  it("that leave out a log and its receipt too make every answer unverified, until another endpoint has it", async () => {
    const all = (await chain.rpc("eth_getLogs", { fromBlock: "0x0", toBlock: "latest" })) as SomeLog[];
    const registry = chain.deployment.contracts.DIDRegistry.address.toLowerCase();
    const hidden = all.filter(({ address }) => address === registry).at(-1)!;
    const without = (logs: SomeLog[]) =>
      logs.filter(({ blockHash, logIndex }) => blockHash !== hidden.blockHash || logIndex !== hidden.logIndex);
    faulty.faults.alter = ({ method }, result) => {
      if (method === "eth_getLogs") return without(result as SomeLog[]);
      if (method === "eth_getTransactionReceipt" && result !== null) {
        const receipt = result as { logs: SomeLog[]; blockHash: string; logsBloom: string };
        const logs = without(receipt.logs);
        return { ...receipt, logs, ...(logs.length < receipt.logs.length && { logsBloom: `0x${"0".repeat(512)}` }) };
      }
      return result;
    };
    index();
    const reader = createProjection(database.mongo);
    const subject = `0x${hidden.topics[1]!.slice(26)}`;
    const head = (await chain.provider.getBlock("latest"))!;
    await eventually("the head in the index", async () => (await database.checkpoint())?.indexed?.hash === head.hash);
    const unverified = await eventually("an unverified answer", async () => {
      const found = await reader.findDid(subject);
      return found.unverifiedReason === null ? undefined : found;
    });
    expect(unverified.unverifiedReason).to.be.a("string");
    faulty.faults.alter = (_call, result) => result;
    await eventually("a verified answer", async () => (await reader.findDid(subject)).unverifiedReason === null);
    await indexEqualsChain();
  });

  it("that change a block's hash are not used", async () => {
    let altered = 0;
    faulty.faults.alter = ({ method }, result) => {
      if (method !== "eth_getLogs" || (result as SomeLog[]).length === 0 || altered++ > 4) return result;
      return (result as SomeLog[]).map((log) => ({ ...log, blockHash: `0x${"ab".repeat(32)}` }));
    };
    index();
    await indexEqualsChain();
    expect(await errorCount("inconsistent")).to.be.greaterThan(0);
  });

  it("that invent a log are not used", async () => {
    let altered = 0;
    faulty.faults.alter = ({ method }, result) => {
      const logs = result as SomeLog[];
      if (method !== "eth_getLogs" || logs.length === 0 || altered++ > 4) return result;
      return [...logs, { ...logs[0]!, logIndex: "0xff" }];
    };
    index();
    await indexEqualsChain();
  });

  it("that lag behind what is indexed drop nothing", async () => {
    index();
    await indexEqualsChain();
    const before = (await database.checkpoint())!;
    faulty.faults.knownHead = () => before.indexed!.number - 5;
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = (await database.checkpoint())!;
    expect(after.indexed).to.deep.equal(before.indexed);
    expect(after.rewinds).to.equal(before.rewinds);
    await randomActivity(chain, seededRandom(21), 3);
    faulty.faults.knownHead = () => undefined;
    await indexEqualsChain();
  });

  it("that stop following the chain are noticed when another endpoint goes on", async () => {
    index([faulty.url, chain.url]);
    await indexEqualsChain();
    const known = await chain.blockNumber();
    faulty.faults.knownHead = () => known;
    await randomActivity(chain, seededRandom(22), 3);
    await indexEqualsChain();
  });
});
