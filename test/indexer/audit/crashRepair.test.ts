import { expect } from "chai";
import { systemClock } from "../../../core/clock";
import { createLease } from "../../../indexer/write/lease";
import { contractsOf, identifyChain } from "../../../indexer/sync/identify";
import { createMetrics } from "../../../indexer/metrics";
import { repair } from "../../../indexer/audit/repair";
import { createSource, type Source } from "../../../indexer/rpc/source";
import { type DevChain, startDevChain } from "../../support/devChain";
import { indexerEnvironment, runScript } from "../../support/indexerCommand";
import {
  type IndexDatabase,
  indexedUpTo,
  recordingLogger,
  connectIndexDatabase,
  startIndexer,
} from "../../support/indexerHarness";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

describe("a repair that is killed", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let source: Source;
  const { logger } = recordingLogger();

  before(async () => {
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(5), 30);
    database = await connectIndexDatabase("crash_repair");
    const indexer = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment });
    await indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
    await indexer.stop();
    const stopping = new AbortController().signal;
    source = createSource({ urls: [chain.url], timeoutMs: 5_000, metrics: createMetrics(), logger, stopping });
  });

  after(async () => {
    source.close();
    await database.drop();
    await chain.stop();
  });

  /** A log that is missing, one that is wrong, one that nobody emitted, and wrong documents of each kind. */
  async function corrupt(): Promise<void> {
    const { events, dids, issuers, words } = database.collections;
    const [missing, wrong, twice] = await events.find({}).sort({ position: -1 }).limit(3).toArray();
    await events.deleteOne({ _id: missing!._id });
    await events.updateOne({ _id: wrong!._id }, { $set: { subject: twice!.subject, name: twice!.name } });
    await events.insertOne({ ...twice!, _id: `${twice!._id}9` });
    await dids.updateMany({}, { $set: { documentUri: "https://elsewhere.example" } });
    await issuers.deleteMany({});
    await words.updateMany({}, { $set: { bits: `0x${"f".repeat(64)}` } });
  }

  const repairKilledAfter = (changes: number) =>
    runScript("test/support/crashingRepair.ts", [String(changes)], indexerEnvironment(chain, database));

  async function repairAgain(): Promise<void> {
    const identity = await identifyChain(source, chain.deployment);
    const lease = createLease({ ...database, identity, holder: "next", leaseSeconds: 60, clock: systemClock });
    const term = (await lease.acquire({ force: true }))!;
    const contracts = contractsOf(chain.deployment);
    const { left } = await repair({ ...database, source, contracts, logger, term, report: () => undefined });
    expect(left, "after one repair").to.equal(0);
  }

  it("after any of its writes leaves an index that repairing again corrects", async () => {
    let changes = 1;
    for (; ; changes += 1) {
      await corrupt();
      const killed = await repairKilledAfter(changes);
      if (killed.signal === null) break;
      expect(killed, `killed after change ${changes}`).to.include({ signal: "SIGKILL", stderr: "" });
      await repairAgain();
      await expectIndexEqualsChain(database, chain);
    }
    // The last one had fewer changes to make, and was not killed.
    await repairAgain();
    await expectIndexEqualsChain(database, chain);
    expect(changes, "a repair of all this takes several writes").to.be.greaterThan(4);
  });
});
