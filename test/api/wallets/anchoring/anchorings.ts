import { type HDNodeWallet, Wallet } from "ethers";
import { randomUUID } from "node:crypto";
import type { Clock } from "../../../../core/clock";
import { systemClock } from "../../../../core/clock";
import { formatDid } from "../../../../chain/did/did";
import type { RelayerDeps } from "../../../../chain/relayer/deps";
import { startWorkerApp, type WorkerApp, type WorkerTiming } from "../../../../api/workerApp";
import { registrationTypedData, type Registration } from "../../../../chain/registry/registration";
import { openWalletStore, type Wallet as LinkedWallet } from "../../../../api/wallets/store";
import { CHAIN_ID, type Stage } from "../stage";

/** Has a holder authorize the registration of her DID. */
export async function signRegistration(stage: Stage, holder: HDNodeWallet | Wallet, over: Partial<Registration> = {}) {
  const { didMethod, contracts } = stage.chain.deployment;
  const walletAddress = holder.address.toLowerCase();
  const registration: Registration = {
    walletAddress,
    documentUri: `https://cairn.example/${walletAddress}`,
    nonce: 0,
    deadline: new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000),
    ...over,
  };
  const registry = { chainId: CHAIN_ID, contract: contracts.DIDRegistry.address, didMethod };
  const { domain, types, primaryType, message } = registrationTypedData(registry, registration);
  return {
    ...registration,
    signature: await holder.signTypedData(domain, { [primaryType]: types[primaryType] }, message),
  };
}

/** Puts a wallet that waits to be anchored where linking would. */
export async function linkQueuedWallet(
  stage: Stage,
  { holder = Wallet.createRandom(), queuedAt = new Date() }: { holder?: HDNodeWallet; queuedAt?: Date } = {},
  over: Partial<Registration> = {},
): Promise<LinkedWallet> {
  const walletAddress = holder.address.toLowerCase();
  const registration = await signRegistration(stage, holder, over);
  const wallet: LinkedWallet = {
    walletAddress,
    userId: randomUUID(),
    did: formatDid(stage.chain.deployment.didMethod, walletAddress),
    kind: "key",
    verifiedAt: queuedAt,
    anchoring: {
      id: randomUUID(),
      status: "queued",
      registration,
      transactionHashes: [],
      blockNumber: null,
      fault: null,
      updatedAt: queuedAt,
    },
  };
  await openWalletStore(stage.mongo).insert(wallet);
  return wallet;
}

/** Starts a worker in this process. */
export function startTestWorker(
  stage: Stage,
  options: {
    stuckSeconds?: number;
    timing?: Partial<WorkerTiming>;
    onStep?: NonNullable<RelayerDeps["onStep"]>;
    clock?: Clock;
    concurrency?: number;
  } = {},
): Promise<WorkerApp> {
  const { mongo, chain, logger, relayer } = stage;
  return startWorkerApp({
    ...{ mongo, chain, logger, clock: options.clock ?? systemClock, redis: stage.connectRedis() },
    config: {
      redis: { url: stage.redisUrl, prefix: stage.redisPrefix },
      anchoring: {
        relayerPrivateKey: relayer.privateKey,
        stuckSeconds: options.stuckSeconds ?? 60,
        concurrency: options.concurrency ?? 8,
      },
    },
    timing: { pollMs: 50, sweepSeconds: 1, unseenSeconds: 60, ...options.timing },
    indexedRegistration: () => Promise.resolve(null),
    ...(options.onStep && { onStep: options.onStep }),
  });
}

/** What the chain itself knows: registrations of a DID, and all transactions the relayer ever had mined. */
export async function chainFacts(
  stage: Stage,
  walletAddress?: string,
): Promise<{ registrations: number; transactions: number }> {
  const { didRegistry, provider } = stage.chain;
  const events = await didRegistry.queryFilter(didRegistry.filters.DIDRegistered(walletAddress));
  return { registrations: events.length, transactions: await provider.getTransactionCount(stage.relayer.address) };
}
