import { type DevChain, startDevChain } from "../../support/devChain";
import { eventually } from "../../support/eventually";
import { type FaultyRpc, startFaultyRpc } from "../../support/faultyRpc";
import { type IndexDatabase, indexedUpTo, connectIndexDatabase, startIndexer } from "../../support/indexerHarness";
import { type IndexerProcess, spawnIndexer } from "../../support/indexerProcess";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

const EMPTY_FILTER = `0x${"0".repeat(512)}`;

interface NodeLog {
  blockHash: string;
}

describe("blocks whose filters prove nothing", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let node: FaultyRpc;
  let killed: IndexerProcess | undefined;

  beforeEach(async () => {
    chain = await startDevChain();
    database = await connectIndexDatabase("filters");
    node = await startFaultyRpc(chain.url);
  });

  afterEach(async () => {
    await killed?.end();
    await node.stop();
    await database.drop();
    await chain.stop();
  });

  it("are indexed all the same on a chain that leaves every header's filter empty", async () => {
    node.faults.alter = ({ method }, result) =>
      method === "eth_getBlockByNumber" && result !== null ? { ...result, logsBloom: EMPTY_FILTER } : result;
    const indexer = startIndexer({ database, rpcUrls: [node.url], deployment: () => chain.deployment });
    for (let block = 0; block < 20; block += 1) {
      await randomActivity(chain, seededRandom(block), 1);
      await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    }
    await indexer.stop();
    await expectIndexEqualsChain(database, chain);
  });

  it("of which a node withheld the logs are completed after a kill at the very moment of their repair", async () => {
    const alice = chain.accounts[9]!;
    const registry = await chain.didRegistry(alice);
    const sent = await registry.registerDID(`did:mychain:${alice}`, "https://a.example/did.json");
    const { blockHash } = (await sent.wait())!;
    const without = (logs: NodeLog[]) => logs.filter((log) => log.blockHash !== blockHash);
    // Neither its logs nor its receipts: nothing proves the block complete, so it is marked as incomplete.
    node.faults.alter = ({ method }, result) => {
      if (method === "eth_getLogs") return without(result as NodeLog[]);
      if (method !== "eth_getTransactionReceipt" || result === null) return result;
      const receipt = result as { logs: NodeLog[] };
      const logs = without(receipt.logs);
      return logs.length === receipt.logs.length ? receipt : { ...receipt, logs, logsBloom: EMPTY_FILTER };
    };
    killed = await spawnIndexer({ chain, database, rpcUrl: node.url, at: "log repaired" });
    await eventually(
      "an incomplete block",
      async () => (await database.checkpoint())?.incompleteBlocks.length === 1,
      30_000,
    );
    delete node.faults.alter;
    await killed.exited;

    const next = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment });
    await eventually("no incomplete block", async () => (await database.checkpoint())?.incompleteBlocks.length === 0);
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await next.stop();
    await expectIndexEqualsChain(database, chain);
  });
});
