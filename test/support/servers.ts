import { JsonRpcProvider, Wallet } from "ethers";
import { randomBytes } from "node:crypto";
import { type Mongo, connectMongo } from "../../core/mongo";

/** The servers the suite runs against; test/support/environment.ts starts what is not given. */
function given(variable: "MONGODB_URI" | "REDIS_URL" | "RPC_URL"): string {
  const url = process.env[variable];
  if (url === undefined)
    throw new Error(`${variable} is not set: run tests with npm test, or mocha with the project's .mocharc.json`);
  return url;
}

/** The same server with a database of the test's own, so that files can run side by side. */
export function testMongoUri(name: string): string {
  const uri = new URL(given("MONGODB_URI"));
  uri.pathname = `/test_${name}_${randomBytes(4).toString("hex")}`;
  return uri.href;
}

/** Connects to a database of the test's own; the test drops it and closes the connection. */
export function testMongo(name: string): Promise<Mongo> {
  return connectMongo({ uri: testMongoUri(name), name: `test-${name}` });
}

/** Redis; the test takes a prefix of its own. */
export function testRedisUrl(): string {
  return given("REDIS_URL");
}

/** The chain; files share it, so a test that rewinds blocks starts one of its own. */
export function testRpcUrl(): string {
  return given("RPC_URL");
}

/** The private key of a fresh account with 1,000 ETH: files that share a chain must not share an account's nonces. */
export async function fundedKey(rpcUrl = testRpcUrl()): Promise<string> {
  const provider = new JsonRpcProvider(rpcUrl);
  try {
    const { address, privateKey } = Wallet.createRandom();
    await provider.send("hardhat_setBalance", [address, `0x${(10n ** 21n).toString(16)}`]);
    return privateKey;
  } finally {
    provider.destroy();
  }
}
