import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Wallet as HolderKey } from "ethers";
import { enqueueAnchoring, openAnchoringQueue } from "../../../../api/wallets/anchoring/jobs";
import { registryDomain } from "../../../../chain/deployment";
import { registrationCall } from "../../../../chain/registry/registration";
import { openWalletStore, type Wallet } from "../../../../api/wallets/store";
import type { WorkerApp } from "../../../../api/workerApp";
import type { RelayStep } from "../../../../chain/relayer/deps";
import { eventually } from "../../../support/eventually";
import { chainFacts, linkQueuedWallet, startTestWorker } from "./anchorings";
import { fund, openStage, type Stage } from "../stage";
import type { ChildOrders } from "./workerChild";

/** How many holders share the workers of the load test; `ANCHORINGS=1000` is the full one. */
const HOLDERS = Number(process.env["ANCHORINGS"] ?? "40");

const STEPS: RelayStep[] = ["persisted", "broadcast", "recorded", "mined", "handled", "confirmed"];

describe("anchoring a wallet's DID", () => {
  let stage: Stage;
  const workers: WorkerApp[] = [];
  const children: ChildProcess[] = [];

  before(async () => {
    stage = await openStage("anchoring");
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await Promise.all(workers.splice(0).map((worker) => worker.close(2_000)));
  });
  after(() => stage.close());

  async function start(): Promise<WorkerApp> {
    const worker = await startTestWorker(stage);
    workers.push(worker);
    return worker;
  }

  async function untilMined(wallet: Wallet): Promise<Wallet> {
    const { walletAddress } = wallet;
    const look = async () => {
      const found = await openWalletStore(stage.mongo).find(walletAddress);
      return found?.anchoring.status === "mined" ? found : undefined;
    };
    return eventually(`anchoring of ${walletAddress}`, look);
  }

  async function expectOneTransactionEach(wallets: Wallet[], transactionsBefore: number): Promise<void> {
    for (const { walletAddress } of wallets) {
      expect((await chainFacts(stage, walletAddress)).registrations, walletAddress).to.equal(1);
    }
    // The account's nonce counts every transaction it ever had mined, cancellations and reverts included.
    expect((await chainFacts(stage)).transactions - transactionsBefore).to.equal(wallets.length);
    const kept = await stage.mongo
      .collection("relayer_transactions")
      .find({ state: { $ne: "mined" } })
      .toArray();
    expect(kept).to.deep.equal([]);
  }

  it("registers the DID on-chain by one transaction of the relayer", async () => {
    const wallet = await linkQueuedWallet(stage);
    const { transactions } = await chainFacts(stage);
    const worker = await start();
    await enqueueAnchoring(worker.queue, wallet);
    const { anchoring } = await untilMined(wallet);
    const record = await stage.chain.didRegistry.resolveDID(wallet.walletAddress);
    expect(record.did).to.equal(wallet.did);
    expect(record.documentUri).to.equal(wallet.anchoring.registration?.documentUri);
    expect(anchoring.transactionHashes).to.have.length(1);
    const receipt = await stage.chain.provider.getTransactionReceipt(anchoring.transactionHashes[0]!);
    expect(receipt?.blockNumber).to.equal(anchoring.blockNumber);
    await expectOneTransactionEach([wallet], transactions);
  });

  it(`mines exactly one transaction a DID for ${HOLDERS} holders, 3 workers and one key, each job given 3 times`, async () => {
    const { transactions } = await chainFacts(stage);
    const wallets: Wallet[] = [];
    for (let holder = 0; holder < HOLDERS; holder += 1) wallets.push(await linkQueuedWallet(stage));
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    const startedAt = performance.now();
    for (const worker of [first, second, third]) {
      await Promise.all(wallets.map((wallet) => enqueueAnchoring(worker.queue, wallet)));
    }
    for (const wallet of wallets) await untilMined(wallet);
    const seconds = (performance.now() - startedAt) / 1000;
    if (process.env["ANCHORINGS"] !== undefined) console.log(`      ${(HOLDERS / seconds).toFixed(1)} anchorings/s`);
    await eventually("no pending transaction", async () => (await first.relayer.countPending()) === 0);
    await expectOneTransactionEach(wallets, transactions);
  });

  it("keeps one transaction when 4 workers submit one request 8 times each, and one for two requests of one DID", async () => {
    const { transactions } = await chainFacts(stage);
    const wallet = await linkQueuedWallet(stage);
    const four = await Promise.all([start(), start(), start(), start()]);
    const call = registrationCall(registryDomain(stage.chain.deployment), wallet.anchoring.registration!);
    const subject = `anchoring/${wallet.walletAddress}`;
    const request = (id: string) => ({ kind: "anchoring", subject, key: `${subject}/${id}`, call });
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
    const { transactions } = await chainFacts(stage);
    const redis = stage.connectRedis(false);
    const queue = openAnchoringQueue({ redis, prefix: stage.redisPrefix });
    const wallet = await linkQueuedWallet(stage, { queuedAt: new Date(Date.now() - 60_000) });
    await enqueueAnchoring(queue, wallet);
    for (const key of await redis.keys(`${stage.redisPrefix}:*`)) await redis.del(key);
    await start();
    await untilMined(wallet);
    await expectOneTransactionEach([wallet], transactions);
    await queue.close();
  });

  it("asks for nothing when the holder has registered it already", async () => {
    const holder = HolderKey.createRandom().connect(stage.chain.provider);
    const wallet = await linkQueuedWallet(stage, { holder });
    await fund(stage.chain, holder.address);
    const own = stage.chain.didRegistry.connect(holder);
    await (await own["registerDID(string,string)"](wallet.did, "https://alice.example/did")).wait();
    const { transactions } = await chainFacts(stage);
    const worker = await start();
    await enqueueAnchoring(worker.queue, wallet);
    await untilMined(wallet);
    await expectOneTransactionEach([], transactions);
  });

  describe("survives kill -9 of the worker", () => {
    for (const dieAt of STEPS) {
      it(`at the step "${dieAt}", without a second transaction`, async () => {
        const { transactions } = await chainFacts(stage);
        const wallet = await linkQueuedWallet(stage, { queuedAt: new Date(Date.now() - 60_000) });
        const [, signal] = (await once(spawnWorker(dieAt), "exit")) as [number | null, string | null];
        expect(signal).to.equal("SIGKILL");
        await start();
        await untilMined(wallet);
        await eventually("no pending transaction", async () => (await workers[0]!.relayer.countPending()) === 0);
        await expectOneTransactionEach([wallet], transactions);
      });
    }
  });

  function spawnWorker(dieAt: string | null): ChildProcess {
    const { mongo, redisUrl, redisPrefix, rpcUrl, deploymentsDir, relayer } = stage;
    const { host, port, name } = mongo;
    const orders: ChildOrders = {
      environment: {
        MONGODB_URI: `mongodb://${host}:${port}/${name}`,
        ...{ REDIS_URL: redisUrl, REDIS_PREFIX: redisPrefix, RPC_URL: rpcUrl, DEPLOYMENTS_DIR: deploymentsDir },
      },
      ...{ relayerPrivateKey: relayer.privateKey, dieAt },
    };
    const script = join(__dirname, "workerChild.ts");
    const child = spawn(process.execPath, ["--require", "./scripts/typescript.cjs", script, JSON.stringify(orders)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    children.push(child);
    return child;
  }
});
