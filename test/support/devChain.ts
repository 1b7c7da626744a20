import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { JsonRpcProvider, type ContractTransactionReceipt } from "ethers";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import type { Deployment } from "../../chain/deployment";
import { startChain } from "../../embedded/startChain";
import { deployContracts } from "../../chain/deploy";
import {
  type DIDRegistry,
  DIDRegistry__factory,
  type IssuerRegistry,
  IssuerRegistry__factory,
} from "../../typechain-types";

/** A Hardhat node of a test's own, with both contracts on it: its blocks can be rewound without disturbing others. */
export interface DevChain {
  url: string;
  /** Hardhat's well-known accounts in lower case; the node signs for them. The first owns the issuer registry. */
  accounts: string[];
  deployment: Deployment;
  /** Where `<chainId>.json` lies. */
  deploymentsDir: string;
  provider: JsonRpcProvider;
  /** The registry, as one of the accounts. */
  didRegistry(account: string): Promise<DIDRegistry>;
  issuerRegistry(): Promise<IssuerRegistry>;
  rpc(method: string, ...params: unknown[]): Promise<unknown>;
  blockNumber(): Promise<number>;
  mine(blocks?: number): Promise<void>;
  snapshot(): Promise<string>;
  /** Goes back to a snapshot, which ends it. Mine something afterwards: a shorter chain alone is no reorg. */
  revert(snapshot: string): Promise<void>;
  /** Ends the node and starts an empty one at the same address, deploying again: a full reset. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export type Receipt = ContractTransactionReceipt;

/** Starts the node and deploys. */
export async function startDevChain(): Promise<DevChain> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-chain-"));
  const deploymentsDir = join(folder, "deployments");
  const env = { ...process.env, RPC_URL: "" };
  const part = await startChain({ dataDir: folder, persistent: false, env });
  const provider = new JsonRpcProvider(part.url, 31337, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 20 });
  const rpc = (method: string, ...params: unknown[]) => provider.send(method, params) as Promise<unknown>;

  const deployAll = () =>
    deployContracts({
      rpcUrl: part.url,
      chainId: 31337,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod: "mychain",
      deploymentsDir,
      report: () => undefined,
    });

  const chain: DevChain = {
    url: part.url,
    accounts: ((await rpc("eth_accounts")) as string[]).map((account) => account.toLowerCase()),
    deployment: await deployAll(),
    deploymentsDir,
    provider,
    rpc,
    async didRegistry(account) {
      const signer = await provider.getSigner(account);
      return DIDRegistry__factory.connect(chain.deployment.contracts.DIDRegistry.address, signer);
    },
    async issuerRegistry() {
      const signer = await provider.getSigner(chain.accounts[0]);
      return IssuerRegistry__factory.connect(chain.deployment.contracts.IssuerRegistry.address, signer);
    },
    blockNumber: async () => Number(await rpc("eth_blockNumber")),
    async mine(blocks = 1) {
      // Not hardhat_mine: the blocks it makes are not linked to each other.
      await Promise.all(Array.from({ length: blocks }, () => rpc("evm_mine")));
    },
    snapshot: async () => String(await rpc("evm_snapshot")),
    async revert(snapshot) {
      await rpc("evm_revert", snapshot);
    },
    async reset() {
      await part.restart();
      chain.deployment = await deployAll();
    },
    async stop() {
      provider.destroy();
      await part.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return chain;
}
