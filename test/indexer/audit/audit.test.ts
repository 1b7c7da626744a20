import { expect } from "chai";
import type { mongo } from "mongoose";
import { runAudit } from "../../../indexer/audit/audit";
import { createLease } from "../../../indexer/write/lease";
import type { Difference } from "../../../indexer/audit/difference";
import { contractsOf, identifyChain } from "../../../indexer/sync/identify";
import { createMetrics } from "../../../indexer/metrics";
import { repair } from "../../../indexer/audit/repair";
import { createSource, type Source } from "../../../indexer/rpc/source";
import { systemClock } from "../../../core/clock";
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

type Document = Record<string, unknown> & { _id: string };
const COLLECTIONS = ["events", "dids", "issuers", "words", "blocks"] as const;

describe("audit and repair", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let source: Source;
  const { logger } = recordingLogger();

  before(async () => {
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(5), 30);
    database = await connectIndexDatabase("audit");
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

  async function audit(): Promise<Difference[]> {
    const found: Difference[] = [];
    const { mongo } = database;
    const contracts = contractsOf(chain.deployment);
    await runAudit({ mongo, source, contracts, logger, report: (difference) => found.push(difference) });
    return found;
  }

  async function repaired(): Promise<{ repaired: number; left: number }> {
    const identity = await identifyChain(source, chain.deployment);
    const lease = createLease({ ...database, identity, holder: "test", leaseSeconds: 60, clock: systemClock });
    const term = (await lease.acquire({ force: true }))!;
    const contracts = contractsOf(chain.deployment);
    return repair({ mongo: database.mongo, source, contracts, logger, term, report: () => undefined });
  }

  const collection = (name: (typeof COLLECTIONS)[number]) =>
    database.collections[name] as unknown as mongo.Collection<Document>;

  it("finds no difference in a correct index", async () => {
    expect(await audit()).to.deep.equal([]);
    expect(await repaired()).to.deep.equal({ repaired: 0, left: 0 });
  });

  for (const name of COLLECTIONS) {
    it(`finds every field of ${name} that was changed, and repair corrects it`, async () => {
      const samples = await collection(name).find({}).limit(3).toArray();
      expect(samples).to.not.be.empty;
      for (const sample of samples) {
        // A stored block that does not count is no difference: reorgs are found without it.
        const skipped = name === "blocks" ? ["_id", "term"] : ["_id"];
        for (const field of Object.keys(sample).filter((key) => !skipped.includes(key))) {
          for (const value of corruptions(sample[field], field)) {
            await collection(name).updateOne({ _id: sample._id }, { $set: { [field]: value } });
            const found = await audit();
            expect(found, `${name} ${sample._id} ${field} = ${JSON.stringify(value)}`).to.not.be.empty;
            await collection(name).replaceOne({ _id: sample._id }, sample);
          }
        }
      }
      const [victim] = samples;
      const fields = Object.keys(victim!).filter(
        (key) => !["_id", "term", "position", "subject", "issuer"].includes(key),
      );
      for (const field of fields) {
        await collection(name).updateOne({ _id: victim!._id }, { $set: { [field]: corruptions(victim![field])[0] } });
      }
      expect((await repaired()).left).to.equal(0);
      await expectIndexEqualsChain(database, chain);
    });
  }

  it("finds a document that is missing and one that should not be there, and repair corrects both", async () => {
    for (const name of ["events", "dids", "issuers", "words"] as const) {
      const [first, second] = await collection(name).find({}).limit(2).toArray();
      await collection(name).deleteOne({ _id: first!._id });
      await collection(name).insertOne({ ...second!, _id: `${second!._id.slice(0, -2)}ff` });
      const found = await audit();
      expect(
        found.some(({ id, indexed }) => id === first!._id && indexed === null),
        `${name}: missing`,
      ).to.equal(true);
      expect(
        found.some(({ chain: real }) => real === null),
        `${name}: extra`,
      ).to.equal(true);
      expect((await repaired()).left, name).to.equal(0);
      await expectIndexEqualsChain(database, chain);
    }
  });
});

/** Values that a field may have been corrupted to: of the same kind, and of another. */
function corruptions(value: unknown, field = ""): unknown[] {
  // A past term is not compared; a later one, or one that is no number, was written by no process.
  if (field === "term") return [Number(value) + 1_000, "1", null];
  if (typeof value === "number") return [value + 1, String(value)];
  if (typeof value === "boolean") return [!value];
  if (value instanceof Date) return [new Date(value.getTime() + 1_000)];
  if (Array.isArray(value)) return [[...(value as unknown[]), "more"], ...(value.length > 0 ? [value.slice(1)] : [])];
  if (typeof value === "string") return [value.slice(0, -1) + (value.endsWith("0") ? "1" : "0"), null];
  if (value === null) return ["something"];
  return [{ ...(value as object), blockNumber: 1, more: true }];
}
