import { expect } from "chai";
import { openRegistryIndex } from "../../core/registry/queries";
import { type DevChain, startDevChain } from "../support/devChain";
import { type IndexDatabase, indexedUpTo, openIndexDatabase, type RunningIndexer, startIndexer } from "../support/indexerHarness";

describe("following the chain", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let indexer: RunningIndexer;

  before(async () => {
    chain = await startDevChain();
    database = await openIndexDatabase("follow");
    indexer = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment });
  });

  after(async () => {
    await indexer.stop();
    await database.drop();
    await chain.stop();
  });

  it("shows a registered DID with its block, and how fresh the answer is", async () => {
    const [, alice] = chain.accounts as [string, string];
    const registry = await chain.didRegistry(alice);
    const receipt = (await (await registry["registerDID(string,string)"](`did:mychain:${alice}`, "https://a.example/did.json")).wait())!;
    await indexedUpTo(database, receipt.blockHash);
    const found = await openRegistryIndex(database.mongo).findDid(alice);
    expect(found.state).to.deep.include({
      did: `did:mychain:${alice}`,
      documentUri: "https://a.example/did.json",
      documentHash: null,
      controller: alice,
      active: true,
      version: 1,
    });
    expect(found.state?.created?.transactionHash).to.equal(receipt.hash);
    expect(found.freshness).to.deep.include({ blockNumber: receipt.blockNumber, blockHash: receipt.blockHash });
    expect(found.confirmations).to.equal(1);
    expect(found.finalized).to.equal(false);
    expect(found.doubt).to.equal(null);
  });
});
