import { expect } from "chai";
import { systemClock } from "../../../core/clock";
import { createProjection } from "../../../projection/queries";
import { runAudit } from "../../../indexer/audit/audit";
import { LeaseLostError, type Term } from "../../../indexer/write/term";
import { createLease } from "../../../indexer/write/lease";
import { decodeRange } from "../../../indexer/fetch/decode";
import type { Difference } from "../../../indexer/audit/difference";
import { fetchRange } from "../../../indexer/fetch/fetchRange";
import { contractsOf, identifyChain } from "../../../indexer/sync/identify";
import { createMetrics } from "../../../indexer/metrics";
import { type Batch, createProjectionWriter } from "../../../indexer/write/writer";
import { repair } from "../../../indexer/audit/repair";
import { createSource, type Source } from "../../../indexer/rpc/source";
import { type DevChain, startDevChain } from "../../support/devChain";
import {
  type IndexDatabase,
  indexedUpTo,
  recordingLogger,
  connectIndexDatabase,
  startIndexer,
} from "../../support/indexerHarness";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

/** The most past terms that a checkpoint has. */
const MAX_PAST_TERMS = 64;
const TERMS = 80;

function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

describe("an index written in more terms than its checkpoint has room for", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let source: Source;
  let suspended: Term;
  let lateBatch: Batch;
  let lateWriteSeen = false;
  const { logger } = recordingLogger();

  const registers = async (account: string) => {
    const registry = await chain.didRegistry(account);
    const sent = await registry.registerDID(`did:mychain:${account}`, "https://a.example/did.json");
    return (await sent.wait())!.blockNumber;
  };

  const batchOf = (from: number, to: number): Promise<Batch> =>
    source.ask("a batch", async (endpoint) => {
      const contracts = contractsOf(chain.deployment);
      const { headers, logs } = await fetchRange(endpoint, from, to, { contracts });
      return { headers, events: decodeRange(headers, logs, contracts) };
    });

  async function acquireLease(holder: string): Promise<Term> {
    const identity = await identifyChain(source, chain.deployment);
    const lease = createLease({ ...database, identity, holder, leaseSeconds: 1, clock: systemClock });
    return (await lease.acquire({ force: true }))!;
  }

  const writerOf = (term: Term) =>
    createProjectionWriter({ collections: database.collections, term, onCrashPoint: () => undefined });

  async function audit(): Promise<Difference[]> {
    const found: Difference[] = [];
    const contracts = contractsOf(chain.deployment);
    await runAudit({ ...database, source, contracts, logger, report: (difference) => found.push(difference) });
    return found;
  }

  /** The first leader writes what it had fetched, a term too late. */
  async function writeLate(): Promise<void> {
    const written = await outcomeOf(writerOf(suspended).commit(lateBatch, {}));
    expect(written).to.be.instanceOf(LeaseLostError);
    lateWriteSeen = (await database.collections.dids.findOne({ _id: chain.accounts[9]! })) !== null;
  }

  /** Every block has a leader of its own; in the middle, a reorg drops what dozens of them had written. */
  before(async () => {
    chain = await startDevChain();
    database = await connectIndexDatabase("terms");
    const stopping = new AbortController().signal;
    source = createSource({ urls: [chain.url], timeoutMs: 5_000, metrics: createMetrics(), logger, stopping });

    const first = await registers(chain.accounts[8]!);
    suspended = await acquireLease("suspended");
    await writerOf(suspended).commit(await batchOf(chain.deployment.contracts.DIDRegistry.blockNumber, first), {});
    // What the first leader has fetched when it is suspended is of a branch that the chain then leaves.
    const fork = await chain.snapshot();
    lateBatch = await batchOf(first + 1, await registers(chain.accounts[9]!));
    await chain.revert(fork);

    let snapshot = "";
    for (let term = 0; term < TERMS; term += 1) {
      if (term === 20) snapshot = await chain.snapshot();
      if (term === 45) await chain.revert(snapshot);
      await randomActivity(chain, seededRandom(1_000 + term), term === 45 ? 27 : 1);
      const { hash } = (await chain.provider.getBlock("latest"))!;
      const leader = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment, pollMs: 10 });
      await indexedUpTo(database, hash!);
      await leader.stop();
      if (term === 0) await writeLate();
    }
  });

  after(async () => {
    source.close();
    await database.drop();
    await chain.stop();
  });

  it("keeps a bounded number of past terms, and equals the chain all the same", async () => {
    const { lease, pastTerms, rewinds } = (await database.checkpoint())!;
    expect(lease.term).to.equal(1 + TERMS);
    expect(pastTerms).to.have.length.at.most(MAX_PAST_TERMS);
    expect(rewinds).to.equal(1);
    await expectIndexEqualsChain(database, chain);
    expect(await audit()).to.deep.equal([]);
  });

  it("has nothing left of what the first leader wrote after it lost the lease", async () => {
    expect(lateWriteSeen, "it was there").to.equal(true);
    expect(await database.collections.dids.findOne({ _id: chain.accounts[9]! })).to.equal(null);
    const index = createProjection(database.mongo);
    expect((await index.findDid(chain.accounts[9]!)).state).to.equal(null);
  });

  it("still shows readers what the removed terms wrote", async () => {
    const index = createProjection(database.mongo);
    const { term } = (await database.collections.dids.findOne({ _id: chain.accounts[8]! }))!;
    expect(term).to.equal(1);
    expect((await index.findDid(chain.accounts[8]!)).state).to.deep.include({ version: 1, active: true });
    const events = await index.listEvents({ limit: 10_000 });
    expect(events).to.have.length(await database.collections.events.countDocuments());
  });

  it("is found wrong by audit and corrected by repair, when the first leader resumes and writes after all of them", async () => {
    const written = await outcomeOf(writerOf(suspended).commit(lateBatch, {}));
    expect(written).to.be.instanceOf(LeaseLostError);
    expect(await audit()).to.not.be.empty;
    const contracts = contractsOf(chain.deployment);
    const term = await acquireLease("repair");
    expect(await repair({ ...database, source, contracts, logger, term, report: () => undefined })).to.include({
      left: 0,
    });
    expect(await audit()).to.deep.equal([]);
    await expectIndexEqualsChain(database, chain);
  });
});
