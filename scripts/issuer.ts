import { Wallet } from "ethers";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { IssuerActions } from "../api/issuers/actions";
import { createIssuers } from "../api/issuers/module";
import { ISSUER_ANCHORING } from "../api/issuers/anchoring/actions";
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from "../api/issuers/rules";
import type { IssuerAccount } from "../api/issuers/store";
import { type Chain, createChain } from "../chain/client";
import { systemClock } from "../core/clock";
import { DEVELOPMENT_RELAYER_KEY, loadConfig, readEnvironmentBesideRunning } from "../core/config/config";
import { messageOf } from "../core/errors";
import { createLogger } from "../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../core/mongo";
import { connectRedis } from "../core/redis";
import { createContext } from "../process/context";
import { createTransactionStore } from "../chain/relayer/transactions";
import { createRelayer } from "../chain/relayer/relayer";
import { createSigner } from "../chain/relayer/signer";

const USAGE = `npm run issuer -- add --name "State University" [--algorithm EdDSA|ES256] [--metadata-uri https://...]
npm run issuer -- list
npm run issuer -- rotate <address> [--algorithm EdDSA|ES256]
npm run issuer -- api-key <address>
npm run issuer -- accredit <address> [--metadata-uri https://...]     with the registry owner's key
npm run issuer -- discredit <address> [--metadata-uri https://...]    in ISSUER_REGISTRY_OWNER_KEY`;

/** How long the worker may take to put an issuer on the chain before this stops waiting for it. */
const PATIENCE_MS = 60_000;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Onboards issuers and looks after their keys. */
async function main(argv: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { name: { type: "string" }, algorithm: { type: "string" }, "metadata-uri": { type: "string" } },
  });
  const [command, address] = positionals;
  const metadataUri = values["metadata-uri"] ?? "";
  const desk = await openDesk();
  try {
    const { issuers } = desk;
    if (command === "add" && values.name !== undefined) {
      const { account, apiKey } = await issuers.add({
        name: values.name,
        algorithm: algorithmOf(values.algorithm),
        metadataUri,
      });
      say(`issuer   ${account.address}\nDID      ${account.did}\nAPI key  ${apiKey}   (shown this once)`);
      await untilOnChain(desk, account.address);
    } else if (command === "list") {
      for (const account of await issuers.list()) say(lineOf(account));
    } else if (command === "rotate" && address !== undefined) {
      const { kid } = await issuers.rotateKey(address.toLowerCase(), algorithmOf(values.algorithm));
      say(`the issuer signs with ${kid} as soon as the chain shows it`);
      await untilOnChain(desk, address.toLowerCase());
    } else if (command === "api-key" && address !== undefined) {
      say(`API key  ${(await issuers.addApiKey(address.toLowerCase())).apiKey}   (shown this once)`);
    } else if ((command === "accredit" || command === "discredit") && address !== undefined) {
      say(await decideAccreditation(desk, command, address.toLowerCase(), metadataUri));
    } else {
      say(USAGE);
      process.exitCode = 2;
    }
  } finally {
    await desk.close();
  }
}

/** What the commands work with. */
interface Desk {
  issuers: IssuerActions;
  chain: Chain;
  mongo: Mongo;
  close(): Promise<void>;
}

async function openDesk(): Promise<Desk> {
  const config = loadConfig("api");
  const logger = createLogger({ processName: "api", logLevel: "silent" });
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "issuer" });
  const redis = connectRedis({ url: config.redis.url, name: "issuer" });
  const chain = createChain(config.chain);
  const module = createIssuers(await createContext(config, { mongo, redis, chain, logger }));
  createTransactionStore(mongo);
  await ensureIndexes(mongo);
  return {
    issuers: module.ports.actions,
    chain,
    mongo,
    async close() {
      await module.close();
      redis.disconnect();
      chain.close();
      await mongo.close();
    },
  };
}

async function untilOnChain({ issuers }: Desk, address: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  let told = "";
  while (performance.now() < deadline) {
    const account = await issuers.get(address);
    const anchored = account.anchoredHash === account.documents.at(-1)?.hash;
    if (anchored && account.accredited) {
      say("anchored and accredited on the chain: it can issue");
      return;
    }
    const state =
      account.fault ?? (anchored ? "anchored; waiting for its accreditation" : "waiting for the worker to anchor it");
    if (state !== told) say(state);
    told = state;
    if (anchored && account.fault !== null) return;
    await delay(300);
  }
  say("not on the chain yet; the worker goes on by itself (is it running?)");
}

/** Puts a decision of the registry's owner on the chain; what came of it, as a line for people. */
async function decideAccreditation(
  desk: Desk,
  command: "accredit" | "discredit",
  address: string,
  uri: string,
): Promise<string> {
  const { issuerRegistry, provider, chainId } = desk.chain;
  const { accredited, version } = await issuerRegistry.issuerOf(address);
  if (accredited === (command === "accredit")) return `nothing to do: it is ${accredited ? "" : "not "}accredited`;
  const owner = await issuerRegistry.owner();
  const key =
    readEnvironmentBesideRunning()["ISSUER_REGISTRY_OWNER_KEY"] ??
    (chainId === 31337 ? DEVELOPMENT_RELAYER_KEY : undefined);
  const wallet = key === undefined ? undefined : new Wallet(key, provider);
  if (wallet?.address !== owner)
    throw new Error(`Give the key of the registry's owner, ${owner}, in ISSUER_REGISTRY_OWNER_KEY.`);
  const call = {
    to: await issuerRegistry.getAddress(),
    data: encodeDecision(desk.chain, command, address, uri),
  };

  const { anchoring } = loadConfig("worker");
  if (anchoring?.relayerPrivateKey.toLowerCase() !== wallet.privateKey.toLowerCase()) {
    const sent = await wallet.sendTransaction(call);
    await sent.wait();
    return `${command}ed in transaction ${sent.hash}`;
  }
  // The owner's nonces are the relayer's: sent past its transaction store, a transaction would collide with the worker's.
  const relayer = createRelayer({
    ...{ provider, chainId, clock: systemClock, handlers: {}, stuckSeconds: anchoring.stuckSeconds, pollMs: 1_000 },
    signer: createSigner({ privateKey: wallet.privateKey, chainId, clock: systemClock }),
    transactions: createTransactionStore(desk.mongo),
    logger: createLogger({ processName: "worker", logLevel: "silent" }),
  });
  const name = `${command}/${address}/${call.to}/${version}`;
  await relayer.submit({ kind: ISSUER_ANCHORING, subject: `accreditation/${address}`, key: name, call });
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    if ((await issuerRegistry.isAccredited(address)) === (command === "accredit")) return `${command}ed`;
    await delay(300);
  }
  return "queued; the worker sends it (is it running?)";
}

function encodeDecision(
  { issuerRegistry }: Chain,
  command: "accredit" | "discredit",
  address: string,
  uri: string,
): string {
  const abi = issuerRegistry.interface;
  if (command === "accredit") return abi.encodeFunctionData("accredit", [address, uri]);
  return abi.encodeFunctionData("discredit", [address, uri]);
}

function algorithmOf(given: string | undefined): SigningAlgorithm {
  const algorithm = given ?? "EdDSA";
  if (SIGNING_ALGORITHMS.some((known) => known === algorithm)) return algorithm as SigningAlgorithm;
  throw new Error(`--algorithm is one of ${SIGNING_ALGORITHMS.join(", ")}.`);
}

function lineOf({ address, name, accredited, anchoredHash, documents, fault }: IssuerAccount): string {
  const anchored = anchoredHash === documents.at(-1)?.hash;
  const state = `${accredited ? "accredited" : "not accredited"}, ${anchored ? "anchored" : "not anchored"}`;
  return `${address}  ${name}  ${state}${fault === null ? "" : `  (${fault})`}`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
