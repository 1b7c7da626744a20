import { expect } from "chai";
import { Wallet as HolderKey } from "ethers";
import type { createAnchoringJobs } from "../../../../api/wallets/anchoring/jobs";
import type { Wallet } from "../../../../api/wallets/rules";
import { createWalletStore } from "../../../../api/wallets/store";
import type { RunningWorkers } from "../../../../api/workers";
import { registryDomain } from "../../../../chain/deployment";
import { registrationCall } from "../../../../chain/registry/registration";
import type { RelayerTransaction } from "../../../../chain/relayer/transaction";
import type { RelayStep } from "../../../../chain/relayer/deps";
import { addQueuedWallet, anchoringJobsOf, chainFacts, startAnchoringWorker } from "../../../support/anchorings";
import { eventually } from "../../../support/eventually";
import { type Fixture, fixture, fund } from "../../../support/fixture";
import { startChild } from "../../../support/startChild";

/** How many holders share the workers of the load test; `ANCHORINGS=1000` is the full one. */
const HOLDERS = Number(process.env["ANCHORINGS"] ?? "40");

/** Wallets that wait together when a worker is killed. */
const WAITING = 8;

const STEPS: RelayStep[] = ["persisted", "broadcast", "recorded", "mined", "handled", "confirmed"];

describe("anchoring a wallet's DID", () => {
  let on: Fixture;
  let jobs: ReturnType<typeof createAnchoringJobs>;
  const workers: RunningWorkers[] = [];

  before(async () => {
    on = await fixture("anchoring", { modules: ["wallets"], chain: true });
    jobs = anchoringJobsOf(on);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close(2_000)));
  });
  after(async () => {
    await jobs.queue.close();
    await on.close();
  });

  function start(): RunningWorkers {
    const worker = startAnchoringWorker(on);
    workers.push(worker);
    return worker;
  }

  async function untilMined(wallet: Wallet): Promise<Wallet> {
    const { walletAddress } = wallet;
    const poll = async () => {
      const found = await createWalletStore(on.context.mongo).find(walletAddress);
      return found?.anchoring.status === "mined" ? found : undefined;
    };
    return eventually(`anchoring of ${walletAddress}`, poll);
  }

  async function expectOneTransactionEach(wallets: Wallet[], transactionsBefore: number): Promise<void> {
    for (const { walletAddress } of wallets) {
      expect((await chainFacts(on, walletAddress)).registrations, walletAddress).to.equal(1);
    }
    // The account's nonce counts every transaction it ever had mined, cancellations and reverts included.
    expect((await chainFacts(on)).transactions - transactionsBefore).to.equal(wallets.length);
    const kept = await on.context.mongo
      .collection("relayer_transactions")
      .find({ state: { $ne: "mined" } })
      .toArray();
    expect(kept).to.deep.equal([]);
  }

  /** Each is registered once, its request has one transaction, and nothing was mined but the transactions stored. */
  async function expectAnchoredOnce(wallets: Wallet[], transactionsBefore: number): Promise<RelayerTransaction[]> {
    for (const { walletAddress } of wallets) {
      expect((await chainFacts(on, walletAddress)).registrations, walletAddress).to.equal(1);
    }
    const sent = await on.context.mongo
      .collection<RelayerTransaction>("relayer_transactions")
      .find({ "requests.subject": { $in: wallets.map(({ walletAddress }) => `anchoring/${walletAddress}`) } })
      .toArray();
    expect(sent.filter(({ state }) => state !== "mined")).to.deep.equal([]);
    const keys = sent.flatMap(({ requests }) => requests.map(({ key }) => key));
    expect(keys.sort()).to.deep.equal(
      wallets.map(({ walletAddress, anchoring }) => `anchoring/${walletAddress}/${anchoring.id}`).sort(),
    );
    expect((await chainFacts(on)).transactions - transactionsBefore).to.equal(sent.length);
    return sent;
  }

  it("registers the DID on-chain by one transaction of the relayer", async () => {
    const wallet = await addQueuedWallet(on);
    const { transactions } = await chainFacts(on);
    start();
    await jobs.enqueueAnchoring(wallet);
    const { anchoring } = await untilMined(wallet);
    const record = await on.context.chain.didRegistry.resolveDID(wallet.walletAddress);
    expect(record.did).to.equal(wallet.did);
    expect(record.documentUri).to.equal(wallet.anchoring.registration?.documentUri);
    expect(anchoring.transactionHashes).to.have.length(1);
    const receipt = await on.context.chain.provider.getTransactionReceipt(anchoring.transactionHashes[0]!);
    expect(receipt?.blockNumber).to.equal(anchoring.blockNumber);
    await expectOneTransactionEach([wallet], transactions);
  });

  it(`registers each DID once, and several by one transaction, for ${HOLDERS} holders, 3 workers and one key, each job given 3 times`, async () => {
    const { transactions } = await chainFacts(on);
    const wallets: Wallet[] = [];
    for (let holder = 0; holder < HOLDERS; holder += 1) wallets.push(await addQueuedWallet(on));
    const [first] = [start(), start(), start()];
    const startedAt = performance.now();
    for (let times = 0; times < 3; times += 1) {
      await Promise.all(wallets.map((wallet) => jobs.enqueueAnchoring(wallet)));
    }
    for (const wallet of wallets) await untilMined(wallet);
    const seconds = (performance.now() - startedAt) / 1000;
    if (process.env["ANCHORINGS"] !== undefined) console.log(`      ${(HOLDERS / seconds).toFixed(1)} anchorings/s`);
    await eventually("no pending transaction", async () => (await first.relayer.countPending()) === 0);
    const sent = await expectAnchoredOnce(wallets, transactions);
    expect(sent.length).to.be.at.most(HOLDERS / 2);
  });

  it("registers 64 wallets that are linked at once by few transactions", async () => {
    const { transactions } = await chainFacts(on);
    const wallets = await Promise.all(Array.from({ length: 64 }, () => addQueuedWallet(on)));
    const worker = start();
    await Promise.all(wallets.map((wallet) => jobs.enqueueAnchoring(wallet)));
    for (const wallet of wallets) await untilMined(wallet);
    await eventually("no pending transaction", async () => (await worker.relayer.countPending()) === 0);
    expect((await expectAnchoredOnce(wallets, transactions)).length).to.be.at.most(8);
  });

  it("keeps one transaction when 4 workers submit one request 8 times each, and one for two requests of one DID", async () => {
    const { transactions } = await chainFacts(on);
    const wallet = await addQueuedWallet(on);
    const four = [start(), start(), start(), start()] as const;
    const call = registrationCall(registryDomain(on.context.chain.deployment), wallet.anchoring.registration!);
    const subject = `anchoring/${wallet.walletAddress}`;
    const request = (id: string) => ({ kind: "anchoring", subject, key: `${subject}/${id}`, call, beneficiaries: [] });
    const submissions = four.flatMap(({ relayer }) =>
      Array.from({ length: 8 }, (_, index) =>
        relayer.submit(request(index % 2 === 0 ? wallet.anchoring.id : "another")),
      ),
    );
    // Who comes after it is mined is told that the registry would refuse it.
    const kept = (await Promise.allSettled(submissions)).flatMap((one) =>
      one.status === "fulfilled" ? [one.value] : [],
    );
    expect(kept.length).to.be.greaterThan(1);
    expect(new Set(kept.map(({ nonce }) => nonce)).size).to.equal(1);
    await untilMined(wallet);
    await eventually("no pending transaction", async () => (await four[0].relayer.countPending()) === 0);
    await expectOneTransactionEach([wallet], transactions);
  });

  it("queues a wallet again whose job Redis lost", async () => {
    const { transactions } = await chainFacts(on);
    const { redis, config } = on.context;
    const wallet = await addQueuedWallet(on, { queuedAt: new Date(Date.now() - 60_000) });
    await jobs.enqueueAnchoring(wallet);
    for (const key of await redis.keys(`${config.redis.prefix}:*`)) await redis.del(key);
    start();
    await untilMined(wallet);
    await expectOneTransactionEach([wallet], transactions);
  });

  it("asks for nothing when the holder has registered it already", async () => {
    const holder = HolderKey.createRandom().connect(on.context.chain.provider);
    const wallet = await addQueuedWallet(on, { holder });
    await fund(on.chain.rpcUrl, holder.address);
    const own = on.context.chain.didRegistry.connect(holder);
    await (await own.registerDID(wallet.did, "https://alice.example/did")).wait();
    const { transactions } = await chainFacts(on);
    start();
    await jobs.enqueueAnchoring(wallet);
    await untilMined(wallet);
    await expectOneTransactionEach([], transactions);
  });

  describe("survives kill -9 of the worker", () => {
    for (const dieAt of STEPS) {
      it(`at the step "${dieAt}", without a second transaction`, async () => {
        const { transactions } = await chainFacts(on);
        const wallet = await addQueuedWallet(on, { queuedAt: new Date(Date.now() - 60_000) });
        const child = await startChild(on, { modules: ["wallets"], works: true, withChain: true, dieAt });
        expect(await child.ended).to.equal("SIGKILL");
        start();
        await untilMined(wallet);
        await eventually("no pending transaction", async () => (await workers[0]!.relayer.countPending()) === 0);
        await expectOneTransactionEach([wallet], transactions);
      });
    }

    /** Where a transaction that registers several may be left. */
    const BULK_CRASHES: Omit<Parameters<typeof startChild>[1], "withChain">[] = [
      ...STEPS.map((dieAt) => ({ dieAt, dieAtKind: "bulk-anchoring" })),
      { crash: { mongo: "insert relayer_transactions", when: "before", nth: 1 } },
      // While the transaction is reported to its wallets, one after the other.
      { crash: { mongo: "update user_wallets", when: "before", nth: WAITING / 2 } },
      { crash: { mongo: "update user_wallets", when: "after", nth: WAITING + WAITING / 2 } },
    ];
    for (const crash of BULK_CRASHES) {
      it(`with ${WAITING} waiting, at ${JSON.stringify(crash)}, each registered once`, async () => {
        const { transactions } = await chainFacts(on);
        const queuedAt = new Date(Date.now() - 60_000);
        const wallets = await Promise.all(Array.from({ length: WAITING }, () => addQueuedWallet(on, { queuedAt })));
        await Promise.all(wallets.map((wallet) => jobs.enqueueAnchoring(wallet)));
        const child = await startChild(on, { modules: ["wallets"], works: true, withChain: true, ...crash });
        expect(await child.ended).to.equal("SIGKILL");
        start();
        for (const wallet of wallets) await untilMined(wallet);
        await eventually("no pending transaction", async () => (await workers[0]!.relayer.countPending()) === 0);
        const sent = await expectAnchoredOnce(wallets, transactions);
        expect(sent.some(({ requests }) => requests.length > 1)).to.equal(true);
      });
    }
  });
});
