import { expect } from "chai";
import { countsIn } from "../../../projection/models";
import { LeaseLostError } from "../../../indexer/write/term";
import { createLease, type Lease } from "../../../indexer/write/lease";
import { fakeClock } from "../../support/fakeClock";
import { type IndexDatabase, connectIndexDatabase } from "../../support/indexerHarness";

const identity = {
  chainId: 31337,
  contracts: { DIDRegistry: "0x01", IssuerRegistry: "0x02" },
  didMethod: "mychain",
  genesisHash: "0x00",
  deployment: { blockNumber: 3, blockHash: "0x03" },
};
const block = (number: number) => ({ number, hash: `0x${number}`, minedAt: new Date(number) });

describe("the lease", () => {
  let database: IndexDatabase;
  let clock: ReturnType<typeof fakeClock>;

  beforeEach(async () => {
    database = await connectIndexDatabase("lease");
    clock = fakeClock(new Date("2026-01-01T00:00:00Z"));
  });

  afterEach(() => database.drop());

  const lease = (holder: string): Lease => createLease({ ...database, identity, holder, leaseSeconds: 10, clock });

  it("is acquired by one of 32 that try at once", async () => {
    const acquired = await Promise.all(Array.from({ length: 32 }, (_, index) => lease(`holder-${index}`).acquire()));
    expect(acquired.filter((term) => term !== null)).to.have.length(1);
  });

  it("is not acquired by another before it ends, and by one of 32 when it does", async () => {
    await lease("first").acquire();
    clock.advance(9.999);
    expect(await lease("second").acquire()).to.equal(null);
    clock.advance(0.001);
    const acquired = await Promise.all(Array.from({ length: 32 }, (_, index) => lease(`holder-${index}`).acquire()));
    expect(acquired.filter((term) => term !== null).map((term) => term.number)).to.deep.equal([2]);
  });

  it("lasts as long as it is renewed, and is free at once when it is released", async () => {
    const first = await lease("first").acquire();
    clock.advance(9);
    await first?.renew();
    clock.advance(9);
    expect(await lease("second").acquire()).to.equal(null);
    await first?.release();
    expect((await lease("second").acquire())?.number).to.equal(2);
  });

  it("rejects every write of a holder that lost the lease, and leaves the checkpoint as it was", async () => {
    const first = (await lease("first").acquire())!;
    await first.write({ indexed: block(10) });
    await lease("second").acquire({ force: true });
    const before = await database.checkpoint();
    for (const write of [first.write({ indexed: block(11) }), first.rewind(block(5)), first.renew()]) {
      expect(
        await write.then(
          () => null,
          (error: unknown) => error,
        ),
      ).to.be.instanceOf(LeaseLostError);
    }
    await first.release();
    expect(await database.checkpoint()).to.deep.equal(before);
  });

  it("records up to which block each past term's writes count, through changes of holder and rewinds", async () => {
    const first = (await lease("first").acquire())!;
    await first.write({ indexed: block(10) });
    const second = (await lease("second").acquire({ force: true }))!;
    await second.write({ indexed: block(20) });
    const third = (await lease("third").acquire({ force: true }))!;
    await third.write({ indexed: block(30) });
    let checkpoint = (await database.checkpoint())!;
    expect([10, 11].map((number) => countsIn(checkpoint, 1, number))).to.deep.equal([true, false]);
    expect([20, 21].map((number) => countsIn(checkpoint, 2, number))).to.deep.equal([true, false]);
    expect([30, 31].map((number) => countsIn(checkpoint, 3, number))).to.deep.equal([true, false]);
    expect(countsIn(checkpoint, 4, 1)).to.equal(false);
    await third.rewind(block(15));
    await third.write({ indexed: block(40) });
    checkpoint = (await database.checkpoint())!;
    expect([10, 15, 16].map((number) => countsIn(checkpoint, 2, number))).to.deep.equal([true, true, false]);
    expect(countsIn(checkpoint, 3, 40)).to.equal(true);
  });

  it("records past terms until they are pruned, and one entry serves those that wrote nothing", async () => {
    for (let term = 1; term <= 80; term += 1) {
      const current = (await lease(`holder-${term}`).acquire({ force: true }))!;
      await current.write({ indexed: block(term) });
    }
    const checkpoint = (await database.checkpoint())!;
    expect(checkpoint.pastTerms).to.have.length(80);
    for (const term of [1, 50, 79]) {
      expect(countsIn(checkpoint, term, term + 1), String(term)).to.equal(false);
      expect(countsIn(checkpoint, term, term), String(term)).to.equal(true);
    }
    for (let idle = 0; idle < 5; idle += 1) await lease("idle").acquire({ force: true });
    expect((await database.checkpoint())!.pastTerms).to.have.length(81);
  });
});
