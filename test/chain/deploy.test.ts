import { expect } from "chai";
import { JsonRpcProvider, Wallet } from "ethers";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { deploymentPath } from "../../chain/deployment";
import type { Service } from "../../embedded/service";
import { startChain } from "../../embedded/startChain";
import { type DeployOptions, deployContracts } from "../../chain/deploy";

describe("deploying the contracts", () => {
  let folder: string;
  let chain: Service;
  let options: DeployOptions;
  let lines: string[];

  async function freshChain(): Promise<Service> {
    const dataDir = mkdtempSync(join(folder, "chain-"));
    return startChain({ dataDir, persistent: false, env: { ...process.env, RPC_URL: "" } });
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "cairn-deploy-"));
    chain = await freshChain();
    lines = [];
    options = {
      rpcUrl: chain.url,
      chainId: 31337,
      deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
      didMethod: "mychain",
      deploymentsDir: join(folder, "deployments"),
      report: (line) => lines.push(line),
    };
  });

  afterEach(async () => {
    await chain.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("records addresses, block and constructor arguments", async () => {
    const deployment = await deployContracts(options);
    expect(JSON.parse(readFileSync(deploymentPath(options.deploymentsDir, 31337), "utf8"))).to.deep.equal(deployment);
    const { DIDRegistry, IssuerRegistry } = deployment.contracts;
    expect(DIDRegistry.constructorArguments).to.deep.equal(["mychain"]);
    const deployer = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
    expect(IssuerRegistry.constructorArguments).to.deep.equal([DIDRegistry.address, deployer]);
    const provider = new JsonRpcProvider(chain.url);
    const receipt = await provider.getTransactionReceipt(DIDRegistry.transactionHash ?? "");
    expect(receipt).to.include({ blockNumber: DIDRegistry.blockNumber, blockHash: DIDRegistry.blockHash, status: 1 });
    provider.destroy();
  });

  it("changes nothing the second time, and sends nothing", async () => {
    const first = await deployContracts(options);
    const provider = new JsonRpcProvider(chain.url, 31337, { cacheTimeout: -1 });
    const before = await provider.getBlockNumber();
    expect(await deployContracts(options)).to.deep.equal(first);
    expect(await provider.getBlockNumber()).to.equal(before);
    provider.destroy();
  });

  it("finds contracts whose record was lost, with the block they came in", async () => {
    const first = await deployContracts(options);
    rmSync(options.deploymentsDir, { recursive: true });
    const found = await deployContracts(options);
    for (const name of ["DIDRegistry", "IssuerRegistry"] as const) {
      const { transactionHash, ...rest } = first.contracts[name];
      expect(transactionHash).to.match(/^0x/);
      expect(found.contracts[name]).to.deep.equal({ ...rest, transactionHash: null });
    }
  });

  it("gives the same addresses on a chain that was reset, and ignores the old record", async () => {
    const first = await deployContracts(options);
    await chain.stop();
    chain = await freshChain();
    const second = await deployContracts({ ...options, rpcUrl: chain.url });
    expect(second.contracts.DIDRegistry.address).to.equal(first.contracts.DIDRegistry.address);
    expect(second.contracts.IssuerRegistry.address).to.equal(first.contracts.IssuerRegistry.address);
    expect(lines.filter((line) => line.includes("deployed at"))).to.have.length(8);
  });

  it("gives another registry to another method or owner", async () => {
    const first = await deployContracts(options);
    const owner = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    const other = await deployContracts({ ...options, didMethod: "other", issuerRegistryOwner: owner });
    expect(other.contracts.DIDRegistry.address).not.to.equal(first.contracts.DIDRegistry.address);
    expect(other.contracts.IssuerRegistry.address).not.to.equal(first.contracts.IssuerRegistry.address);
    const { DIDRegistry, IssuerRegistry } = other.contracts;
    expect(IssuerRegistry.constructorArguments).to.deep.equal([DIDRegistry.address, owner]);
  });

  it("shares the verifiers of keys between deployments, also those that are made at once", async () => {
    const methods = ["one", "two", "three"];
    const deployments = await Promise.all(
      methods.map(async (didMethod) => {
        const deployer = Wallet.createRandom();
        const provider = new JsonRpcProvider(chain.url);
        await provider.send("hardhat_setBalance", [deployer.address, "0xde0b6b3a7640000"]);
        provider.destroy();
        const deployerPrivateKey = deployer.privateKey;
        const deploymentsDir = join(folder, didMethod);
        return deployContracts({ ...options, deployerPrivateKey, didMethod, deploymentsDir });
      }),
    );
    const verifiers = deployments.map(({ keyVerifiers }) => JSON.stringify(keyVerifiers));
    expect(new Set(verifiers).size).to.equal(1);
    const { p256 = "", webauthn = "" } = deployments[0]?.keyVerifiers ?? {};
    const provider = new JsonRpcProvider(chain.url);
    for (const address of [p256, webauthn]) expect(await provider.getCode(address)).to.not.equal("0x");
    provider.destroy();
  });

  it("refuses a chain that was not meant, and an endpoint that does not answer", async () => {
    const wrongChain = await errorOf(deployContracts({ ...options, chainId: 1 }));
    expect(wrongChain).to.equal("The endpoint serves chain 31337, not 1: correct CHAIN_ID or RPC_URL.");
    const silent = await errorOf(deployContracts({ ...options, rpcUrl: "http://127.0.0.1:1" }));
    expect(silent).to.contain("No JSON-RPC endpoint answers");
  });

  it("refuses a record it cannot read instead of overwriting it", async () => {
    await deployContracts(options);
    writeFileSync(deploymentPath(options.deploymentsDir, 31337), "{");
    expect(await errorOf(deployContracts(options)))
      .to.contain("cannot be read")
      .and.to.contain("fix or delete it");
    expect(readFileSync(deploymentPath(options.deploymentsDir, 31337), "utf8")).to.equal("{");
  });
});

async function errorOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was refused");
}
