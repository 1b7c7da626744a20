import { expect } from "chai";
import { type DevChain, startDevChain } from "../../support/devChain";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../../support/indexerHarness";
import { type SeededRandom, seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";
import { type CrashPoint, CRASH_POINTS } from "../../../indexer/write/crashPoints";

/** How many random sequences are played; the nightly run takes 1,000. */
const SEQUENCES = Number(process.env["CAIRN_REORG_SEQUENCES"] ?? 12);
const SEED = Number(process.env["CAIRN_REORG_SEED"] ?? 20_260_101);

describe("reorgs", function () {
  this.timeout(300_000 + SEQUENCES * 10_000);
  let chain: DevChain;
  let database: IndexDatabase;
  let indexer: RunningIndexer;
  let failAt: CrashPoint | undefined;

  const start = () =>
    startIndexer({
      database,
      rpcUrls: [chain.url],
      deployment: () => chain.deployment,
      pollMs: 50,
      reindexOnReset: true,
      onCrashPoint(point) {
        if (point !== failAt) return;
        failAt = undefined;
        throw new Error(`fails when ${point}`);
      },
    });

  before(async () => {
    chain = await startDevChain();
    database = await connectIndexDatabase("reorg");
    indexer = start();
  });

  after(async () => {
    await indexer.stop();
    await database.drop();
    await chain.stop();
  });

  async function indexEqualsChain(): Promise<void> {
    const head = (await chain.provider.getBlock("latest"))!;
    await indexedUpTo(database, head.hash!, 60_000);
    await expectIndexEqualsChain(database, chain);
  }

  /** Some blocks, then back before the last `depth` of them, then others; sometimes fewer than there were. */
  async function reorganise(random: SeededRandom, depth: number, watched = true): Promise<void> {
    const snapshot = await chain.snapshot();
    await randomActivity(chain, random, Math.min(depth, 12));
    if (depth > 12) await chain.mine(depth - 12);
    if (random(2) === 0 && watched) await indexEqualsChain();
    await chain.revert(snapshot);
    await randomActivity(chain, random, 1 + random(Math.min(depth + 2, 12)));
  }

  it(`equals a replay from genesis after each of ${SEQUENCES} random sequences`, async () => {
    for (let sequence = 0; sequence < SEQUENCES; sequence += 1) {
      const seed = SEED + sequence;
      const random = seededRandom(seed);
      try {
        await randomActivity(chain, random, 1 + random(6));
        if (random(3) > 0) await reorganise(random, 1 + random(random(4) === 0 ? 64 : 8));
        if (random(3) === 0) failAt = CRASH_POINTS[random(CRASH_POINTS.length)];
        if (random(5) === 0) {
          await indexer.stop();
          await reorganise(random, 1 + random(8), false);
          indexer = start();
        }
        if (random(60) === 59) await chain.mine(100);
        await randomActivity(chain, random, random(3));
        await indexEqualsChain();
      } catch (error) {
        throw new Error(`sequence ${sequence} failed; repeat it with CAIRN_REORG_SEED=${seed}`, { cause: error });
      }
    }
  });

  for (const depth of [250, 1_000]) {
    it(`follows a reorg of ${depth} blocks`, async () => {
      const random = seededRandom(depth);
      await randomActivity(chain, random, 5);
      const snapshot = await chain.snapshot();
      await randomActivity(chain, random, 10);
      await chain.mine(depth - 10);
      await indexEqualsChain();
      await chain.revert(snapshot);
      await randomActivity(chain, random, 10);
      await chain.mine(depth);
      await indexEqualsChain();
    });
  }

  it("treats a node that knows fewer blocks as stale, and drops nothing", async () => {
    await randomActivity(chain, seededRandom(3), 4);
    await indexEqualsChain();
    const before = await database.checkpoint();
    const snapshot = await chain.snapshot();
    await randomActivity(chain, seededRandom(4), 6);
    await indexEqualsChain();
    const indexed = (await database.checkpoint())?.indexed;
    await chain.revert(snapshot);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect((await database.checkpoint())?.indexed).to.deep.equal(indexed);
    expect((await database.checkpoint())?.rewinds).to.equal(before?.rewinds);
    await randomActivity(chain, seededRandom(5), 1);
    await indexEqualsChain();
  });

  it("starts over when a development chain was reset", async () => {
    await indexEqualsChain();
    await chain.reset();
    await randomActivity(chain, seededRandom(7), 5);
    await indexEqualsChain();
  });
});
