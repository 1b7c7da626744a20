import { expect } from "chai";
import { DEFAULT_CONFIRMATIONS } from "../../../indexer/sync/finality";
import { type DevChain, startDevChain } from "../../support/devChain";
import { eventually } from "../../support/eventually";
import { type Faults, type FaultyRpc, startFaultyRpc } from "../../support/faultyRpc";
import {
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../../support/indexerHarness";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

/** A node that claims to be geth's: what a development chain calls final is not used. */
const asGeth: Faults["alter"] = ({ method }, result) => (method === "web3_clientVersion" ? "Geth/v1.16.4" : result);
/** The tag is asked for again after so many blocks. */
const TAG_AGE = 8;

describe("finality", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let node: FaultyRpc;
  let indexer: RunningIndexer | undefined;

  before(async () => {
    chain = await startDevChain();
    await chain.mine(DEFAULT_CONFIRMATIONS + 20);
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("finality");
    node = await startFaultyRpc(chain.url, { alter: asGeth });
  });

  afterEach(async () => {
    await indexer?.stop();
    indexer = undefined;
    await node.stop();
    await database.drop();
  });

  function follow(confirmations?: number): RunningIndexer {
    indexer = startIndexer({
      database,
      rpcUrls: [node.url],
      deployment: () => chain.deployment,
      ...(confirmations !== undefined && { confirmations }),
    });
    return indexer;
  }

  const indexed = async () => indexedUpTo(database, (await chain.provider.getBlock("latest"))!.hash!);
  const finalizedNumber = async () => (await database.checkpoint())?.finalizedNumber;

  it("is what the node's tag says, and moves with it while the chain grows", async () => {
    let finalized = (await chain.blockNumber()) - 13;
    node.faults.finalized = () => finalized;
    follow();
    expect((await indexed()).finalizedNumber).to.equal(finalized);
    for (let epoch = 0; epoch < 3; epoch += 1) {
      finalized += TAG_AGE;
      await chain.mine(TAG_AGE);
      expect((await indexed()).finalizedNumber).to.equal(finalized);
    }
  });

  it("is by the configured depth where one is configured, and the tag is not asked for", async () => {
    let asked = 0;
    node.faults.finalized = () => asked++;
    follow(7);
    expect((await indexed()).finalizedNumber).to.equal((await chain.blockNumber()) - 7);
    await chain.mine(2);
    expect((await indexed()).finalizedNumber).to.equal((await chain.blockNumber()) - 7);
    expect(asked).to.equal(0);
  });

  it("is by depth on a development chain, which calls its newest block final", async () => {
    delete node.faults.alter;
    follow();
    expect((await indexed()).finalizedNumber).to.equal((await chain.blockNumber()) - DEFAULT_CONFIRMATIONS);
  });

  // In the words of the nodes; null is the answer to a block that is not known.
  const untagged: [string, Pick<Faults, "reject" | "alter">][] = [
    ["a geth before the merge", rejecting(-32000, "'finalized' tag not supported on pre-merge network")],
    ["a geth that has not seen any", rejecting(-32000, "finalized block not found")],
    ["an older node", rejecting(-32602, "invalid argument 0: hex string without 0x prefix")],
    ["a Besu", rejecting(-39001, "Unknown block")],
    ["an Erigon", rejecting(-32000, "block not found: finalized")],
    [
      "a node that answers null",
      { alter: (call, result) => (call.params[0] === "finalized" ? null : asGeth(call, result)) },
    ],
  ];
  for (const [who, faults] of untagged) {
    it(`is by depth where the tag is not offered, as by ${who}`, async () => {
      Object.assign(node.faults, faults);
      follow();
      expect((await indexed()).finalizedNumber).to.equal((await chain.blockNumber()) - DEFAULT_CONFIRMATIONS);
      await chain.mine(1);
      expect((await indexed()).finalizedNumber).to.equal((await chain.blockNumber()) - DEFAULT_CONFIRMATIONS);
    });
  }

  it("is of no block on a chain that is shorter than the depth", async () => {
    follow(10_000);
    expect((await indexed()).finalizedNumber).to.equal(-1);
  });

  it("makes a reorg of blocks that are not final a warning", async () => {
    await reorganise({ depth: 4, finalizedDepth: 9, level: "warn" });
  });

  it("does not prevent a reorg below it from being followed, but makes it an error", async () => {
    await reorganise({ depth: 9, finalizedDepth: 4, level: "error" });
    // What the node calls final counts again as soon as it is asked.
    const finalized = (await chain.blockNumber()) - 2;
    node.faults.finalized = () => finalized;
    await chain.mine(TAG_AGE);
    await indexed();
    await eventually("the new branch to be final", async () => (await finalizedNumber()) === finalized);
  });

  async function reorganise({
    depth,
    finalizedDepth,
    level,
  }: {
    depth: number;
    finalizedDepth: number;
    level: string;
  }) {
    const snapshot = await chain.snapshot();
    const ancestor = await chain.blockNumber();
    await randomActivity(chain, seededRandom(depth), depth);
    const finalized = (await chain.blockNumber()) - finalizedDepth;
    node.faults.finalized = () => finalized;
    const { lines } = follow();
    expect((await indexed()).finalizedNumber).to.equal(finalized);
    await chain.revert(snapshot);
    await randomActivity(chain, seededRandom(100 + depth), depth + 2);
    await indexed();
    await expectIndexEqualsChain(database, chain);
    const logged = lines.filter(({ msg }) => msg === "the chain was reorganised");
    expect(
      logged.map((line) => ({ level: line["level"], depth: line["depth"], ancestor: line["ancestor"] })),
    ).to.deep.equal([{ level, depth, ancestor }]);
  }
});

function rejecting(code: number, message: string): Pick<Faults, "reject"> {
  return { reject: ({ params }) => (params[0] === "finalized" ? { code, message } : undefined) };
}
