import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { getCreateAddress, JsonRpcProvider } from "ethers";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { freePort } from "../../embedded/ports";
import { BatchingWallet__factory, DIDRegistry__factory } from "../../typechain-types";
import { deployContracts } from "../../chain/deploy";

/** A chain full of events, and a way to add some. */
export interface BenchChain {
  httpUrl: string;
  socketUrl: string;
  deploymentsDir: string;
  /** Makes registrations (one in five) and revocations, each a transaction, `perBlock` in a block. Returns the head's number. */
  produce(options: { events: number; perBlock: number }): Promise<number>;
  /** Makes revocations by one issuer, a block's worth in one transaction: millions in minutes. Returns the head's number. */
  produceInBulk(options: { events: number; perBlock: number }): Promise<number>;
  /** One more block with one event: its number, and when mining it began (`performance.now()`). */
  tick(): Promise<{ number: number; minedMs: number }>;
  stop(): Promise<void>;
}

const ISSUERS = 20;
const GAS = "0x1312d00";
const did = DIDRegistry__factory.createInterface();
const batching = BatchingWallet__factory.createInterface();
const addressOf = (index: number) => `0x${(0xbe0000000000 + index).toString(16).padStart(40, "1")}`;

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

/** Starts anvil with free gas and blocks on demand, and deploys. */
export async function startBenchChain(folder: string): Promise<BenchChain> {
  const port = await freePort();
  const options = [
    "--port",
    String(port),
    "--gas-price",
    "0",
    "--block-base-fee-per-gas",
    "0",
    "--gas-limit",
    "10000000000",
  ];
  const child = spawn(
    anvilBinary(),
    [...options, "--silent", "--prune-history", "64", "--auto-impersonate", "--code-size-limit", "100000"],
    {
      stdio: "ignore",
    },
  );
  const httpUrl = `http://127.0.0.1:${port}`;
  const provider = new JsonRpcProvider(httpUrl, 31337, {
    staticNetwork: true,
    batchMaxCount: 100,
    batchStallTime: 0,
    cacheTimeout: -1,
  });
  for (let tries = 0; tries < 100 && !(await provider.send("eth_chainId", []).catch(() => null)); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const deploymentsDir = join(folder, "deployments");
  const { contracts } = await deployContracts({
    rpcUrl: httpUrl,
    chainId: 31337,
    deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
    didMethod: "mychain",
    deploymentsDir,
    report: () => undefined,
  });
  const to = contracts.DIDRegistry.address;
  const nonces = new Map<number, number>();
  let made = 0;

  /** @param target null for a new contract */
  function send(sender: number, data: string, target: string | null = to): Promise<unknown> {
    const nonce = nonces.get(sender) ?? 0;
    nonces.set(sender, nonce + 1);
    const quantity = `0x${nonce.toString(16)}`;
    return provider.send("eth_sendTransaction", [
      { from: addressOf(sender), ...(target && { to: target }), data, nonce: quantity, gas: GAS, gasPrice: "0x0" },
    ]);
  }
  const register = (sender: number) => {
    const values: [string, string] = [
      `did:mychain:${addressOf(sender)}`,
      `https://did.example/${sender}/document.json`,
    ];
    return send(sender, did.encodeFunctionData("registerDID(string,string)", values));
  };
  function next(): Promise<unknown> {
    const at = made++;
    if (at < ISSUERS || at % 5 === 0) return register(at);
    const issuer = at % ISSUERS;
    const credId = `${addressOf(issuer)}${at.toString(16).padStart(24, "0")}`;
    return send(issuer, did.encodeFunctionData("setCredentialStatus", [credId, true]));
  }

  return {
    httpUrl,
    socketUrl: httpUrl.replace("http", "ws"),
    deploymentsDir,
    async produce({ events, perBlock }) {
      await provider.send("evm_setAutomine", [false]);
      for (let left = events; left > 0; left -= perBlock) {
        await Promise.all(Array.from({ length: Math.min(left, perBlock) }, next));
        await provider.send("evm_mine", []);
      }
      return provider.getBlockNumber();
    },
    async produceInBulk({ events, perBlock }) {
      await provider.send("evm_setAutomine", [true]);
      const owner = ISSUERS + made;
      const wallet = getCreateAddress({ from: addressOf(owner), nonce: 0 }).toLowerCase();
      const { data } = await new BatchingWallet__factory().getDeployTransaction(addressOf(owner));
      await send(owner, data, null);
      const call = (of: string) => batching.encodeFunctionData("execute", [to, of]);
      const values: [string, string] = [`did:mychain:${wallet}`, "https://issuer.example/did.json"];
      await send(owner, call(did.encodeFunctionData("registerDID(string,string)", values)), wallet);
      for (let left = events; left > 0; left -= perBlock) {
        const calls = Array.from({ length: Math.min(left, perBlock) }, () => {
          const credId = `${wallet}${(made++).toString(16).padStart(24, "0")}`;
          return call(did.encodeFunctionData("setCredentialStatus", [credId, true]));
        });
        await send(owner, batching.encodeFunctionData("multicall", [calls]), wallet);
      }
      return provider.getBlockNumber();
    },
    async tick() {
      await provider.send("evm_setAutomine", [false]);
      const before = await provider.getBlockNumber();
      await next();
      // From the request on, so that the time is rather too long than too short.
      const minedMs = performance.now();
      await provider.send("evm_mine", []);
      return { number: before + 1, minedMs };
    },
    async stop() {
      provider.destroy();
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}
