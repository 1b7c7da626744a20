import {
  type JsonRpcProvider,
  Interface,
  Transaction,
  type TransactionReceipt,
  Wallet,
  concat,
  getCreate2Address,
  id,
  keccak256,
} from "ethers";
import { mkdirSync, readFileSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { type DeployedContract, type Deployment, deploymentPath } from "./deployment";
import { messageOf } from "../core/errors";
import initCodes from "./initCode.json";
import { createProvider } from "./provider";

/**
 * The deterministic deployment proxy that most chains already hold: it deploys by CREATE2, so that the same code and
 * arguments get the same address on every chain, whoever pays. https://github.com/Arachnid/deterministic-deployment-proxy
 */
const PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C";

/** The proxy's own deployment: one transaction of a keyless account, valid on every chain that takes pre-EIP-155 ones. */
const PROXY_DEPLOYMENT =
  "0xf8a58085174876e800830186a08080b853604580600e600039806000f350fe7fffffffffffffffffffffffffffffffffffffffffffffffffff" +
  "ffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf31ba0222222222222222222222222" +
  "2222222222222222222222222222222222222222a02222222222222222222222222222222222222222222222222222222222222222";

const SALT = id("cairn");

type ContractName = keyof typeof initCodes;
type RecordedContract = keyof Deployment["contracts"];

/** How the constructors take their arguments. */
const CONSTRUCTORS = {
  DIDRegistry: new Interface(["constructor(string didMethod)"]),
  IssuerRegistry: new Interface(["constructor(address registry, address initialOwner)"]),
  ERC7913P256Verifier: new Interface([]),
  ERC7913WebAuthnVerifier: new Interface([]),
} satisfies Record<ContractName, Interface>;

export interface DeployOptions {
  rpcUrl: string;
  /** The chain that is meant; another one is refused. */
  chainId: number;
  deployerPrivateKey: string;
  /** Who may accredit issuers; the deployer when absent. */
  issuerRegistryOwner?: string | undefined;
  /** The DIDs' method: `did:<method>:0x...`. */
  didMethod: string;
  /** Where the record is written, as `<chainId>.json`. */
  deploymentsDir: string;
  report(line: string): void;
}

/**
 * Deploys both contracts, and the verifiers of ERC-7913 keys, where they are not deployed yet, and records where they
 * are. Running it again changes nothing: addresses follow from code and arguments.
 *
 * @throws Error when the endpoint does not answer, serves another chain or the deployer cannot pay
 */
export async function deployContracts(options: DeployOptions): Promise<Deployment> {
  const provider = createProvider([options.rpcUrl], options.chainId);
  try {
    const found = Number(await provider.send("eth_chainId", []));
    if (found !== options.chainId) {
      throw new Error(`The endpoint serves chain ${found}, not ${options.chainId}: correct CHAIN_ID or RPC_URL.`);
    }
    const deployer = new Wallet(options.deployerPrivateKey, provider);
    const owner = options.issuerRegistryOwner ?? deployer.address;
    const known = readRecord(options);
    const { report } = options;
    const place = (name: RecordedContract, constructorArguments: string[]) =>
      deployOnce({ name, deployer, provider, constructorArguments, known, report });
    const placeVerifier = (name: ContractName) => deployVerifier({ name, deployer, provider, report });

    const DIDRegistry = await place("DIDRegistry", [options.didMethod]);
    const IssuerRegistry = await place("IssuerRegistry", [DIDRegistry.address, owner]);
    const keyVerifiers = {
      p256: await placeVerifier("ERC7913P256Verifier"),
      webauthn: await placeVerifier("ERC7913WebAuthnVerifier"),
    };

    const genesisHash = await blockHashOf(provider, 0);
    const { chainId, didMethod } = options;
    const contracts = { DIDRegistry, IssuerRegistry };
    const deployment: Deployment = { chainId, genesisHash, didMethod, contracts, keyVerifiers };
    writeRecord(options, deployment);
    return deployment;
  } finally {
    provider.destroy();
  }
}

async function deployOnce(options: {
  name: RecordedContract;
  deployer: Wallet;
  provider: JsonRpcProvider;
  constructorArguments: string[];
  known: Deployment | undefined;
  report(line: string): void;
}): Promise<DeployedContract> {
  const { name, provider, constructorArguments } = options;
  const initCode = initCodeOf(name, constructorArguments);
  const address = getCreate2Address(PROXY, SALT, keccak256(initCode));

  if ((await provider.getCode(address)) !== "0x") {
    const record = options.known?.contracts[name];
    if (record?.address === address && (await blockHashOf(provider, record.blockNumber)) === record.blockHash) {
      options.report(`${name} is at ${address} since block ${record.blockNumber}`);
      return record;
    }
    const blockNumber = await firstBlockWithCode(provider, address);
    options.report(`${name} was found at ${address}, deployed in block ${blockNumber}`);
    return {
      address,
      blockNumber,
      blockHash: await blockHashOf(provider, blockNumber),
      transactionHash: null,
      constructorArguments,
    };
  }

  const receipt = await create(options, { initCode, address });
  options.report(`${name} deployed at ${address} in block ${receipt.blockNumber}`);
  const { blockNumber, blockHash, hash: transactionHash } = receipt;
  return { address, blockNumber, blockHash, transactionHash, constructorArguments };
}

/** Which contract is created, and who pays. */
interface Creation {
  name: ContractName;
  deployer: Wallet;
  provider: JsonRpcProvider;
}

async function create(
  { name, deployer, provider }: Creation,
  { initCode, address }: { initCode: string; address: string },
): Promise<TransactionReceipt> {
  await ensureProxy(deployer, provider);
  const sent = await deployer.sendTransaction({ to: PROXY, data: concat([SALT, initCode]) });
  const receipt = await sent.wait();
  if (receipt === null || (await provider.getCode(address)) === "0x") {
    throw new Error(`${name} did not appear at ${address}: look at transaction ${sent.hash}.`);
  }
  return receipt;
}

/** A verifier has no events and no owner: all deployments on a chain share it, and its address is all there is to it. */
async function deployVerifier(options: Creation & { report(line: string): void }): Promise<string> {
  const { name, provider, report } = options;
  const initCode = initCodeOf(name, []);
  const address = getCreate2Address(PROXY, SALT, keccak256(initCode));
  const isThere = async () => (await provider.getCode(address)) !== "0x";
  if (await isThere()) {
    report(`${name} is at ${address}`);
    return address;
  }
  try {
    const { blockNumber } = await create(options, { initCode, address });
    report(`${name} deployed at ${address} in block ${blockNumber}`);
  } catch (error) {
    // Another deployment may have been faster.
    if (!(await isThere())) throw error;
    report(`${name} is at ${address}`);
  }
  return address;
}

/**
 * What creates a contract: code that is committed rather than compiled, so that addresses are the same whoever deploys,
 * and the constructor's arguments. test/contracts/initCode.test.ts keeps it equal to what the compiler makes.
 */
function initCodeOf(name: ContractName, constructorArguments: string[]): string {
  return concat([initCodes[name], CONSTRUCTORS[name].encodeDeploy(constructorArguments)]);
}

async function ensureProxy(deployer: Wallet, provider: JsonRpcProvider): Promise<void> {
  if ((await provider.getCode(PROXY)) !== "0x") return;
  const transaction = Transaction.from(PROXY_DEPLOYMENT);
  const cost = transaction.gasLimit * (transaction.gasPrice ?? 0n);
  const payer = transaction.from ?? "";
  const missing = cost - (await provider.getBalance(payer));
  if (missing > 0n) await (await deployer.sendTransaction({ to: payer, value: missing })).wait();
  try {
    await (await provider.broadcastTransaction(PROXY_DEPLOYMENT)).wait();
  } catch (error) {
    // Somebody else may have sent the same transaction a moment before.
    if ((await provider.getCode(PROXY)) !== "0x") return;
    const fix = "ask the chain's operator for it, or use an endpoint that takes transactions without a chain id";
    throw new Error(`This chain lacks the deployment proxy ${PROXY} and did not take it: ${fix}.`, { cause: error });
  }
}

/** By bisection; needs an endpoint that knows old states when the contract is old. */
async function firstBlockWithCode(provider: JsonRpcProvider, address: string): Promise<number> {
  let without = -1;
  let with_ = await provider.getBlockNumber();
  while (with_ - without > 1) {
    const middle = Math.floor((with_ + without) / 2);
    if ((await provider.getCode(address, middle)) === "0x") without = middle;
    else with_ = middle;
  }
  return with_;
}

async function blockHashOf(provider: JsonRpcProvider, number: number): Promise<string> {
  const hash = (await provider.getBlock(number))?.hash;
  return hash ?? "";
}

function readRecord({ deploymentsDir, chainId }: DeployOptions): Deployment | undefined {
  const path = deploymentPath(deploymentsDir, chainId);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Deployment;
  } catch (error) {
    throw new Error(`${path} cannot be read (${messageOf(error)}): fix or delete it, then deploy again.`, {
      cause: error,
    });
  }
}

function writeRecord({ deploymentsDir, chainId }: DeployOptions, deployment: Deployment): void {
  const path = deploymentPath(deploymentsDir, chainId);
  mkdirSync(deploymentsDir, { recursive: true });
  // Renamed into place: a reader never sees half a record.
  writeFileSync(`${path}.new`, `${JSON.stringify(deployment, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
