import { Wallet, type HDNodeWallet } from "ethers";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Chain, createChain } from "../../../chain/client";
import { loadConfig } from "../../../core/config/config";
import { type Logger, createLogger } from "../../../core/logger";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { connectRedis } from "../../../core/redis";
import { createTransactionStore } from "../../../chain/relayer/transactions";
import { deployContracts } from "../../../chain/deploy";
import { openChallengeStore } from "../../../api/wallets/challenges/store";
import { openWalletStore } from "../../../api/wallets/store";
import { fundedKey, testMongo, testRedisUrl, testRpcUrl } from "../../support/servers";

export const CHAIN_ID = 31337;

/** A chain with contracts of its own, a database and a Redis prefix: what one test file plays on. */
export interface Stage {
  mongo: Mongo;
  chain: Chain;
  rpcUrl: string;
  redisUrl: string;
  redisPrefix: string;
  deploymentsDir: string;
  logger: Logger;
  /** The key that deployed the contracts and owns IssuerRegistry. */
  deployerPrivateKey: string;
  /** A funded key of this stage's own, so that files can share a chain. */
  relayer: HDNodeWallet;
  /** A connection to Redis that this stage closes. */
  connectRedis(blocking?: boolean): ReturnType<typeof connectRedis>;
  close(): Promise<void>;
}

/** Opens a stage; `rpcUrl` names a chain other than the suite's. */
export async function openStage(name: string, options: { rpcUrl?: string } = {}): Promise<Stage> {
  const rpcUrl = options.rpcUrl ?? testRpcUrl();
  const deploymentsDir = mkdtempSync(join(tmpdir(), `cairn-${name}-`));
  // Addresses follow from the constructor's arguments: a method of its own gives each stage its own contracts.
  const deployerPrivateKey = await fundedKey(rpcUrl);
  const didMethod = `t${randomBytes(6).toString("hex")}`;
  const deployment = {
    rpcUrl,
    chainId: CHAIN_ID,
    deployerPrivateKey,
    didMethod,
    deploymentsDir,
  };
  await deployContracts({ ...deployment, report: () => undefined });
  const environment = { RPC_URL: rpcUrl, CHAIN_ID: String(CHAIN_ID), DEPLOYMENTS_DIR: deploymentsDir };
  const chain = createChain(loadConfig("api", environment).chain);
  const mongo = await testMongo(name.replaceAll("-", "_"));
  openWalletStore(mongo);
  openChallengeStore(mongo);
  createTransactionStore(mongo);
  await ensureIndexes(mongo);
  const relayer = Wallet.createRandom();
  await fund(chain, relayer.address);

  const connections: ReturnType<typeof connectRedis>[] = [];
  return {
    ...{ mongo, chain, rpcUrl, deploymentsDir, deployerPrivateKey, relayer },
    redisUrl: testRedisUrl(),
    redisPrefix: `test-${randomBytes(4).toString("hex")}`,
    logger: createLogger({ processName: "worker", logLevel: logLevel() }),
    connectRedis(blocking = true) {
      const redis = connectRedis({ url: testRedisUrl(), name: `test-${name}`, blocking });
      connections.push(redis);
      return redis;
    },
    async close() {
      for (const redis of connections) redis.disconnect();
      await mongo.dropDatabase();
      await mongo.close();
      chain.close();
      rmSync(deploymentsDir, { recursive: true, force: true });
    },
  };
}

/** Gives an account money, in wei. */
export async function fund(chain: Chain, address: string, wei = 10n ** 21n): Promise<void> {
  await chain.provider.send("hardhat_setBalance", [address, `0x${wei.toString(16)}`]);
}

function logLevel(): "silent" | "debug" {
  return process.env["TEST_LOG"] === "debug" ? "debug" : "silent";
}
