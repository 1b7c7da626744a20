import { expect } from "chai";
import { createProjection } from "../../../projection/queries";
import { type DevChain, startDevChain } from "../../support/devChain";
import { eventually } from "../../support/eventually";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../../support/indexerHarness";
import { type IndexerProcess, spawnIndexer } from "../../support/indexerProcess";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

describe("several indexers", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  const processes: IndexerProcess[] = [];
  const standbys: RunningIndexer[] = [];

  before(async () => {
    chain = await startDevChain();
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("replicas");
  });

  afterEach(async () => {
    for (const process of processes.splice(0)) await process.end();
    for (const standby of standbys.splice(0)) await standby.stop();
    await database.drop();
  });

  const lead = async (options: Partial<Parameters<typeof spawnIndexer>[0]> = {}) => {
    const process = await spawnIndexer({ chain, database, ...options });
    processes.push(process);
    return process;
  };
  const standBy = () => {
    const standby = startIndexer({
      database,
      rpcUrls: [chain.url],
      deployment: () => chain.deployment,
      leaseSeconds: 1,
    });
    standbys.push(standby);
    return standby;
  };
  const leaders = async () =>
    (await Promise.all(standbys.map(async ({ metrics }) => (await metrics.leading.get()).values[0]?.value))).filter(
      (value) => value === 1,
    ).length;

  it("have one leader, which another replaces within seconds of its end", async () => {
    const leader = await lead();
    await eventually("a leader", async () => (await database.checkpoint())?.lease.holder);
    standBy();
    standBy();
    await randomActivity(chain, seededRandom(1), 4);
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    expect(await leaders()).to.equal(0);
    const { term } = (await database.checkpoint())!.lease;
    await leader.end();
    await randomActivity(chain, seededRandom(2), 4);
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!, 5_000);
    expect((await database.checkpoint())!.lease.term).to.be.greaterThan(term);
    expect(await leaders()).to.equal(1);
    await expectIndexEqualsChain(database, chain);
  });

  it("replace a leader at once that was stopped in order", async () => {
    const first = startIndexer({
      database,
      rpcUrls: [chain.url],
      deployment: () => chain.deployment,
      leaseSeconds: 60,
    });
    await eventually("a leader", async () => (await database.checkpoint())?.lease.holder);
    await first.stop();
    standBy();
    await randomActivity(chain, seededRandom(3), 2);
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!, 5_000);
  });

  for (const point of ["events written", "projection written", "blocks written"] as const) {
    it(`do not let a leader that was suspended at "${point}" write when it resumes, across a reorg`, async () => {
      await randomActivity(chain, seededRandom(10), 2);
      const snapshot = await chain.snapshot();
      await randomActivity(chain, seededRandom(11), 5);
      const suspended = await lead({ at: point, signal: "SIGSTOP" });
      await suspended.reached;
      standBy();
      await chain.revert(snapshot);
      await randomActivity(chain, seededRandom(12), 7);
      await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
      const index = createProjection(database.mongo);
      const before = await Promise.all(chain.accounts.slice(1, 8).map((account) => index.findDid(account)));
      suspended.child.kill("SIGCONT");
      await eventually("the resumed leader to notice", () =>
        suspended.output.join("").includes("acquired by another process"),
      );
      const after = await Promise.all(chain.accounts.slice(1, 8).map((account) => index.findDid(account)));
      expect(after.map(({ state }) => state)).to.deep.equal(before.map(({ state }) => state));
      // Nor does anything of it count later on.
      await randomActivity(chain, seededRandom(13), 6);
      await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
      await expectIndexEqualsChain(database, chain);
    });
  }
});
