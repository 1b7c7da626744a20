import { ZeroHash } from "ethers";
import { type CrashPoint, CRASH_POINTS } from "../../indexer/write/crashPoints";
import { type DevChain, startDevChain } from "../support/devChain";
import { type Faults, startFaultyRpc } from "../support/faultyRpc";
import { type IndexDatabase, indexedUpTo, connectIndexDatabase, startIndexer } from "../support/indexerHarness";
import { type IndexerProcess, spawnIndexer } from "../support/indexerProcess";
import { seededRandom, randomActivity } from "../support/randomActivity";
import { expectIndexEqualsChain } from "../support/referenceFold";

/** What leads to each crash point; a point without an entry here does not compile. */
const LEADS_TO: Record<CrashPoint, "new blocks" | "a reorg" | "a log found later" | "a reset"> = {
  "lease acquired": "new blocks",
  "index recovered": "new blocks",
  "events written": "new blocks",
  "projection written": "new blocks",
  "blocks written": "new blocks",
  "cursor written": "new blocks",
  "cursor rewound": "a reorg",
  "events dropped": "a reorg",
  "projection refolded": "a reorg",
  "blocks dropped": "a reorg",
  "log repaired": "a log found later",
  "index emptied": "a reset",
};
const SIMPLE = CRASH_POINTS.filter((point) => LEADS_TO[point] === "new blocks");
const AFTER_REORG = CRASH_POINTS.filter((point) => LEADS_TO[point] === "a reorg");

describe("an indexer that is killed", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let process: IndexerProcess | undefined;

  before(async () => {
    chain = await startDevChain();
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("crash");
  });

  afterEach(async () => {
    await process?.end();
    process = undefined;
    await database.drop();
  });

  /** A successor in this process takes the lease and makes the index equal to the chain. */
  async function successorCompletes(): Promise<void> {
    const successor = startIndexer({
      database,
      rpcUrls: [chain.url],
      deployment: () => chain.deployment,
      reindexOnReset: true,
    });
    try {
      const head = (await chain.provider.getBlock("latest"))!;
      await indexedUpTo(database, head.hash!);
      await expectIndexEqualsChain(database, chain);
    } finally {
      await successor.stop();
    }
  }

  for (const [index, point] of SIMPLE.entries()) {
    it(`when "${point}" leaves an index that its successor completes`, async () => {
      await randomActivity(chain, seededRandom(index), 8);
      process = await spawnIndexer({ chain, database, at: point });
      await process.exited;
      await randomActivity(chain, seededRandom(100 + index), 2);
      await successorCompletes();
    });
  }

  for (const [index, point] of AFTER_REORG.entries()) {
    it(`during a reorg, when "${point}", leaves an index that its successor completes`, async () => {
      await randomActivity(chain, seededRandom(200 + index), 2);
      const snapshot = await chain.snapshot();
      await randomActivity(chain, seededRandom(300 + index), 6);
      // The first time these points come is at the start, when what was left above the cursor is removed.
      process = await spawnIndexer({ chain, database, at: point, occurrence: point === "cursor rewound" ? 1 : 2 });
      await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
      await chain.revert(snapshot);
      await randomActivity(chain, seededRandom(400 + index), 7);
      await process.exited;
      await successorCompletes();
    });
  }

  it('when "log repaired", having found what a node had left out, leaves an index that its successor completes', async () => {
    await randomActivity(chain, seededRandom(800), 4);
    const alice = chain.accounts[9]!;
    const registry = await chain.didRegistry(alice);
    await (await registry.registerDID(`did:mychain:${alice}`, "https://a.example/1.json")).wait();
    const { blockHash } = (await (await registry.cancelNonces(alice, ZeroHash, 1)).wait())!;
    await randomActivity(chain, seededRandom(802), 4);
    // A chain whose filters are empty proves nothing of a block without logs: only the identity's counters do.
    const node = await startFaultyRpc(chain.url, { alter: withoutFilters(blockHash) });
    try {
      process = await spawnIndexer({ chain, database, rpcUrl: node.url, at: "log repaired" });
      await process.exited;
      await randomActivity(chain, seededRandom(801), 2);
      await successorCompletes();
    } finally {
      await node.stop();
    }
  });

  it('while it starts over after a reset, when "index emptied", leaves an index that its successor completes', async () => {
    process = await spawnIndexer({ chain, database, at: "index emptied" });
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await chain.reset();
    await randomActivity(chain, seededRandom(900), 3);
    await process.exited;
    await successorCompletes();
  });
});

/** Answers of a chain that leaves its headers' filters empty, by a node that leaves a block's logs out. */
function withoutFilters(leftOut: string): NonNullable<Faults["alter"]> {
  return ({ method, params }, result) => {
    if (method === "eth_getBlockByNumber" && result !== null) return { ...result, logsBloom: `0x${"0".repeat(512)}` };
    if (method !== "eth_getLogs" || "topics" in (params[0] as object)) return result;
    return (result as { blockHash: string }[]).filter(({ blockHash }) => blockHash !== leftOut);
  };
}
