import { type Step, STEPS } from "../../indexer/steps";
import { type DevChain, startDevChain } from "../support/devChain";
import { type IndexDatabase, indexedUpTo, openIndexDatabase, startIndexer } from "../support/indexerHarness";
import { type IndexerProcess, spawnIndexer } from "../support/indexerProcess";
import { diceOf, randomActivity } from "../support/randomActivity";
import { expectIndexEqualsChain } from "../support/referenceFold";

/** Steps that only a reorg or a reset leads to, and the one that only a repair does, which has a test of its own. */
const AFTER_REORG: Step[] = ["cursor rewound", "events dropped", "projection refolded", "blocks dropped"];
const SIMPLE = STEPS.filter((step) => !AFTER_REORG.includes(step) && step !== "log repaired" && step !== "index wiped");

describe("an indexer that is killed", function () {
  this.timeout(60_000);
  let chain: DevChain;
  let database: IndexDatabase;
  let process: IndexerProcess | undefined;

  before(async () => {
    chain = await startDevChain();
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await openIndexDatabase("crash");
  });

  afterEach(async () => {
    await process?.end();
    process = undefined;
    await database.drop();
  });

  /** A successor in this process takes the lease and makes the index equal to the chain. */
  async function successorMends(): Promise<void> {
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

  for (const [index, step] of SIMPLE.entries()) {
    it(`when "${step}" leaves an index that its successor completes`, async () => {
      await randomActivity(chain, diceOf(index), 8);
      process = spawnIndexer({ chain, database, at: step });
      await process.exited;
      await randomActivity(chain, diceOf(100 + index), 2);
      await successorMends();
    });
  }

  for (const [index, step] of AFTER_REORG.entries()) {
    it(`during a reorg, when "${step}", leaves an index that its successor completes`, async () => {
      await randomActivity(chain, diceOf(200 + index), 2);
      const snapshot = await chain.snapshot();
      await randomActivity(chain, diceOf(300 + index), 6);
      // The first time these steps come is at the start, when what was left above the cursor is removed.
      process = spawnIndexer({ chain, database, at: step, occurrence: step === "cursor rewound" ? 1 : 2 });
      await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
      await chain.revert(snapshot);
      await randomActivity(chain, diceOf(400 + index), 7);
      await process.exited;
      await successorMends();
    });
  }

  it('while it starts over after a reset, when "index wiped", leaves an index that its successor completes', async () => {
    process = spawnIndexer({ chain, database, at: "index wiped" });
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await chain.reset();
    await randomActivity(chain, diceOf(900), 3);
    await process.exited;
    await successorMends();
  });
});
