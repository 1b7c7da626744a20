import { expect } from "chai";
import { id } from "ethers";
import { type Blooms, isEmptyBloom, loadBlooms } from "../../../indexer/fetch/bloom";
import { type DevChain, startDevChain } from "../../support/devChain";
import { seededRandom, randomActivity } from "../../support/randomActivity";

interface SomeBlock {
  bloom: string;
  logs: { address: string; topics: string[] }[];
}

const EMPTY = `0x${"0".repeat(512)}`;

describe("the filters in block headers", () => {
  let chain: DevChain;
  let blooms: Blooms;
  const blocks: SomeBlock[] = [];

  before(async () => {
    blooms = await loadBlooms();
    chain = await startDevChain();
    await randomActivity(chain, seededRandom(31), 60);
    for (let number = 0; number <= (await chain.blockNumber()); number += 1) {
      const { hash, logsBloom: bloom } = (await chain.rpc(
        "eth_getBlockByNumber",
        `0x${number.toString(16)}`,
        false,
      )) as {
        hash: string;
        logsBloom: string;
      };
      blocks.push({ bloom, logs: (await chain.rpc("eth_getLogs", { blockHash: hash })) as SomeBlock["logs"] });
    }
    expect(blocks.filter(({ logs }) => logs.length > 1).length, "blocks with several logs").to.be.greaterThan(10);
    expect(blocks.filter(({ logs }) => logs.length === 0).length, "blocks without logs").to.be.greaterThan(2);
  });

  after(() => chain.stop());

  it("are computed from a block's logs, bit for bit as a real node has them", () => {
    for (const { bloom, logs } of blocks) expect(blooms.of(logs)).to.equal(bloom);
  });

  it("may contain every address and topic of their block's logs", () => {
    for (const { bloom, logs } of blocks) {
      for (const { address, topics } of logs) {
        for (const entry of [address, ...topics]) expect(blooms.mayContain(bloom, entry), entry).to.equal(true);
      }
    }
  });

  it("exclude nearly all that is not in their block", () => {
    const strangers = Array.from({ length: 1_000 }, (_, index) => id(`stranger ${index}`));
    for (const { bloom } of blocks) {
      // A block of ours sets some 100 bits of 2,048; three given ones are set by chance once in thousands.
      const found = strangers.filter((entry) => blooms.mayContain(bloom, entry));
      expect(found.length, bloom).to.be.lessThan(10);
    }
  });

  it("are empty exactly where a block has no logs, and then contain nothing", () => {
    expect(blooms.of([])).to.equal(EMPTY);
    for (const { bloom, logs } of blocks) expect(isEmptyBloom(bloom)).to.equal(logs.length === 0);
    const entries = blocks.flatMap(({ logs }) => logs.flatMap(({ address, topics }) => [address, ...topics]));
    expect(entries.filter((entry) => blooms.mayContain(EMPTY, entry))).to.deep.equal([]);
  });

  it("are the same after more entries than are cached", () => {
    const many = Array.from({ length: 5_000 }, (_, index) => ({ address: id(`many ${index}`), topics: [] }));
    blooms.of(many);
    for (const { bloom, logs } of blocks) expect(blooms.of(logs)).to.equal(bloom);
  });
});
