import { Wallet as HolderKey } from "ethers";
import { createModules } from "../../api/modules";
import { createAnchoringJobs } from "../../api/wallets/anchoring/jobs";
import { newAnchoring } from "../../api/wallets/anchoring/rules";
import type { Wallet } from "../../api/wallets/rules";
import { createWalletStore } from "../../api/wallets/store";
import { type RunningWorkers, startWorkers } from "../../api/workers";
import { createChain } from "../../chain/client";
import { registryDomain } from "../../chain/deployment";
import { formatDid } from "../../chain/did/did";
import { registrationTypedData } from "../../chain/registry/registration";
import { addSeconds, sleep } from "../../core/clock";
import type { Config } from "../../core/config/config";
import { randomId } from "../../core/crypto";
import { createLogger } from "../../core/logger";
import { connectMongo, ensureIndexes } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { type Context, createContext } from "../../process/context";

/** A worker that anchors, and what it works on. */
export interface AnchoringBench {
  context: Context;
  modules: ReturnType<typeof createModules>;
  workers: RunningWorkers;
  jobs: ReturnType<typeof createAnchoringJobs>;
}

/** What anchoring some wallets took. */
export interface Round {
  transactions: number;
  /** Gas used, by each identity. */
  gas: number;
  /** From when the first job is queued until the last wallet is mined. */
  seconds: number;
}

/** Starts a worker that looks at the chain often. */
export async function createBench(config: Config): Promise<AnchoringBench> {
  const logger = createLogger(config);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "bench", maxPoolSize: 64 });
  const redis = connectRedis({ url: config.redis.url, name: "bench", logger, blocking: true });
  const created = await createContext(config, { mongo, redis, chain: createChain(config.chain), logger });
  const context: Context = { ...created, timing: { ...created.timing, pollIntervalMs: 20 } };
  const modules = createModules(context);
  await ensureIndexes(mongo);
  const workers = startWorkers(context, [modules.wallets]);
  return { context, modules, workers, jobs: createAnchoringJobs(context) };
}

/** Ends the worker and closes its connections. */
export async function closeBench({ context, modules, workers, jobs }: AnchoringBench): Promise<void> {
  await workers.close(5_000);
  await jobs.queue.close();
  await Promise.all(Object.values(modules).map((module) => module.close()));
  await context.mongo.dropDatabase();
  context.redis.disconnect();
  context.chain.close();
  await context.mongo.close();
}

/**
 * Has the worker anchor wallets that are linked at once.
 *
 * @param options.alone whether each gets a transaction of its own
 */
export async function anchorRound(
  { context, workers, jobs }: AnchoringBench,
  { count, alone }: { count: number; alone: boolean },
): Promise<Round> {
  const { mongo, chain } = context;
  const store = createWalletStore(mongo);
  const wallets = await Promise.all(Array.from({ length: count }, () => newWallet(context, alone)));
  for (const wallet of wallets) await store.insert(wallet);
  const addresses = wallets.map(({ walletAddress }) => walletAddress);

  const startedMs = performance.now();
  await Promise.all(wallets.map((wallet) => jobs.enqueueAnchoring(wallet)));
  let anchorings = wallets.map(({ anchoring }) => anchoring);
  while (anchorings.some(({ status }) => status !== "mined")) {
    await sleep(10);
    anchorings = (await store.findMany(addresses)).map(({ anchoring }) => anchoring);
    const failed = anchorings.find(({ status }) => status === "failed");
    if (failed !== undefined) throw new Error(failed.error?.message ?? "anchoring failed");
  }
  const seconds = (performance.now() - startedMs) / 1000;

  const hashes = new Set(anchorings.map(({ transactionHashes }) => transactionHashes.at(-1) ?? ""));
  const receipts = await Promise.all([...hashes].map((hash) => chain.provider.getTransactionReceipt(hash)));
  const gasUsed = receipts.reduce((sum, receipt) => sum + Number(receipt?.gasUsed ?? Number.NaN), 0);
  while ((await workers.relayer.countPending()) > 0) await sleep(10);
  return { transactions: hashes.size, gas: gasUsed / count, seconds };
}

async function newWallet({ chain, clock }: Context, alone: boolean): Promise<Wallet> {
  const holder = HolderKey.createRandom();
  const walletAddress = holder.address.toLowerCase();
  const now = clock.now();
  const registration = {
    walletAddress,
    documentUri: `https://a.io/${walletAddress.slice(0, 15)}`,
    nonce: "0",
    deadline: addSeconds(new Date(Math.floor(now.getTime() / 1000) * 1000), 86_400),
  };
  const { domain, types, primaryType, message } = registrationTypedData(registryDomain(chain.deployment), registration);
  const signature = await holder.signTypedData(domain, { [primaryType]: types[primaryType] ?? [] }, message);
  return {
    walletAddress,
    userId: randomId(),
    did: formatDid(chain.deployment.didMethod, walletAddress),
    kind: "key",
    verifiedAt: now,
    anchoring: newAnchoring(randomId(), { ...registration, signature }, now, { alone }),
  };
}
