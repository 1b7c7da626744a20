import { type ChildProcess, spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { getCreateAddress, JsonRpcProvider } from "ethers";
import { deployContracts } from "../../chain/deploy";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { freePort } from "../../embedded/ports";
import { BatchingWallet__factory, DIDRegistry__factory } from "../../typechain-types";

/** A chain full of events, and a way to add some. */
export interface BenchChain {
  httpUrl: string;
  socketUrl: string;
  deploymentsDir: string;
  /** Makes registrations (one in five) and revocations, each a transaction, `perBlock` in a block. Returns the head's number. */
  produce(options: Production): Promise<number>;
  /** Makes revocations by one issuer, a block's worth in one transaction: millions in minutes. Returns the head's number. */
  produceInBulk(options: Production): Promise<number>;
  /** Mines a block with one event: its number, and when mining it began (`performance.now()`). */
  mineBlock(): Promise<{ number: number; minedMs: number }>;
  stop(): Promise<void>;
}

interface Production {
  events: number;
  perBlock: number;
}

/** Sends transactions of accounts that anvil impersonates. */
interface Sender {
  provider: JsonRpcProvider;
  registry: string;
  /** The next nonce of each account that has sent something. */
  nonces: Map<number, number>;
  /** How many events were made so far. */
  made: number;
}

const CHAIN_ID = 31337;
const ISSUERS = 20;
const GAS = "0x1312d00";
const START_ATTEMPTS = 100;
const ANVIL_OPTIONS = [
  ["--gas-price", "0"],
  ["--block-base-fee-per-gas", "0"],
  ["--gas-limit", "10000000000"],
  ["--silent"],
  ["--prune-history", "64"],
  ["--auto-impersonate"],
  ["--code-size-limit", "100000"],
].flat();
const did = DIDRegistry__factory.createInterface();
const batching = BatchingWallet__factory.createInterface();

/** Starts anvil with free gas and blocks on demand, and deploys. */
export async function startBenchChain(folder: string): Promise<BenchChain> {
  const port = await freePort();
  const child = spawn(anvilBinary(), ["--port", String(port), ...ANVIL_OPTIONS], { stdio: "ignore" });
  const httpUrl = `http://127.0.0.1:${port}`;
  const provider = await connectProvider(httpUrl);
  const deploymentsDir = join(folder, "deployments");
  const { contracts } = await deployContracts({
    rpcUrl: httpUrl,
    chainId: CHAIN_ID,
    deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
    didMethod: "mychain",
    deploymentsDir,
    report: () => undefined,
  });
  const sender: Sender = { provider, registry: contracts.DIDRegistry.address, nonces: new Map(), made: 0 };
  return {
    httpUrl,
    socketUrl: httpUrl.replace("http", "ws"),
    deploymentsDir,
    produce: (options) => produce(sender, options),
    produceInBulk: (options) => produceInBulk(sender, options),
    mineBlock: () => mineBlock(sender),
    async stop() {
      provider.destroy();
      await end(child);
    },
  };
}

function anvilBinary(): string {
  const given = process.env["ANVIL"];
  if (given !== undefined) return given;
  const name = `@foundry-rs/anvil-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), "bin", "anvil");
  } catch (error) {
    const fix = "set ANVIL to a binary, or run npm install --no-save @foundry-rs/anvil@1.7.1";
    throw new Error(`This bench needs anvil, a fast chain: ${fix}.`, { cause: error });
  }
}

/** Waits up to ten seconds for the node. */
async function connectProvider(url: string): Promise<JsonRpcProvider> {
  const provider = new JsonRpcProvider(url, CHAIN_ID, {
    staticNetwork: true,
    batchMaxCount: 100,
    batchStallTime: 0,
    cacheTimeout: -1,
  });
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    if (await provider.send("eth_chainId", []).catch(() => null)) break;
    await delay(100);
  }
  return provider;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

async function produce(sender: Sender, { events, perBlock }: Production): Promise<number> {
  const { provider } = sender;
  await provider.send("evm_setAutomine", [false]);
  for (let left = events; left > 0; left -= perBlock) {
    await Promise.all(Array.from({ length: Math.min(left, perBlock) }, () => sendNextEvent(sender)));
    await provider.send("evm_mine", []);
  }
  return provider.getBlockNumber();
}

async function produceInBulk(sender: Sender, { events, perBlock }: Production): Promise<number> {
  const { provider, registry } = sender;
  await provider.send("evm_setAutomine", [true]);
  const owner = ISSUERS + sender.made;
  const wallet = getCreateAddress({ from: addressOf(owner), nonce: 0 }).toLowerCase();
  const { data } = await new BatchingWallet__factory().getDeployTransaction(addressOf(owner));
  await send(sender, { from: owner, to: null, data });
  const callOf = (data: string) => batching.encodeFunctionData("execute", [registry, data]);
  await send(sender, {
    from: owner,
    to: wallet,
    data: callOf(registrationOf(wallet, "https://issuer.example/did.json")),
  });
  for (let left = events; left > 0; left -= perBlock) {
    const calls = Array.from({ length: Math.min(left, perBlock) }, () => callOf(revocationOf(wallet, sender.made++)));
    await send(sender, { from: owner, to: wallet, data: batching.encodeFunctionData("multicall", [calls]) });
  }
  return provider.getBlockNumber();
}

async function mineBlock(sender: Sender): Promise<{ number: number; minedMs: number }> {
  const { provider } = sender;
  await provider.send("evm_setAutomine", [false]);
  const before = await provider.getBlockNumber();
  await sendNextEvent(sender);
  // From the request on, so that the time is rather too long than too short.
  const minedMs = performance.now();
  await provider.send("evm_mine", []);
  return { number: before + 1, minedMs };
}

/** A registration by a new account, or a revocation by one of the first. */
function sendNextEvent(sender: Sender): Promise<unknown> {
  const index = sender.made++;
  const { registry } = sender;
  if (index < ISSUERS || index % 5 === 0) {
    return send(sender, {
      from: index,
      to: registry,
      data: registrationOf(addressOf(index), `https://did.example/${index}/document.json`),
    });
  }
  const issuer = index % ISSUERS;
  return send(sender, { from: issuer, to: registry, data: revocationOf(addressOf(issuer), index) });
}

/** @param transaction.to null for a new contract */
function send(
  { provider, nonces }: Sender,
  transaction: { from: number; to: string | null; data: string },
): Promise<unknown> {
  const { from, to, data } = transaction;
  const nonce = nonces.get(from) ?? 0;
  nonces.set(from, nonce + 1);
  const quantity = `0x${nonce.toString(16)}`;
  return provider.send("eth_sendTransaction", [
    { from: addressOf(from), ...(to && { to }), data, nonce: quantity, gas: GAS, gasPrice: "0x0" },
  ]);
}

function registrationOf(identity: string, documentUri: string): string {
  const values: [string, string] = [`did:mychain:${identity}`, documentUri];
  return did.encodeFunctionData("registerDID", values);
}

/** @param index of the credential, unique for its issuer */
function revocationOf(issuer: string, index: number): string {
  const credId = `${issuer}${index.toString(16).padStart(24, "0")}`;
  return did.encodeFunctionData("setCredentialStatus", [credId, true]);
}

function addressOf(index: number): string {
  return `0x${(0xbe0000000000 + index).toString(16).padStart(40, "1")}`;
}
