import { expect } from "chai";
import { MAX_BATCH_SIZE, packBatches, type PricedEntry } from "../../../../api/wallets/anchoring/batches";

describe("packing registrations into transactions", () => {
  const byKey = (entry: number): PricedEntry<number> => ({ entry, estimate: 85_000n, asksContract: false });
  const byContract = (entry: number): PricedEntry<number> => ({ entry, estimate: 100_000n, asksContract: true });
  const some = (count: number, make: (entry: number) => PricedEntry<number>) =>
    Array.from({ length: count }, (_, entry) => make(entry));

  it("puts what waits into one transaction, in order, with the sum of their gas, a tenth, and what the registry wants left", () => {
    const { batches, alone } = packBatches(some(3, byKey));
    expect(alone).to.deep.equal([]);
    expect(batches).to.deep.equal([
      { entries: [0, 1, 2], gasOf: [70_400n, 70_400n, 70_400n], gasLimit: 21_000n + 500_000n + 3n * 70_400n },
    ]);
  });

  it("gives a contract's signature all the gas that the registry lets it use", () => {
    const { batches } = packBatches(some(2, byContract));
    expect(batches[0]!.gasLimit).to.equal(21_000n + 500_000n + 2n * (86_900n + 406_350n));
  });

  it(`takes ${MAX_BATCH_SIZE} at most, and half of EIP-7825's gas at most`, () => {
    const keys = packBatches(some(2 * MAX_BATCH_SIZE, byKey)).batches;
    expect(keys.map(({ entries }) => entries.length)).to.deep.equal([MAX_BATCH_SIZE, MAX_BATCH_SIZE]);
    const contracts = packBatches(some(MAX_BATCH_SIZE, byContract));
    expect(contracts.batches.flatMap(({ entries }) => entries).concat(contracts.alone)).to.have.length(MAX_BATCH_SIZE);
    for (const { gasLimit } of [...keys, ...contracts.batches]) expect(gasLimit <= 2n ** 23n).to.equal(true);
  });

  it("leaves alone what is the only one", () => {
    expect(packBatches([byKey(7)])).to.deep.equal({ batches: [], alone: [7] });
  });
});
