import { expect } from "chai";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createProjection } from "../../../projection/queries";
import { type DevChain, startDevChain } from "../../support/devChain";
import {
  type HarnessOptions,
  type IndexDatabase,
  indexedUpTo,
  connectIndexDatabase,
  type RunningIndexer,
  startIndexer,
} from "../../support/indexerHarness";
import { seededRandom, randomActivity } from "../../support/randomActivity";
import { expectIndexEqualsChain } from "../../support/referenceFold";

describe("following the chain", () => {
  let chain: DevChain;
  let database: IndexDatabase;
  let indexer: RunningIndexer | undefined;

  before(async () => {
    chain = await startDevChain();
  });

  after(() => chain.stop());

  beforeEach(async () => {
    database = await connectIndexDatabase("follow");
  });

  afterEach(async () => {
    await indexer?.stop();
    await database.drop();
  });

  const follow = (options: Partial<HarnessOptions> = {}) => {
    indexer = startIndexer({ database, rpcUrls: [chain.url], deployment: () => chain.deployment, ...options });
    return indexer;
  };
  const head = async () => (await chain.provider.getBlock("latest"))!.hash!;
  const socketUrl = () => chain.url.replace("http", "ws");

  it("shows a registered DID with its block, and how fresh the answer is", async () => {
    follow();
    const [, alice] = chain.accounts as [string, string];
    const registry = await chain.didRegistry(alice);
    const sent = await registry.registerDID(`did:mychain:${alice}`, "https://a.example/did.json");
    const receipt = (await sent.wait())!;
    await indexedUpTo(database, receipt.blockHash);
    const found = await createProjection(database.mongo).findDid(alice);
    expect(found.state?.registration?.transactionHash).to.equal(receipt.hash);
    expect(found.state).to.deep.include({
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
    expect(found.unverifiedReason).to.equal(null);
  });

  it("calls a block final by depth on a development chain, whatever its node says", async () => {
    await chain.mine(5);
    follow({ confirmations: 3 });
    const checkpoint = await indexedUpTo(database, await head());
    expect(checkpoint.finalizedNumber).to.equal((await chain.blockNumber()) - 3);
  });

  it("continues where it stopped", async () => {
    await follow().stop();
    await randomActivity(chain, seededRandom(1), 3);
    follow();
    await indexedUpTo(database, await head());
    await indexer?.stop();
    await randomActivity(chain, seededRandom(2), 3);
    follow();
    await indexedUpTo(database, await head());
    expect((await database.checkpoint())?.rewinds).to.equal(0);
    await expectIndexEqualsChain(database, chain);
  });

  it("learns of blocks by subscription, long before the next poll", async () => {
    follow({ rpcUrls: [socketUrl()], pollMs: 600_000 });
    await indexedUpTo(database, await head());
    for (let block = 0; block < 5; block += 1) {
      await randomActivity(chain, seededRandom(block), 1);
      await indexedUpTo(database, await head());
    }
    await expectIndexEqualsChain(database, chain);
  });

  it("notices a socket that sends nothing, and polls instead", async () => {
    const silent = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    silent.on("connection", (socket) =>
      socket.on("message", (data: Buffer) => {
        const { id } = JSON.parse(data.toString()) as { id: number };
        socket.send(JSON.stringify({ jsonrpc: "2.0", id, result: "0x1" }));
      }),
    );
    await once(silent, "listening");
    const url = `ws://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const { lines } = follow({ rpcUrls: [chain.url, url], pollMs: 100 });
    await indexedUpTo(database, await head());
    await randomActivity(chain, seededRandom(9), 2);
    await indexedUpTo(database, await head());
    expect(lines.some(({ msg }) => String(msg).includes("did not send a new block"))).to.equal(true);
    await indexer?.stop();
    silent.clients.forEach((client) => client.terminate());
    silent.close();
  });

  it("follows a Hardhat chain across blocks that hardhat_mine made, which are not linked", async () => {
    await chain.rpc("hardhat_mine", "0x28");
    follow();
    await indexedUpTo(database, await head());
    await randomActivity(chain, seededRandom(3), 2);
    await chain.rpc("hardhat_mine", "0x14");
    await indexedUpTo(database, await head());
    await expectIndexEqualsChain(database, chain);
  });
});
