import { expect } from "chai";
import { type DevChain, startDevChain } from "../support/devChain";
import { eventually } from "../support/eventually";
import { indexerEnvironment, type Outcome, runScript } from "../support/indexerCommand";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../support/indexerHarness";
import { seededRandom, randomActivity } from "../support/randomActivity";
import { expectIndexEqualsChain } from "../support/referenceFold";

describe("the indexer's commands, as processes", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let indexer: RunningIndexer | undefined;

  before(async () => {
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(5), 30);
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("commands");
  });

  afterEach(async () => {
    await indexer?.stop();
    indexer = undefined;
    await database.drop();
  });

  const run = (command: string, env: NodeJS.ProcessEnv = {}) =>
    runScript("indexer/main.ts", command.split(" "), { ...indexerEnvironment(chain, database), ...env });
  const head = async () => (await chain.provider.getBlock("latest"))!.hash!;

  /** An indexer that leads and has caught up. */
  async function follow(): Promise<RunningIndexer> {
    indexer = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment, leaseSeconds: 1 });
    await indexedUpTo(database, await head());
    return indexer;
  }

  const outcomeOf = ({ code, stdout, stderr }: Outcome) => ({ code, stdout: lines(stdout), stderr: lines(stderr) });

  it("say on an empty database that there is nothing yet, and exit with 1", async () => {
    const [status, audit] = await Promise.all([run("status"), run("audit")]);
    expect(outcomeOf(status)).to.deep.equal({ code: 1, stdout: ["not ready: nothing is indexed yet"], stderr: [] });
    expect(outcomeOf(audit)).to.deep.equal({
      code: 1,
      stdout: [],
      stderr: ["There is no index yet: start the indexer first."],
    });
    expect(await database.checkpoint()).to.equal(null);
    expect(outcomeOf(await run("repair"))).to.deep.equal({
      code: 1,
      stdout: [],
      stderr: ["Nothing is indexed yet: let the indexer run first."],
    });
    expect((await database.checkpoint())?.indexed).to.equal(null);
  });

  it("status shows how far the index is and who leads, in words where there is no block yet", async () => {
    await follow();
    const checkpoint = (await database.checkpoint())!;
    const number = await chain.blockNumber();
    const led = outcomeOf(await run("status"));
    expect(led).to.include({ code: 0 });
    expect(led.stdout.map((line) => line.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"))).to.deep.equal([
      "chain       31337, contracts deployed in block 3",
      `indexed     block ${number} ${await head()}, mined TIME`,
      `chain head  block ${number}, seen TIME`,
      "finalized   none yet",
      `verified    block ${number}`,
      `leader      ${checkpoint.lease.holder} until TIME, term 1`,
      "rewinds     none",
      "ready",
    ]);
    await indexer?.stop();
    expect((await run("status")).stdout).to.include("leader      none at present, term 1\n");
  });

  it("status exits with 1 and says why, when the index is not kept up", async () => {
    await (await follow()).stop();
    await new Promise((resolve) => setTimeout(resolve, 1_600));
    const late = outcomeOf(await run("status", { READY_MAX_LAG_SECONDS: "1" }));
    expect(late.code).to.equal(1);
    expect(late.stdout.at(-1)).to.match(/^not ready: .*no answer from the chain for \d+ s$/);
  });

  it("audit finds what was corrupted, repair corrects it, and both then find nothing", async () => {
    await (await follow()).stop();
    const { dids, events } = database.collections;
    const folded = [dids, database.collections.issuers, database.collections.words];
    const documents = (await Promise.all(folded.map((one) => one.estimatedDocumentCount()))).reduce((a, b) => a + b);
    const compared = `${await events.countDocuments()} events and ${documents} documents`;
    const equal = `compared ${compared} with the chain at block ${await chain.blockNumber()}: no difference`;
    expect(outcomeOf(await run("audit"))).to.deep.equal({ code: 0, stdout: [equal], stderr: [] });

    const victim = (await dids.findOne({}))!;
    await dids.updateOne({ _id: victim._id }, { $set: { documentUri: "https://thief.example" } });
    const difference =
      `dids ${victim._id} documentUri: the index has "https://thief.example", ` +
      `the chain ${JSON.stringify(victim.documentUri)}`;
    expect(outcomeOf(await run("audit"))).to.deep.equal({
      code: 1,
      stdout: [difference, equal.replace("no difference", "1 difference")],
      stderr: [],
    });
    expect(outcomeOf(await run("repair"))).to.deep.equal({
      code: 0,
      stdout: [difference, "repaired 1 difference; index and chain agree"],
      stderr: [],
    });
    const [audited, repaired] = await Promise.all([run("audit"), run("repair")]);
    expect(outcomeOf(audited)).to.deep.equal({ code: 0, stdout: [equal], stderr: [] });
    expect(outcomeOf(repaired)).to.deep.equal({
      code: 0,
      stdout: ["nothing to repair; index and chain agree"],
      stderr: [],
    });
    await expectIndexEqualsChain(database, chain);
  });

  it("repair restores an event that was lost, with all that follows from it, under a running leader", async () => {
    await follow();
    const { dids, events } = database.collections;
    const lost = (await events.findOne({ name: "DIDRegistered" }))!;
    await events.deleteOne({ _id: lost._id });
    await dids.deleteOne({ _id: lost.subject });
    const repaired = outcomeOf(await run("repair"));
    expect(repaired).to.deep.include({ code: 0, stderr: [] });
    expect(repaired.stdout[0]).to.match(new RegExp(`^chain_events ${lost._id}: the index has null, the chain \\{`));
    await expectIndexEqualsChain(database, chain);
    // The leader lost the lease to it; it leads again, and goes on.
    await randomActivity(chain, seededRandom(6), 3);
    await indexedUpTo(database, await head());
    await expectIndexEqualsChain(database, chain);
  });

  for (const from of ["the first block", "the middle", "the last block"] as const) {
    it(`reindex from ${from} makes the same index, under a running leader that goes on afterwards`, async () => {
      await follow();
      const number = await chain.blockNumber();
      const start = { "the first block": 0, "the middle": Math.floor(number / 2), "the last block": number }[from];
      const { term } = (await database.checkpoint())!.lease;
      const events = await database.collections.events.countDocuments({ blockNumber: { $gte: start } });
      expect(outcomeOf(await run(`reindex --from ${start}`))).to.deep.equal({
        code: 0,
        stdout: [`indexed blocks ${Math.max(3, start)} to ${number} again: ${events} event${events === 1 ? "" : "s"}`],
        stderr: [],
      });
      await expectIndexEqualsChain(database, chain);
      await eventually("another term", async () => (await database.checkpoint())!.lease.term === term + 2);
      await randomActivity(chain, seededRandom(start), 2);
      await indexedUpTo(database, await head());
      await expectIndexEqualsChain(database, chain);
    });
  }

  it("reindex indexes an empty database from the deployment on, wherever it is told to start", async () => {
    expect(await run("reindex --from 20")).to.include({ code: 0, stderr: "" });
    await expectIndexEqualsChain(database, chain);
  });

  it("reindex rejects a block that the index does not reach, rather than leave a gap before it", async () => {
    await (await follow()).stop();
    const number = await chain.blockNumber();
    const end = `the index ends with block ${number}. Nothing was dropped.`;
    expect(outcomeOf(await run(`reindex --from ${number + 1}`))).to.deep.equal({
      code: 1,
      stdout: [],
      stderr: [`There is no block ${number + 1} to index again: ${end}`],
    });
    expect((await database.checkpoint())?.indexed?.number).to.equal(number);
    await expectIndexEqualsChain(database, chain);
  });

  it("explain how they are used and exit with 64, when they are not understood", async () => {
    const wrong = ["nonsense", "status now", "reindex --from -1"];
    for (const { code, stdout, stderr } of (await Promise.all(wrong.map((command) => run(command)))).map(outcomeOf)) {
      expect({ code, stdout, first: stderr[0] }).to.deep.equal({
        code: 64,
        stdout: [],
        first: "Usage: npm run indexer [-- <command>]",
      });
      for (const name of ["status", "audit", "repair", "reindex --from <block>"]) {
        expect(stderr.some((line) => line.startsWith(`  ${name} `))).to.equal(true);
      }
    }
  });

  it("name what is wrong and how to fix it, when they cannot start", async () => {
    await (await follow()).stop();
    const [noDatabase, noDeployment, noChain] = (
      await Promise.all([
        run("status", { MONGODB_URI: "mongodb://127.0.0.1:1/cairn" }),
        run("audit", { CHAIN_ID: "5" }),
        run("audit", { RPC_URL: "http://127.0.0.1:1" }),
      ])
    ).map(outcomeOf) as [ReturnType<typeof outcomeOf>, ReturnType<typeof outcomeOf>, ReturnType<typeof outcomeOf>];
    expect(noDatabase).to.deep.include({ code: 78, stdout: [] });
    expect(noDatabase.stderr[1]).to.match(/^ {2}- MONGODB_URI: .*ECONNREFUSED/);
    expect(noDatabase.stderr[2]).to.equal("      fix: start MongoDB there, or correct MONGODB_URI");
    expect(noDeployment).to.deep.include({ code: 78, stdout: [] });
    expect(noDeployment.stderr[1]).to.include("there is no record of a deployment on chain 5");
    expect(noChain).to.deep.include({ code: 1, stdout: [] });
    expect(noChain.stderr.at(-1)).to.match(/^No endpoint gave block \d+: the endpoint cannot be reached$/);
  });
});

function lines(text: string): string[] {
  return text === "" ? [] : text.trimEnd().split("\n");
}
