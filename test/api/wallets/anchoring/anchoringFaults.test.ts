import { expect } from "chai";
import { Wallet as HolderKey } from "ethers";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Part } from "../../../../embedded/part";
import { startChain } from "../../../../embedded/startChain";
import { enqueueAnchoring } from "../../../../api/wallets/anchoring/jobs";
import { openWalletStore, type Wallet } from "../../../../api/wallets/store";
import type { WorkerApp } from "../../../../api/workerApp";
import { createChain } from "../../../../chain/client";
import { loadConfig } from "../../../../core/config/config";
import type { RelayerTransaction } from "../../../../chain/relayer/transaction";
import { deployContracts } from "../../../../chain/deploy";
import { DEVELOPMENT_RELAYER_KEY } from "../../../../core/config/relayer";
import { eventually } from "../../../support/eventually";
import { chainFacts, linkQueuedWallet, startTestWorker } from "./anchorings";
import { openRpcGate, type RpcGate } from "./rpcGate";
import { CHAIN_ID, fund, openStage, type Stage } from "../stage";

/** A chain of its own: these tests stop its mining, rewind it and start it anew. */
describe("anchoring when something stands in the way", () => {
  let dataDir: string;
  let node: Part;
  let gate: RpcGate;
  let stage: Stage;
  const workers: WorkerApp[] = [];

  before(async () => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-faults-"));
    node = await startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
    gate = await openRpcGate(node.url);
  });
  beforeEach(async () => {
    gate.mode = "open";
    stage = await openStage("faults", { rpcUrl: gate.url });
    gate.sent = [];
  });
  afterEach(async () => {
    gate.mode = "open";
    await send("evm_setAutomine", true);
    await Promise.all(workers.splice(0).map((worker) => worker.close(2_000)));
    await stage.close();
  });
  after(async () => {
    await gate.close();
    await node.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const send = (method: string, ...params: unknown[]) => stage.chain.provider.send(method, params) as Promise<unknown>;
  const find = async ({ walletAddress }: Wallet) => (await openWalletStore(stage.mongo).find(walletAddress))!.anchoring;
  const transactions = () =>
    stage.mongo.collection<RelayerTransaction>("relayer_transactions").find().sort({ nonce: 1 }).toArray();

  async function start(...options: Parameters<typeof startTestWorker> extends [Stage, ...infer Rest] ? Rest : never) {
    const worker = await startTestWorker(stage, ...options);
    workers.push(worker);
    return worker;
  }

  async function ask(worker: WorkerApp, wallet: Wallet): Promise<Wallet> {
    await enqueueAnchoring(worker.queue, wallet);
    return wallet;
  }

  function until(wallet: Wallet, status: string, fault?: string | null) {
    return eventually(`status ${status} ${fault ?? ""}`, async () => {
      const anchoring = await find(wallet);
      const same = fault === undefined || (anchoring.fault?.code ?? null) === fault;
      return anchoring.status === status && same ? anchoring : undefined;
    });
  }

  it("replaces a transaction nobody mines with a higher bid under the same nonce", async () => {
    await send("evm_setAutomine", false);
    const worker = await start({ stuckSeconds: 1 });
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    const replaced = await eventually("a replacement", async () => {
      const anchoring = await find(wallet);
      return anchoring.transactionHashes.length >= 2 ? anchoring : undefined;
    });
    expect(replaced.status).to.equal("submitted");
    await send("evm_mine");
    const { transactionHashes } = await until(wallet, "mined");
    const [kept] = await transactions();
    const bids = kept!.attempts.map(({ maxFeePerGas }) => BigInt(maxFeePerGas));
    expect(bids.every((bid, at) => at === 0 || bid * 100n >= bids[at - 1]! * 110n)).to.equal(true);
    expect(transactionHashes).to.include(kept!.receipt!.hash);
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("waits for money, says so, and goes on by itself when there is some", async () => {
    await fund(stage.chain, stage.relayer.address, 0n);
    const worker = await start();
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    const { fault } = await until(wallet, "queued", "relayer.insufficient_funds");
    expect(fault).to.include({ remedy: "automatic" });
    expect(fault?.message).to.contain(stage.relayer.address.toLowerCase());
    expect(await transactions()).to.deep.equal([]);
    await fund(stage.chain, stage.relayer.address);
    await until(wallet, "mined", null);
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("refuses a signature whose nonce the holder burned, without a transaction", async () => {
    const holder = HolderKey.createRandom().connect(stage.chain.provider);
    const wallet = await linkQueuedWallet(stage, { holder });
    await fund(stage.chain, holder.address);
    await (await stage.chain.didRegistry.connect(holder).burnNonce(holder.address, 0)).wait();
    await ask(await start(), wallet);
    const { fault } = await until(wallet, "failed", "anchoring.nonce_consumed");
    expect(fault).to.include({ remedy: "sign" });
    expect((await chainFacts(stage)).transactions).to.equal(0);
  });

  it("refuses a signature that is not the holder's as the registry does, without a transaction", async () => {
    const wallet = await linkQueuedWallet(stage);
    const foreign = await linkQueuedWallet(stage);
    const { signature } = foreign.anchoring.registration!;
    await stage.mongo
      .collection("user_wallets")
      .updateOne({ walletAddress: wallet.walletAddress }, { $set: { "anchoring.registration.signature": signature } });
    await ask(await start(), wallet);
    const { fault } = await until(wallet, "failed", "anchoring.reverted");
    expect(fault?.message).to.contain("InvalidSignature");
    expect((await chainFacts(stage)).transactions).to.equal(0);
  });

  it("refuses a signature that came too late, without a transaction", async () => {
    const wallet = await linkQueuedWallet(stage, {}, { deadline: new Date(Date.now() - 1_000) });
    await ask(await start(), wallet);
    await until(wallet, "failed", "anchoring.signature_expired");
    expect((await chainFacts(stage)).transactions).to.equal(0);
  });

  it("shows a transaction that reverted after it was sent, and why a new signature is needed", async () => {
    await send("evm_setAutomine", false);
    const worker = await start();
    const holder = HolderKey.createRandom().connect(stage.chain.provider);
    await fund(stage.chain, holder.address);
    const wallet = await ask(worker, await linkQueuedWallet(stage, { holder }));
    await until(wallet, "submitted");
    // The holder outbids the relayer, so that her burning of the nonce is mined first.
    const bid = { maxFeePerGas: 10n ** 12n, maxPriorityFeePerGas: 10n ** 12n };
    await stage.chain.didRegistry.connect(holder).burnNonce(holder.address, 0, { ...bid, gasLimit: 200_000 });
    await send("evm_mine");
    const { fault } = await until(wallet, "failed", "anchoring.reverted");
    expect(fault).to.include({ remedy: "sign" });
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 0, transactions: 1 });
    expect((await transactions()).map(({ state }) => state)).to.deep.equal(["reverted"]);
  });

  it("outlasts a chain that does not answer, and says so meanwhile", async () => {
    const worker = await start();
    gate.mode = "shut";
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    const { fault } = await until(wallet, "queued", "rpc.unreachable");
    expect(fault).to.include({ remedy: "automatic" });
    gate.mode = "open";
    await until(wallet, "mined", null);
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("sends the same bytes again when the answer to sending them was lost", async () => {
    const worker = await start();
    gate.mode = "deaf";
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    await eventually("a sending", () => gate.sent.length > 0);
    gate.mode = "open";
    await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await worker.relayer.countPending()) === 0);
    expect(new Set(gate.sent).size).to.equal(1);
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });

  it("takes another nonce when somebody else used its own", async () => {
    await send("evm_setAutomine", false);
    const worker = await start({ stuckSeconds: 1 });
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    await until(wallet, "submitted");
    const other = stage.relayer.connect(stage.chain.provider);
    const bid = { maxFeePerGas: 10n ** 13n, maxPriorityFeePerGas: 10n ** 13n };
    await other.sendTransaction({ to: other.address, nonce: 0, ...bid });
    await send("evm_mine");
    await send("evm_setAutomine", true);
    await until(wallet, "mined");
    const states = (await transactions()).map(({ nonce, state }) => ({ nonce, state }));
    expect(states).to.deep.include({ nonce: 0, state: "lost" });
    expect(await chainFacts(stage, wallet.walletAddress)).to.deep.equal({ registrations: 1, transactions: 2 });
  });

  it("sends again, with the same bytes, what a reorg took out of the chain", async () => {
    const snapshot = await send("evm_snapshot");
    const worker = await start();
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    await until(wallet, "mined");
    await eventually("no pending transaction", async () => (await worker.relayer.countPending()) === 0);
    await send("evm_revert", snapshot);
    await fund(stage.chain, stage.relayer.address);
    expect((await chainFacts(stage, wallet.walletAddress)).registrations).to.equal(0);
    const back = () => chainFacts(stage, wallet.walletAddress).then(({ registrations }) => registrations === 1);
    await eventually("the registration on the new branch", back);
    expect(new Set(gate.sent).size).to.equal(1);
  });

  it("fills a nonce that nobody holds, so that later ones are mined", async () => {
    // Somebody used the key before us, in a block that a reorg takes away afterwards.
    const snapshot = await send("evm_snapshot");
    const other = stage.relayer.connect(stage.chain.provider);
    await (await other.sendTransaction({ to: other.address })).wait();
    const worker = await start({ stuckSeconds: 1 });
    await send("evm_setAutomine", false);
    const wallet = await ask(worker, await linkQueuedWallet(stage));
    await eventually("a kept transaction", async () => (await transactions()).length > 0);
    await send("evm_revert", snapshot);
    await fund(stage.chain, stage.relayer.address);
    await send("evm_setAutomine", true);
    await until(wallet, "mined");
    const kept = await transactions();
    expect(kept.map(({ nonce, kind }) => ({ nonce, kind }))).to.deep.equal([
      { nonce: 0, kind: "nonce_gap" },
      { nonce: 1, kind: "anchoring" },
    ]);
    expect((await chainFacts(stage, wallet.walletAddress)).registrations).to.equal(1);
  });

  it("begins its nonces anew on a development chain that was reset", async () => {
    const worker = await start();
    const first = await ask(worker, await linkQueuedWallet(stage));
    await until(first, "mined");
    await worker.close(2_000);
    workers.splice(0);

    gate.mode = "shut";
    await node.restart();
    gate.mode = "open";
    const { deploymentsDir, chain } = stage;
    const { didMethod } = chain.deployment;
    rmSync(join(deploymentsDir, `${CHAIN_ID}.json`));
    await deployContracts({
      rpcUrl: gate.url,
      chainId: CHAIN_ID,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod,
      deploymentsDir,
      report: () => undefined,
    });
    chain.close();
    stage.chain = createChain(loadConfig("api", { RPC_URL: gate.url, DEPLOYMENTS_DIR: deploymentsDir }).chain);
    await fund(stage.chain, stage.relayer.address);
    const second = await ask(await start(), await linkQueuedWallet(stage));
    await until(second, "mined");
    expect((await transactions()).map(({ nonce }) => nonce)).to.deep.equal([0, 0]);
    expect(await chainFacts(stage, second.walletAddress)).to.deep.equal({ registrations: 1, transactions: 1 });
  });
});
