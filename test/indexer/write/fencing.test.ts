import { expect } from "chai";
import type { RegistryEvent } from "../../../chain/registry/events";
import { createProjection } from "../../../projection/queries";
import { systemClock } from "../../../core/clock";
import { LeaseLostError, type Term } from "../../../indexer/write/term";
import { createLease } from "../../../indexer/write/lease";
import { type Batch, type ProjectionWriter, createProjectionWriter } from "../../../indexer/write/writer";
import { type IndexDatabase, connectIndexDatabase } from "../../support/indexerHarness";

const ALICE = `0x${"a1".repeat(20)}`;
const BOB = `0x${"b0".repeat(20)}`;
const identity = {
  chainId: 31337,
  contracts: { DIDRegistry: "0x01", IssuerRegistry: "0x02" },
  didMethod: "mychain",
  genesisHash: "0x00",
  deployment: { blockNumber: 1, blockHash: "0x03" },
};

/** A block of a branch, with a registration or an update of some identities in it. */
function blockOf(
  branch: string,
  number: number,
  ...events: { identity: string; uri: string; version: number }[]
): Batch {
  const hashOf = (at: number) => `0x${branch}${at.toString(16).padStart(62, "0")}`;
  const minedAt = new Date(number * 1000);
  const place = (logIndex: number) => {
    return { blockNumber: number, blockHash: hashOf(number), minedAt, transactionHash: hashOf(number), logIndex };
  };
  return {
    headers: [
      {
        number,
        hash: hashOf(number),
        parentHash: hashOf(number - 1),
        logsBloom: "0x",
        minedAt,
        transactions: undefined,
      },
    ],
    events: events.map(({ identity: subject, uri, version }, logIndex): RegistryEvent => {
      const shared = { ...place(logIndex), registry: "DIDRegistry" as const, subject };
      const document = { identity: subject, documentUri: uri, documentHash: `0x${"0".repeat(64)}`, version };
      return { ...shared, name: version === 1 ? "DIDRegistered" : "DocumentUpdated", args: document };
    }),
  };
}

describe("a leader that lost the lease", () => {
  let database: IndexDatabase;
  let old: { term: Term; writer: ProjectionWriter };
  let next: { term: Term; writer: ProjectionWriter };

  async function takeOver(holder: string): Promise<{ term: Term; writer: ProjectionWriter }> {
    const lease = createLease({ ...database, identity, holder, leaseSeconds: 60, clock: systemClock });
    const term = (await lease.acquire({ force: true }))!;
    const writer = createProjectionWriter({ collections: database.collections, term, onCrashPoint: () => undefined });
    await writer.recover();
    return { term, writer };
  }

  const uriOf = async (address: string) =>
    (await createProjection(database.mongo).findDid(address)).state?.documentUri ?? null;
  const lost = (write: Promise<void>) =>
    write.then(
      () => expect.fail("the write succeeded"),
      (error: unknown) => expect(error).to.be.instanceOf(LeaseLostError),
    );

  beforeEach(async () => {
    database = await connectIndexDatabase("fencing");
    old = await takeOver("old");
    await old.writer.commit(blockOf("aa", 1, { identity: ALICE, uri: "one", version: 1 }), {});
    next = await takeOver("next");
  });

  afterEach(() => database.drop());

  it("changes nothing that anyone can read, though its writes come after its successor's", async () => {
    await next.writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {});
    await lost(old.writer.commit(blockOf("bb", 2, { identity: ALICE, uri: "phantom", version: 2 }), {}));
    expect(await uriOf(ALICE)).to.equal("two");
    const events = await createProjection(database.mongo).eventsOf(ALICE);
    expect(events.map(({ blockHash }) => blockHash.slice(0, 4))).to.deep.equal(["0xaa", "0xaa"]);
  });

  it("leaves no phantom where its successor has not written", async () => {
    await lost(old.writer.commit(blockOf("bb", 2, { identity: BOB, uri: "phantom", version: 1 }), {}));
    await lost(old.writer.commit(blockOf("bb", 2, { identity: ALICE, uri: "phantom", version: 2 }), {}));
    await next.writer.commit(blockOf("aa", 2), {});
    await next.writer.commit(blockOf("aa", 3), {});
    expect(await uriOf(BOB)).to.equal(null);
    expect(await uriOf(ALICE)).to.equal("one");
    expect(await createProjection(database.mongo).listEvents({ limit: 10 })).to.have.length(1);
  });

  it("is overwritten, even when what it wrote too late is of a later block", async () => {
    await lost(old.writer.commit(blockOf("bb", 9, { identity: ALICE, uri: "phantom", version: 2 }), {}));
    await next.writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {});
    expect(await uriOf(ALICE)).to.equal("two");
    await next.writer.commit(blockOf("aa", 3, { identity: ALICE, uri: "three", version: 3 }), {});
    expect((await createProjection(database.mongo).findDid(ALICE)).state).to.deep.include({
      documentUri: "three",
      version: 3,
      unverified: null,
    });
  });

  it("cannot drop what its successor wrote", async () => {
    await next.writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {});
    await lost(old.writer.rewind(null));
    await lost(old.writer.recover());
    expect(await uriOf(ALICE)).to.equal("two");
    expect(await createProjection(database.mongo).eventsOf(ALICE)).to.have.length(2);
  });

  it("whose last block was right is continued where it stopped", async () => {
    const third = await takeOver("third");
    await lost(next.writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {}));
    await third.writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {});
    expect(await createProjection(database.mongo).eventsOf(ALICE)).to.have.length(2);
    expect(await uriOf(ALICE)).to.equal("two");
  });
});

describe("a leader that writes ahead of its cursor", () => {
  it("shows readers the state as of the cursor", async () => {
    const database = await connectIndexDatabase("ahead");
    const lease = createLease({ ...database, identity, holder: "one", leaseSeconds: 60, clock: systemClock });
    const term = (await lease.acquire())!;
    let stop = false;
    const writer = createProjectionWriter({
      collections: database.collections,
      term,
      onCrashPoint(point) {
        if (stop && point === "projection written") throw new Error("killed");
      },
    });
    await writer.commit(blockOf("aa", 1, { identity: ALICE, uri: "one", version: 1 }), {});
    stop = true;
    const failed = writer.commit(blockOf("aa", 2, { identity: ALICE, uri: "two", version: 2 }), {});
    expect(await failed.then(() => "", String)).to.equal("Error: killed");
    const found = await createProjection(database.mongo).findDid(ALICE);
    expect(found.state).to.deep.include({ documentUri: "one", version: 1 });
    expect(found.freshness?.blockNumber).to.equal(1);
    expect(await createProjection(database.mongo).eventsOf(ALICE)).to.have.length(1);
    await database.drop();
  });
});
