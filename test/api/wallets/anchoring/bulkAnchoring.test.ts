import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Wallet as HolderKey, ZeroHash } from "ethers";
import { anchorAlone, anchorWallets } from "../../../../api/wallets/anchoring/anchorWallets";
import type { createAnchoringJobs } from "../../../../api/wallets/anchoring/jobs";
import type { Wallet } from "../../../../api/wallets/rules";
import { createWalletStore } from "../../../../api/wallets/store";
import type { RunningWorkers } from "../../../../api/workers";
import type { RelayerTransaction } from "../../../../chain/relayer/transaction";
import type { Service } from "../../../../embedded/service";
import { startChain } from "../../../../embedded/startChain";
import { addQueuedWallet, anchoringJobsOf, chainFacts, startAnchoringWorker } from "../../../support/anchorings";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture, fund } from "../../../support/fixture";
import { type RpcProxy, startRpcProxy } from "./rpcProxy";

/** Runtime code of an ERC-1271 wallet that approves everything: returns the magic value. */
const APPROVES = "0x631626ba7e60e01b60005260206000f3";
/** Of one that reverts. */
const REVERTS = "0x60006000fd";
/** Of one that uses all the gas it is given (INVALID), at once: a loop would take the development chain's node seconds. */
const BURNS = "0xfe";

/** A chain of its own: these tests stop its mining, rewind it and change code on it. */
describe("anchoring several wallets by one transaction", () => {
  let dataDir: string;
  let node: Service;
  let proxy: RpcProxy;
  let on: Fixture;
  let jobs: ReturnType<typeof createAnchoringJobs>;
  const workers: RunningWorkers[] = [];

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-bulk-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
    proxy = await startRpcProxy(node.url);
  });
  beforeEach(async () => {
    // No sweep queues what a test takes care of itself, however long it takes.
    const timing = { sweepAfterSeconds: 3_600 };
    on = await fixture("bulk", { modules: ["wallets"], chain: { rpcUrl: proxy.url }, timing });
    jobs = anchoringJobsOf(on);
    proxy.sent = [];
  });
  afterEach(async () => {
    await send("evm_setAutomine", true);
    await Promise.all(workers.splice(0).map((worker) => worker.close(2_000)));
    await jobs.queue.close();
    await on.close();
  });
  after(async () => {
    await proxy.close();
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const send = (method: string, ...params: unknown[]) =>
    on.context.chain.provider.send(method, params) as Promise<unknown>;
  const store = () => createWalletStore(on.context.mongo);
  const find = async ({ walletAddress }: Wallet) => (await store().find(walletAddress))!.anchoring;
  const transactions = () =>
    on.context.mongo.collection<RelayerTransaction>("relayer_transactions").find().sort({ nonce: 1 }).toArray();
  const sizes = async () => (await transactions()).map(({ requests }) => requests.length);

  function start(): RunningWorkers {
    const worker = startAnchoringWorker(on);
    workers.push(worker);
    return worker;
  }

  /** What a worker does when the jobs of these wallets wait together. */
  async function anchor(wallets: Wallet[], worker = workers[0] ?? start()): Promise<(Error | null)[]> {
    const { relayer } = worker;
    const { enqueueAnchoring } = jobs;
    const pass = () => Promise.resolve();
    const deps = {
      ...on.context,
      wallets: store(),
      enqueueAnchoring,
      relayer,
      requireVerified: pass,
      requireConfirmedEmail: pass,
    };
    const requests = wallets.map(({ walletAddress, anchoring }) => ({ walletAddress, anchoringId: anchoring.id }));
    const answers: (Error | null)[] = [];
    for (const answer of await anchorWallets(deps, requests)) {
      if (answer !== null && "anchoring" in answer) answers.push(await anchorAlone(deps, answer).then(() => null));
      else answers.push(answer);
    }
    return answers;
  }

  function until(wallet: Wallet, status: string, error?: string) {
    return eventually(`status ${status} ${error ?? ""}`, async () => {
      const anchoring = await find(wallet);
      return anchoring.status === status && (error === undefined || anchoring.error?.code === error) && anchoring;
    });
  }

  const add = (count: number) => Promise.all(Array.from({ length: count }, () => addQueuedWallet(on)));

  /** A linked contract wallet: an address with this code. */
  async function addContractWallet(code: string): Promise<Wallet> {
    const wallet = await addQueuedWallet(on);
    const set = { $set: { kind: "contract" } };
    await on.context.mongo.collection("user_wallets").updateOne({ walletAddress: wallet.walletAddress }, set);
    await send("hardhat_setCode", wallet.walletAddress, code);
    return { ...wallet, kind: "contract" };
  }

  it("registers them all, and each wallet shows the transaction", async () => {
    const wallets = [...(await add(4)), await addContractWallet(APPROVES)];
    expect(await anchor(wallets)).to.deep.equal([null, null, null, null, null]);
    for (const wallet of wallets) {
      const { transactionHashes } = await until(wallet, "mined");
      expect(transactionHashes).to.deep.equal([(await transactions())[0]!.attempts[0]!.hash]);
      expect((await chainFacts(on, wallet.walletAddress)).registrations).to.equal(1);
    }
    expect(await sizes()).to.deep.equal([5]);
  });

  it("sends one that is alone by the registry's call for one", async () => {
    const [wallet] = await add(1);
    await anchor([wallet!]);
    await until(wallet!, "mined");
    expect((await transactions()).map(({ kind }) => kind)).to.deep.equal(["anchoring"]);
  });

  it("leaves out what the registry would refuse, and says why, without hindering the others", async () => {
    const [foreign, ...good] = await add(4);
    const late = await addQueuedWallet(on, {}, { deadline: new Date(Date.now() - 1_000) });
    const early = await addQueuedWallet(on, {}, { nonce: "1" });
    const reverting = await addContractWallet(REVERTS);
    const burning = await addContractWallet(BURNS);
    const { signature } = good[0]!.anchoring.registration!;
    await on.context.mongo
      .collection("user_wallets")
      .updateOne(
        { walletAddress: foreign!.walletAddress },
        { $set: { "anchoring.registration.signature": signature } },
      );
    const all = [foreign!, late, early, reverting, burning, ...good];
    expect(await anchor(all)).to.deep.equal(all.map(() => null));
    for (const wallet of good) await until(wallet, "mined");
    expect((await until(foreign!, "failed", "anchoring.reverted")).error?.message).to.contain("InvalidSignature");
    await until(late, "failed", "anchoring.signature_expired");
    await until(early, "failed", "anchoring.nonce_consumed");
    await until(reverting, "failed", "anchoring.reverted");
    await until(burning, "failed", "anchoring.reverted");
    expect(await sizes()).to.deep.equal([3]);
  });

  it("drops the request of a wallet that was unlinked, and one that was replaced", async () => {
    const [unlinked, replaced, ...others] = await add(4);
    await store().remove(unlinked!.userId, unlinked!.walletAddress);
    const next = { ...replaced!.anchoring, id: "another" };
    await store().replaceAnchoring(replaced!.walletAddress, replaced!.anchoring.id, next);
    await anchor([unlinked!, replaced!, ...others]);
    for (const wallet of others) await until(wallet, "mined");
    expect((await transactions()).flatMap(({ requests }) => requests.map(({ key }) => key)).sort()).to.deep.equal(
      others.map(({ walletAddress, anchoring }) => `anchoring/${walletAddress}/${anchoring.id}`).sort(),
    );
    expect((await find(replaced!)).status).to.equal("queued");
  });

  it("says of each entry that the registry skipped why, and registers the others", async () => {
    const key = HolderKey.createRandom();
    const own = HolderKey.createRandom();
    const good = await add(2);
    const cancelled = await addQueuedWallet(on, { holder: key });
    const registered = await addQueuedWallet(on, { holder: own });
    const late = await addQueuedWallet(on, {}, { deadline: new Date((Math.floor(Date.now() / 1000) + 600) * 1000) });
    const reverting = await addContractWallet(APPROVES);
    const burning = await addContractWallet(APPROVES);
    for (const { address } of [key, own]) await fund(proxy.url, address);
    await send("evm_setAutomine", false);
    const all = [cancelled, registered, reverting, burning, late, ...good];
    expect(await anchor(all)).to.deep.equal(all.map(() => null));
    for (const wallet of all) await until(wallet, "submitted");

    // All that happens before the transaction is mined.
    const { didRegistry, provider } = on.context.chain;
    const bid = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 12n, gasLimit: 300_000 };
    await didRegistry.connect(key.connect(provider)).cancelNonces(key.address, ZeroHash, 1, bid);
    await didRegistry.connect(own.connect(provider)).registerDID(registered.did, "https://alice.example/did", bid);
    await send("hardhat_setCode", reverting.walletAddress, REVERTS);
    await send("hardhat_setCode", burning.walletAddress, BURNS);
    await send("evm_increaseTime", 1_200);
    await send("evm_mine");
    await send("evm_setAutomine", true);

    for (const wallet of good) {
      await until(wallet, "mined");
      expect((await chainFacts(on, wallet.walletAddress)).registrations).to.equal(1);
    }
    expect((await until(cancelled, "failed", "anchoring.nonce_consumed")).error?.remedy).to.equal("sign");
    expect((await until(registered, "mined")).blockNumber).to.equal(null);
    expect((await until(late, "failed", "anchoring.signature_expired")).error?.remedy).to.equal("sign");
    for (const wallet of [reverting, burning]) {
      expect((await until(wallet, "failed", "anchoring.reverted")).error?.message).to.contain("InvalidSignature");
    }
    expect(await sizes()).to.deep.equal([7]);
  });

  it("registers one by one when what the others did made the transaction run out of gas", async () => {
    const good = await add(1);
    const burning = await add(3);
    await send("evm_setAutomine", false);
    await anchor([...burning, ...good]);
    for (const wallet of good) await until(wallet, "submitted");
    // Key accounts have no code when the gas is reckoned.
    for (const { walletAddress } of burning) await send("hardhat_setCode", walletAddress, BURNS);
    await send("evm_mine");
    await send("evm_setAutomine", true);
    await until(good[0]!, "mined");
    for (const wallet of burning) await until(wallet, "failed", "anchoring.reverted");
    expect((await transactions()).map(({ state, requests }) => [state, requests.length])).to.deep.equal([
      ["reverted", 4],
      ["mined", 1],
    ]);
  });

  it("registers each once when 16 workers' turns with overlapping wallets race", async () => {
    const wallets = await add(12);
    const two = [start(), start()] as const;
    const turn = (index: number) => anchor(wallets.slice(index % 4, (index % 4) + 9), two[index % 2 === 0 ? 0 : 1]);
    await Promise.all(Array.from({ length: 16 }, (_, index) => turn(index)));
    await eventually("nothing left to do", async () => (await anchor(wallets)).every((error) => error === null));
    for (const wallet of wallets) await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await two[0].relayer.countPending()) === 0);
    for (const { walletAddress } of wallets) {
      expect((await chainFacts(on, walletAddress)).registrations).to.equal(1);
    }
    expect((await sizes()).reduce((sum, size) => sum + size, 0)).to.equal(12);
    expect((await chainFacts(on)).transactions).to.equal((await transactions()).length);
  });

  it("sends again, with the same bytes, what a reorg took out of the chain", async () => {
    const wallets = await add(3);
    const snapshot = await send("evm_snapshot");
    await anchor(wallets);
    for (const wallet of wallets) await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await workers[0]!.relayer.countPending()) === 0);
    await send("evm_revert", snapshot);
    await fund(proxy.url, on.chain.relayer.address);
    for (const { walletAddress } of wallets) {
      await eventually("its registration on the new branch", async () => {
        return (await chainFacts(on, walletAddress)).registrations === 1;
      });
    }
    expect(new Set(proxy.sent).size).to.equal(1);
  });
});
