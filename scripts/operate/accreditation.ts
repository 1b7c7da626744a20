import { Wallet } from "ethers";
import { setTimeout as delay } from "node:timers/promises";
import { ISSUER_ANCHORING } from "../../api/issuers/anchoring/actions";
import type { Chain } from "../../chain/client";
import { createRelayer } from "../../chain/relayer/relayer";
import { createSigner } from "../../chain/relayer/signer";
import { createTransactionStore } from "../../chain/relayer/transactions";
import { monotonicMs, systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { createLogger } from "../../core/logger";
import type { Mongo } from "../../core/mongo";
import { createChainBudgets } from "../../process/context";

/** How long the worker may take to send what was queued for it. */
const DEADLINE_MS = 60_000;
const POLL_MS = 300;

export type AccreditationDecision = "accredit" | "discredit";

interface Deps {
  env: NodeJS.ProcessEnv;
  chain: Chain;
  mongo: Mongo;
}

/**
 * Puts a decision of the issuer registry's owner on the chain. The owner's key is ISSUER_REGISTRY_OWNER_KEY, on a
 * development chain Hardhat's first account.
 *
 * @param input.address of the issuer
 * @param input.metadataUri recorded with the accreditation; may be empty
 * @returns one line that says what was done
 * @throws Error when the key is not the owner's
 */
export async function decideAccreditation(
  { env, chain, mongo }: Deps,
  { decision, address, metadataUri }: { decision: AccreditationDecision; address: string; metadataUri: string },
): Promise<string> {
  const { issuerRegistry } = chain;
  const { accredited, version } = await issuerRegistry.issuerOf(address);
  if (accredited === (decision === "accredit")) return `nothing to do: it is ${accredited ? "" : "not "}accredited`;
  const owner = await ownerWallet(chain, env);
  const call = {
    to: await issuerRegistry.getAddress(),
    data: encodeDecision(chain, decision, address, metadataUri),
  };
  const config = loadConfig("command", env);
  const { anchoring } = config;
  if (anchoring?.relayerPrivateKey.toLowerCase() !== owner.privateKey.toLowerCase()) {
    const sent = await owner.sendTransaction(call);
    await sent.wait();
    return `${decision}ed in transaction ${sent.hash}`;
  }
  // The worker sends with this key as well, so the transaction must go through its store: sent past it, both would
  // use the same nonce.
  const { provider, chainId } = chain;
  const relayer = createRelayer({
    provider,
    chainId,
    clock: systemClock,
    handlers: {},
    budgets: createChainBudgets(config, { mongo, chain, clock: systemClock }),
    stuckSeconds: anchoring.stuckSeconds,
    pollMs: 1_000,
    signer: createSigner({ privateKey: owner.privateKey, chainId, clock: systemClock }),
    transactions: createTransactionStore(mongo),
    logger: createLogger({ processName: "worker", logLevel: "silent" }),
  });
  const key = `${decision}/${address}/${call.to}/${version}`;
  await relayer.submit({ kind: ISSUER_ANCHORING, subject: `accreditation/${address}`, key, call, beneficiaries: [] });
  const deadline = monotonicMs() + DEADLINE_MS;
  while (monotonicMs() < deadline) {
    if ((await issuerRegistry.isAccredited(address)) === (decision === "accredit")) return `${decision}ed`;
    await delay(POLL_MS);
  }
  return "queued; the worker sends it (is it running?)";
}

async function ownerWallet({ issuerRegistry, provider, chainId }: Chain, env: NodeJS.ProcessEnv): Promise<Wallet> {
  const owner = await issuerRegistry.owner();
  const developmentKey = chainId === 31337 ? DEVELOPMENT_RELAYER_KEY : undefined;
  const key = loadConfig("command", env).deployment.issuerRegistryOwnerKey ?? developmentKey;
  const wallet = key === undefined ? undefined : new Wallet(key, provider);
  if (wallet?.address === owner) return wallet;
  throw new Error(`Give the key of the registry's owner, ${owner}, in ISSUER_REGISTRY_OWNER_KEY.`);
}

function encodeDecision({ issuerRegistry }: Chain, decision: AccreditationDecision, address: string, uri: string) {
  const abi = issuerRegistry.interface;
  if (decision === "accredit") return abi.encodeFunctionData("accredit", [address, uri]);
  return abi.encodeFunctionData("discredit", [address, uri]);
}
