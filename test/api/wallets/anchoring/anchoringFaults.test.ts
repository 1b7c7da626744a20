import { expect } from "chai";
import { Wallet as HolderKey, ZeroHash } from "ethers";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Service } from "../../../../embedded/service";
import { startChain } from "../../../../embedded/startChain";
import { createModules } from "../../../../api/modules";
import type { createAnchoringJobs } from "../../../../api/wallets/anchoring/jobs";
import type { Wallet } from "../../../../api/wallets/rules";
import { createWalletStore } from "../../../../api/wallets/store";
import type { RunningWorkers } from "../../../../api/workers";
import type { RelayerTransaction } from "../../../../chain/relayer/transaction";
import { DEVELOPMENT_RELAYER_KEY } from "../../../../core/config/relayer";
import { deployContracts } from "../../../../chain/deploy";
import { addQueuedWallet, anchoringJobsOf, chainFacts, startAnchoringWorker } from "../../../support/anchorings";
import { eventually } from "../../../support/eventually";
import { CHAIN_ID, type Fixture, fixture, fund } from "../../../support/fixture";
import { createTestContext } from "../../../support/testContext";
import { startRpcProxy, type RpcProxy } from "./rpcProxy";

/** A chain of its own: these tests stop its mining, rewind it and start it anew. */
describe("anchoring when something stands in the way", () => {
  let dataDir: string;
  let node: Service;
  let proxy: RpcProxy;
  let on: Fixture;
  let jobs: ReturnType<typeof createAnchoringJobs>;
  const workers: RunningWorkers[] = [];

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-faults-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
    proxy = await startRpcProxy(node.url);
  });
  beforeEach(async () => {
    proxy.mode = "forward";
    on = await fixture("faults", { modules: ["wallets"], chain: { rpcUrl: proxy.url } });
    jobs = anchoringJobsOf(on);
    proxy.sent = [];
  });
  afterEach(async () => {
    proxy.mode = "forward";
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
  const find = async ({ walletAddress }: Wallet) =>
    (await createWalletStore(on.context.mongo).find(walletAddress))!.anchoring;
  const transactions = () =>
    on.context.mongo.collection<RelayerTransaction>("relayer_transactions").find().sort({ nonce: 1 }).toArray();

  function start(options: { stuckSeconds?: number } = {}): RunningWorkers {
    const worker = startAnchoringWorker(on, options);
    workers.push(worker);
    return worker;
  }

  async function enqueue(wallet: Wallet): Promise<Wallet> {
    await jobs.enqueueAnchoring(wallet);
    return wallet;
  }

  function until(wallet: Wallet, status: string, error?: string | null) {
    return eventually(`status ${status} ${error ?? ""}`, async () => {
      const anchoring = await find(wallet);
      const same = error === undefined || (anchoring.error?.code ?? null) === error;
      return anchoring.status === status && same ? anchoring : undefined;
    });
  }

  it("replaces a transaction nobody mines with a higher bid under the same nonce", async () => {
    await send("evm_setAutomine", false);
    start({ stuckSeconds: 1 });
    const wallet = await enqueue(await addQueuedWallet(on));
    const replaced = await eventually("a replacement", async () => {
      const anchoring = await find(wallet);
      return anchoring.transactionHashes.length >= 2 ? anchoring : undefined;
    });
    expect(replaced.status).to.equal("submitted");
    await send("evm_mine");
    const { transactionHashes } = await until(wallet, "mined");
    // The wallet learns the outcome first; the receipt is recorded once it was told.
    const { attempts, receipt } = await eventually("the receipt to be recorded", async () => {
      const [transaction] = await transactions();
      return transaction?.receipt === undefined ? undefined : transaction;
    });
    const bids = attempts.map(({ maxFeePerGas }) => BigInt(maxFeePerGas));
    expect(bids.every((bid, at) => at === 0 || bid * 100n >= bids[at - 1]! * 110n)).to.equal(true);
    expect(transactionHashes).to.include(receipt?.hash);
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("waits for money, says so, and goes on by itself when there is some", async () => {
    await fund(proxy.url, on.chain.relayer.address, 0n);
    start();
    const wallet = await enqueue(await addQueuedWallet(on));
    const { error } = await until(wallet, "queued", "relayer.insufficient_funds");
    expect(error).to.include({ remedy: "automatic" });
    expect(error?.message).to.contain(on.chain.relayer.address.toLowerCase());
    expect(await transactions()).to.deep.equal([]);
    await fund(proxy.url, on.chain.relayer.address);
    await until(wallet, "mined", null);
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("refuses a signature whose nonce the holder burned, without a transaction", async () => {
    const holder = HolderKey.createRandom().connect(on.context.chain.provider);
    const wallet = await addQueuedWallet(on, { holder });
    await fund(proxy.url, holder.address);
    await (await on.context.chain.didRegistry.connect(holder).cancelNonces(holder.address, ZeroHash, 1)).wait();
    start();
    await enqueue(wallet);
    const { error } = await until(wallet, "failed", "anchoring.nonce_consumed");
    expect(error).to.include({ remedy: "sign" });
    expect((await chainFacts(on)).transactions).to.equal(0);
  });

  it("refuses a signature that is not the holder's as the registry does, without a transaction", async () => {
    const wallet = await addQueuedWallet(on);
    const foreign = await addQueuedWallet(on);
    const { signature } = foreign.anchoring.registration!;
    await on.context.mongo
      .collection("user_wallets")
      .updateOne({ walletAddress: wallet.walletAddress }, { $set: { "anchoring.registration.signature": signature } });
    start();
    await enqueue(wallet);
    const { error } = await until(wallet, "failed", "anchoring.reverted");
    expect(error?.message).to.contain("InvalidSignature");
    expect((await chainFacts(on)).transactions).to.equal(0);
  });

  it("refuses a signature that came too late, without a transaction", async () => {
    const wallet = await addQueuedWallet(on, {}, { deadline: new Date(Date.now() - 1_000) });
    start();
    await enqueue(wallet);
    await until(wallet, "failed", "anchoring.signature_expired");
    expect((await chainFacts(on)).transactions).to.equal(0);
  });

  it("shows a transaction that reverted after it was sent, and why a new signature is needed", async () => {
    await send("evm_setAutomine", false);
    start();
    const holder = HolderKey.createRandom().connect(on.context.chain.provider);
    await fund(proxy.url, holder.address);
    const wallet = await enqueue(await addQueuedWallet(on, { holder }));
    await until(wallet, "submitted");
    // The holder outbids the relayer, so that her burning of the nonce is mined first.
    const bid = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 12n };
    await on.context.chain.didRegistry
      .connect(holder)
      .cancelNonces(holder.address, ZeroHash, 1, { ...bid, gasLimit: 200_000 });
    await send("evm_mine");
    const { error } = await until(wallet, "failed", "anchoring.reverted");
    expect(error).to.include({ remedy: "sign" });
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 0, transactions: 1 });
    await eventually("the outcome to be recorded", async () => (await transactions())[0]?.state === "reverted");
    expect(await transactions()).to.have.length(1);
  });

  it("outlasts a chain that does not answer, and says so meanwhile", async () => {
    start();
    proxy.mode = "cut";
    const wallet = await enqueue(await addQueuedWallet(on));
    const { error } = await until(wallet, "queued", "rpc.unreachable");
    expect(error).to.include({ remedy: "automatic" });
    proxy.mode = "forward";
    await until(wallet, "mined", null);
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("sends the same bytes again when the answer to sending them was lost", async () => {
    const worker = start();
    proxy.mode = "drop answers";
    const wallet = await enqueue(await addQueuedWallet(on));
    await eventually("a sending", () => proxy.sent.length > 0);
    proxy.mode = "forward";
    await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await worker.relayer.countPending()) === 0);
    expect(new Set(proxy.sent).size).to.equal(1);
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("takes another nonce when somebody else used its own", async () => {
    await send("evm_setAutomine", false);
    start({ stuckSeconds: 1 });
    const wallet = await enqueue(await addQueuedWallet(on));
    await until(wallet, "submitted");
    const other = on.chain.relayer.connect(on.context.chain.provider);
    const bid = { maxFeePerGas: 10n ** 13n, maxPriorityFeePerGas: 10n ** 13n };
    await other.sendTransaction({ to: other.address, nonce: 0, ...bid });
    await send("evm_mine");
    await send("evm_setAutomine", true);
    await until(wallet, "mined");
    const states = (await transactions()).map(({ nonce, state }) => ({ nonce, state }));
    expect(states).to.deep.include({ nonce: 0, state: "lost" });
    expect(await chainFacts(on, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 2 });
  });

  it("sends again, with the same bytes, what a reorg took out of the chain", async () => {
    const snapshot = await send("evm_snapshot");
    const worker = start();
    const wallet = await enqueue(await addQueuedWallet(on));
    await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await worker.relayer.countPending()) === 0);
    await send("evm_revert", snapshot);
    await fund(proxy.url, on.chain.relayer.address);
    expect((await chainFacts(on, wallet.walletAddress)).registrations).to.equal(0);
    const back = () => chainFacts(on, wallet.walletAddress).then(({ registrations }) => registrations === 1);
    await eventually("the registration on the new branch", back, 20_000);
    expect(new Set(proxy.sent).size).to.equal(1);
  });

  it("fills a nonce that nobody holds, so that later ones are mined", async () => {
    // Somebody used the key before us, in a block that a reorg takes away afterwards.
    const snapshot = await send("evm_snapshot");
    const other = on.chain.relayer.connect(on.context.chain.provider);
    await (await other.sendTransaction({ to: other.address })).wait();
    start({ stuckSeconds: 1 });
    await send("evm_setAutomine", false);
    const wallet = await enqueue(await addQueuedWallet(on));
    await eventually("a kept transaction", async () => (await transactions()).length > 0);
    await send("evm_revert", snapshot);
    await fund(proxy.url, on.chain.relayer.address);
    await send("evm_setAutomine", true);
    await until(wallet, "mined");
    const kept = await transactions();
    expect(kept.map(({ nonce, kind }) => ({ nonce, kind }))).to.deep.equal([
      { nonce: 0, kind: "nonce_gap" },
      { nonce: 1, kind: "anchoring" },
    ]);
    expect((await chainFacts(on, wallet.walletAddress)).registrations).to.equal(1);
  });

  it("begins its nonces anew on a development chain that was reset", async () => {
    const worker = start();
    const first = await enqueue(await addQueuedWallet(on));
    await until(first, "mined");
    await worker.close(2_000);
    workers.splice(0);

    proxy.mode = "cut";
    await node.restart();
    proxy.mode = "forward";
    const { deploymentsDir } = on.chain;
    const { didMethod } = on.context.chain.deployment;
    rmSync(join(deploymentsDir, `${CHAIN_ID}.json`));
    await deployContracts({
      rpcUrl: proxy.url,
      chainId: CHAIN_ID,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod,
      deploymentsDir,
      report: () => undefined,
    });
    const { context, close } = await createTestContext(on.contextOptions, {
      logger: on.context.logger,
      withChain: true,
    });
    const anew = { ...on, context, modules: createModules(context) };
    await fund(proxy.url, on.chain.relayer.address);
    workers.push(startAnchoringWorker(anew));
    const second = await enqueue(await addQueuedWallet(anew));
    await until(second, "mined");
    expect((await transactions()).map(({ nonce }) => nonce)).to.deep.equal([0, 0]);
    expect(await chainFacts(anew, second.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
    await Promise.all(workers.splice(0).map((worker) => worker.close(2_000)));
    await Promise.all(Object.values(anew.modules).map((module) => module.close()));
    await close();
  });
});
