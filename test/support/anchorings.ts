import { randomUUID } from "node:crypto";
import { type HDNodeWallet, Wallet } from "ethers";
import { createAnchoringJobs } from "../../api/wallets/anchoring/jobs";
import type { Wallet as LinkedWallet } from "../../api/wallets/rules";
import { createWalletStore } from "../../api/wallets/store";
import { type RunningWorkers, startWorkers } from "../../api/workers";
import { formatDid } from "../../chain/did/did";
import { type Registration, registrationTypedData } from "../../chain/registry/registration";
import { CHAIN_ID, type Fixture } from "./fixture";

/** Has a holder authorize the registration of her DID. */
async function signRegistration(
  { context: { chain } }: Pick<Fixture, "context">,
  holder: HDNodeWallet | Wallet,
  changes: Partial<Registration>,
): Promise<Registration & { signature: string }> {
  const { didMethod, contracts } = chain.deployment;
  const walletAddress = holder.address.toLowerCase();
  const registration: Registration = {
    walletAddress,
    documentUri: `https://cairn.example/${walletAddress}`,
    nonce: "0",
    deadline: new Date(Math.floor(Date.now() / 1000) * 1000 + 86_400_000),
    ...changes,
  };
  const registry = { chainId: CHAIN_ID, contract: contracts.DIDRegistry.address, didMethod };
  const { domain, types, primaryType, message } = registrationTypedData(registry, registration);
  const signature = await holder.signTypedData(domain, { [primaryType]: types[primaryType] ?? [] }, message);
  return { ...registration, signature };
}

/** Stores a wallet that waits to be anchored, as linking would. */
export async function addQueuedWallet(
  on: Pick<Fixture, "context">,
  { holder = Wallet.createRandom(), queuedAt = new Date() }: { holder?: HDNodeWallet; queuedAt?: Date } = {},
  changes: Partial<Registration> = {},
): Promise<LinkedWallet> {
  const { mongo, chain } = on.context;
  const walletAddress = holder.address.toLowerCase();
  const wallet: LinkedWallet = {
    walletAddress,
    userId: randomUUID(),
    did: formatDid(chain.deployment.didMethod, walletAddress),
    kind: "key",
    verifiedAt: queuedAt,
    anchoring: {
      id: randomUUID(),
      status: "queued",
      registration: await signRegistration(on, holder, changes),
      alone: false,
      transactionHashes: [],
      blockNumber: null,
      error: null,
      updatedAt: queuedAt,
    },
  };
  await createWalletStore(mongo).insert(wallet);
  return wallet;
}

/** The queue that a fixture's workers consume. */
export function anchoringJobsOf({ context }: Pick<Fixture, "context">) {
  return createAnchoringJobs(context);
}

/** Starts one more worker on a fixture's database, queue and key. */
export function startAnchoringWorker(
  { context, modules }: Pick<Fixture, "context" | "modules">,
  { stuckSeconds = 60 }: { stuckSeconds?: number } = {},
): RunningWorkers {
  const { config } = context;
  const anchoring = { ...config.anchoring!, stuckSeconds };
  return startWorkers({ ...context, config: { ...config, anchoring } }, [modules.wallets]);
}

/** What the chain itself knows: registrations of a DID, and all transactions the relayer ever had mined. */
export async function chainFacts(
  { context: { chain }, chain: { relayer } }: Pick<Fixture, "context" | "chain">,
  walletAddress?: string,
): Promise<{ registrations: number; transactions: number }> {
  const { didRegistry, provider } = chain;
  const events = await didRegistry.queryFilter(didRegistry.filters.DIDRegistered(walletAddress));
  return { registrations: events.length, transactions: await provider.getTransactionCount(relayer.address) };
}
