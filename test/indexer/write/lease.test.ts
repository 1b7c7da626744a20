import { expect } from "chai";
import { countsIn } from "../../../projection/models";
import { DeposedError, openThrone, type Throne } from "../../../indexer/write/lease";
import { fakeClock } from "../../support/fakeClock";
import { type IndexDatabase, openIndexDatabase } from "../../support/indexerHarness";

const identity = {
  ...{ chainId: 31337, contracts: { DIDRegistry: "0x01", IssuerRegistry: "0x02" }, didMethod: "mychain" },
  ...{ genesisHash: "0x00", deployment: { blockNumber: 3, blockHash: "0x03" } },
};
const block = (number: number) => ({ number, hash: `0x${number}`, minedAt: new Date(number) });

describe("the lease", () => {
  let database: IndexDatabase;
  let clock: ReturnType<typeof fakeClock>;

  beforeEach(async () => {
    database = await openIndexDatabase("lease");
    clock = fakeClock(new Date("2026-01-01T00:00:00Z"));
  });

  afterEach(() => database.drop());

  const throne = (holder: string): Throne => openThrone({ ...database, identity, holder, leaseSeconds: 10, clock });

  it("goes to one of 32 who reach for it at once", async () => {
    const taken = await Promise.all(Array.from({ length: 32 }, (_, index) => throne(`holder-${index}`).take()));
    expect(taken.filter((reign) => reign !== null)).to.have.length(1);
  });

  it("is not given to another before it ends, and goes to one of 32 when it does", async () => {
    await throne("first").take();
    clock.advance(9.999);
    expect(await throne("second").take()).to.equal(null);
    clock.advance(0.001);
    const taken = await Promise.all(Array.from({ length: 32 }, (_, index) => throne(`holder-${index}`).take()));
    expect(taken.filter((reign) => reign !== null).map((reign) => reign.number)).to.deep.equal([2]);
  });

  it("lasts as long as it is renewed, and is free at once when it is given back", async () => {
    const first = await throne("first").take();
    clock.advance(9);
    await first?.renew();
    clock.advance(9);
    expect(await throne("second").take()).to.equal(null);
    await first?.release();
    expect((await throne("second").take())?.number).to.equal(2);
  });

  it("refuses every write of a holder who was deposed, and leaves the checkpoint as it was", async () => {
    const first = (await throne("first").take())!;
    await first.write({ indexed: block(10) });
    await throne("second").take({ force: true });
    const before = await database.checkpoint();
    for (const write of [first.write({ indexed: block(11) }), first.rewind(block(5)), first.renew()]) {
      expect(
        await write.then(
          () => null,
          (error: unknown) => error,
        ),
      ).to.be.instanceOf(DeposedError);
    }
    await first.release();
    expect(await database.checkpoint()).to.deep.equal(before);
  });

  it("remembers up to which block each past reign's writes count, through takeovers and rewinds", async () => {
    const first = (await throne("first").take())!;
    await first.write({ indexed: block(10) });
    const second = (await throne("second").take({ force: true }))!;
    await second.write({ indexed: block(20) });
    const third = (await throne("third").take({ force: true }))!;
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

  it("remembers past reigns until they are forgotten in good order, and one entry serves those that wrote nothing", async () => {
    for (let reign = 1; reign <= 80; reign += 1) {
      const current = (await throne(`holder-${reign}`).take({ force: true }))!;
      await current.write({ indexed: block(reign) });
    }
    const checkpoint = (await database.checkpoint())!;
    expect(checkpoint.pastReigns).to.have.length(80);
    for (const reign of [1, 50, 79]) {
      expect(countsIn(checkpoint, reign, reign + 1), String(reign)).to.equal(false);
      expect(countsIn(checkpoint, reign, reign), String(reign)).to.equal(true);
    }
    for (let idle = 0; idle < 5; idle += 1) await throne("idle").take({ force: true });
    expect((await database.checkpoint())!.pastReigns).to.have.length(81);
  });
});
