import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { addApiKey, addIssuer, getIssuer, type IssuerDeps, rotateKey } from "../../api/issuers/actions";
import { createIssuerJobs } from "../../api/issuers/anchoring/jobs";
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from "../../api/issuers/rules";
import { createIssuerStore, type IssuerAccount } from "../../api/issuers/store";
import { type Chain, createChain } from "../../chain/client";
import { monotonicMs } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { createLogger } from "../../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { createContext } from "../../process/context";
import { decideAccreditation } from "./accreditation";
import { type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run issuer -- add --name "State University" [--algorithm EdDSA|ES256] [--metadata-uri https://...]
npm run issuer -- list
npm run issuer -- rotate <address> [--algorithm EdDSA|ES256]
npm run issuer -- api-key <address>
npm run issuer -- accredit <address> [--metadata-uri https://...]     with the registry owner's key
npm run issuer -- discredit <address> [--metadata-uri https://...]    in ISSUER_REGISTRY_OWNER_KEY`;

/** How long the worker may take to put an issuer on the chain before this command stops waiting for it. */
const DEADLINE_MS = 60_000;
const POLL_MS = 300;

interface Deps extends CommandContext {
  issuing: Omit<IssuerDeps, "assertionKeys">;
  chain: Chain;
  mongo: Mongo;
}

/** Registers issuers, rotates their keys and accredits them. */
async function run(args: string[], context: CommandContext): Promise<void> {
  const act = actionOf(args);
  const config = loadConfig("api", context.env);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "issuer" });
  const redis = connectRedis({ url: config.redis.url, name: "issuer" });
  const chain = createChain(config.chain);
  const logger = createLogger({ processName: "api", logLevel: "silent" });
  const made = await createContext(config, { mongo, redis, chain, logger });
  const { queue, enqueueAnchoring } = createIssuerJobs(made);
  const issuing = { ...made, issuers: createIssuerStore(mongo), enqueueAnchoring };
  await ensureIndexes(mongo);
  try {
    await act({ ...context, issuing, chain, mongo });
  } finally {
    await queue.close();
    redis.disconnect();
    chain.close();
    await mongo.close();
  }
}

/** What the arguments ask for. Nothing is connected before they are known to be right. */
function actionOf(args: string[]): (deps: Deps) => Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { name: { type: "string" }, algorithm: { type: "string" }, "metadata-uri": { type: "string" } },
  });
  const [command, given, ...others] = positionals;
  if (others.length > 0) throw new UsageError(`Unexpected argument: ${others.join(" ")}.`);
  const { name } = values;
  const address = given?.toLowerCase();
  const algorithm = algorithmOf(values.algorithm);
  const metadataUri = values["metadata-uri"] ?? "";
  if (command === "add" && name !== undefined) return (deps) => add(deps, { name, algorithm, metadataUri });
  if (command === "list" && address === undefined) return list;
  if (command === "rotate" && address !== undefined) return (deps) => rotate(deps, address, algorithm);
  if (command === "api-key" && address !== undefined) return (deps) => printNewApiKey(deps, address);
  if ((command === "accredit" || command === "discredit") && address !== undefined) {
    return async (deps) => deps.print(await decideAccreditation(deps, { decision: command, address, metadataUri }));
  }
  throw new UsageError("Give one of the commands below.");
}

async function add(
  deps: Deps,
  input: { name: string; algorithm: SigningAlgorithm; metadataUri: string },
): Promise<void> {
  const { account, apiKey } = await addIssuer(deps.issuing, input);
  deps.print(`issuer   ${account.address}\nDID      ${account.did}\nAPI key  ${apiKey}   (shown this once)`);
  await waitUntilAnchored(deps, account.address);
}

async function list({ issuing, print }: Deps): Promise<void> {
  for (const account of await issuing.issuers.list()) print(lineOf(account));
}

async function rotate(deps: Deps, address: string, algorithm: SigningAlgorithm): Promise<void> {
  const { kid } = await rotateKey(deps.issuing, { address, algorithm });
  deps.print(`the issuer signs with ${kid} as soon as the chain shows it`);
  await waitUntilAnchored(deps, address);
}

async function printNewApiKey({ issuing, print }: Deps, address: string): Promise<void> {
  print(`API key  ${(await addApiKey(issuing, address)).apiKey}   (shown this once)`);
}

/** Prints each state the issuer is in until it can issue, an error stops it, or the deadline has passed. */
async function waitUntilAnchored({ issuing, print }: Deps, address: string): Promise<void> {
  const deadline = monotonicMs() + DEADLINE_MS;
  let printed = "";
  while (monotonicMs() < deadline) {
    const account = await getIssuer(issuing, address);
    const anchored = isAnchored(account);
    if (anchored && account.accredited) {
      print("anchored and accredited on the chain: it can issue");
      return;
    }
    const waitingFor = anchored ? "anchored; waiting for its accreditation" : "waiting for the worker to anchor it";
    const state = account.anchoringError ?? waitingFor;
    if (state !== printed) print(state);
    printed = state;
    if (anchored && account.anchoringError !== null) return;
    await delay(POLL_MS);
  }
  print("not on the chain yet; the worker continues by itself (is it running?)");
}

function isAnchored({ anchoredHash, documents }: IssuerAccount): boolean {
  return anchoredHash === documents.at(-1)?.hash;
}

function lineOf(account: IssuerAccount): string {
  const { address, name, accredited, anchoringError } = account;
  const state = `${accredited ? "accredited" : "not accredited"}, ${isAnchored(account) ? "anchored" : "not anchored"}`;
  return `${address}  ${name}  ${state}${anchoringError === null ? "" : `  (${anchoringError})`}`;
}

function algorithmOf(given: string | undefined): SigningAlgorithm {
  const algorithm = SIGNING_ALGORITHMS.find((known) => known === (given ?? "EdDSA"));
  if (algorithm === undefined) throw new UsageError(`--algorithm is one of ${SIGNING_ALGORITHMS.join(", ")}.`);
  return algorithm;
}

void runCommand({ usage, run });
