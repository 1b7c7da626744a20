import { monotonicMs, systemClock } from "../core/clock";
import { type Config, loadConfig } from "../core/config/config";
import { loadDeployment } from "../chain/deployment";
import { connect } from "../process/connections";
import { BootError, DomainError, messageOf } from "../core/errors";
import { createLogger, type Logger } from "../core/logger";
import { ensureIndexes, type Mongo } from "../core/mongo";
import { type BlockRef, CHECKPOINT_ID, createRegistryCollections } from "../projection/models";
import { runAudit } from "./audit/audit";
import { createLease } from "./write/lease";
import type { Term } from "./write/term";
import type { Difference } from "./audit/difference";
import { isHardhat, createFinality } from "./sync/finality";
import { makeFollower } from "./sync/follow";
import { assessHealth } from "./readiness";
import { contractsOf, differenceOf, identifyChain, resetRefusal } from "./sync/identify";
import { createMetrics } from "./metrics";
import { createProjectionWriter } from "./write/writer";
import { repair } from "./audit/repair";
import { RpcError } from "./rpc/rpcError";
import { holderName, keepLease, startOver } from "./sync/leader";
import { headerAt } from "./rpc/headers";
import { createSource, type Source } from "./rpc/source";

/** What `npm run indexer -- …` was asked to do. */
export type Command =
  | { name: "follow"; reindexOnReset: boolean }
  | { name: "status" }
  | { name: "audit" }
  | { name: "repair" }
  | { name: "reindex"; fromBlock: number };

const USAGE = `Usage: npm run indexer [-- <command>]
  (none) [--reindex-on-reset]  follow the chain; start over by itself when a development chain was reset
  status                       how far the index is, and who writes it; exits with 1 when it is not ready
  audit                        compare the whole index with the chain; exits with 1 on any difference
  repair                       audit, and mend what it finds; exits with 1 when something is left
  reindex --from <block>       drop everything from that block on and index it again`;

/** Reads the arguments of the indexer; a string says how they should have been. */
export function parseCommand(argv: string[]): Command | string {
  const [name, ...rest] = argv;
  if (name === undefined) return { name: "follow", reindexOnReset: false };
  if (name === "--reindex-on-reset" && rest.length === 0) return { name: "follow", reindexOnReset: true };
  if ((name === "status" || name === "audit" || name === "repair") && rest.length === 0) return { name };
  const [option, value] = rest;
  if (name === "reindex" && rest.length === 2 && option === "--from" && /^\d{1,10}$/.test(value ?? "")) {
    return { name, fromBlock: Number(value) };
  }
  return USAGE;
}

/**
 * Runs a command to its end and tells what came of it on standard output.
 *
 * @returns the exit code: 0 when all is well, 1 when the index is not ready, a difference was found, or the command
 *   could not be carried out, 78 when the configuration is at fault
 */
export async function runCommand(command: Exclude<Command, { name: "follow" }>): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const stop = new AbortController();
  const closers: (() => unknown)[] = [];
  try {
    const config = loadConfig("indexer");
    const logger = createLogger({ ...config, logLevel: "warn" }, process.stderr);
    // That the database does not answer is said once, in the error.
    const quiet = logger.child({}, { level: "error" });
    const onClose = (_name: string, close: () => unknown) => closers.push(close);
    const { mongo } = await connect(config, { parts: ["mongo"], logger: quiet, onClose });
    if (command.name === "status") return await status(mongo, config, say);
    await ensureIndexes(mongo);
    const metrics = createMetrics();
    const { rpcUrls } = config.chain;
    const source = createSource({
      urls: rpcUrls,
      timeoutMs: config.indexer.rpcTimeoutMs,
      metrics,
      logger,
      stopping: stop.signal,
    });
    closers.push(() => source.close());
    const parts = { config, logger, mongo, source, say, stopping: stop.signal };
    if (command.name === "audit") return await audit(parts);
    return await withLease(parts, (term) =>
      command.name === "repair" ? mend({ ...parts, term }) : reindex({ ...parts, term }, command.fromBlock),
    );
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return error instanceof BootError ? 78 : 1;
  } finally {
    stop.abort();
    for (const close of closers.reverse()) await close();
  }
}

interface CommandParts {
  config: Config;
  logger: Logger;
  mongo: Mongo;
  source: Source;
  stopping: AbortSignal;
  say(line: string): void;
}

async function status(mongo: Mongo, config: Config, say: (line: string) => void): Promise<number> {
  const now = systemClock.now();
  const checkpoint = await createRegistryCollections(mongo).checkpoints.findOne({ _id: CHECKPOINT_ID });
  const { problems } = assessHealth(checkpoint, { now, maxLagSeconds: config.readyMaxLagSeconds, leading: false });
  if (checkpoint?.indexed) {
    const { indexed, head, finalizedNumber, verifiedNumber, lease, incompleteBlocks, rewinds } = checkpoint;
    const heard = head ? `block ${head.number}, seen ${head.seenAt.toISOString()}` : "not seen yet";
    const until = lease.expiresAt.toISOString();
    const leader =
      lease.holder !== null && lease.expiresAt > now ? `${lease.holder} until ${until}` : "none at present";
    say(`chain       ${checkpoint.chainId}, contracts deployed in block ${checkpoint.deployment.blockNumber}`);
    say(`indexed     block ${indexed.number} ${indexed.hash}, mined ${indexed.minedAt.toISOString()}`);
    say(`chain head  ${heard}`);
    say(`finalized   ${blockOrNone(finalizedNumber)}`);
    say(
      `verified    ${blockOrNone(verifiedNumber)}${incompleteBlocks.length > 0 ? `, ${count(incompleteBlocks.length, "incomplete block")}` : ""}`,
    );
    say(`leader      ${leader}, term ${lease.term}`);
    say(`set back    ${rewinds === 0 ? "never" : `${count(rewinds, "time")}, by reorgs or reindexing`}`);
  }
  say(problems.length === 0 ? "ready" : `not ready: ${problems.join("; ")}`);
  return problems.length === 0 ? 0 : 1;
}

async function audit({ mongo, source, config, logger, say }: CommandParts): Promise<number> {
  let differences = 0;
  const report = (difference: Difference) => {
    differences += 1;
    say(describe(difference));
  };
  const contracts = contractsOf(loadDeployment(config.chain));
  const { blockNumber, events, documents } = await runAudit({ mongo, source, contracts, logger, report });
  const found = differences === 0 ? "no difference" : count(differences, "difference");
  // Folded from events that are wrong, documents are not worth a comparison.
  const compared =
    documents > 0 ? `${count(events, "event")} and ${count(documents, "document")}` : count(events, "event");
  say(`compared ${compared} with the chain at block ${blockNumber}: ${found}`);
  return differences === 0 ? 0 : 1;
}

async function mend({ mongo, source, config, logger, term, say }: CommandParts & { term: Term }): Promise<number> {
  const contracts = contractsOf(loadDeployment(config.chain));
  const { mended, left } = await repair({
    mongo,
    source,
    contracts,
    logger,
    term,
    report: (difference) => say(describe(difference)),
  });
  const did = mended === 0 ? "nothing to mend" : `mended ${count(mended, "difference")}`;
  say(`${did}; ${left === 0 ? "index and chain agree" : `${count(left, "difference")} left, repair again`}`);
  return left === 0 ? 0 : 1;
}

async function reindex(parts: CommandParts & { term: Term }, fromBlock: number): Promise<number> {
  const { mongo, source, config, logger, term, say } = parts;
  const collections = createRegistryCollections(mongo);
  const deployment = loadDeployment(config.chain);
  const identity = await identifyChain(source, deployment);
  const onCrashPoint = () => undefined;
  const writer = createProjectionWriter({ collections, term, onCrashPoint });
  const follower = makeFollower({
    ...{ source, writer, term, collections, logger, clock: systemClock, terminal: process.stderr },
    finality: await createFinality(source, config.chain.confirmations),
    fetch: { contracts: contractsOf(deployment), unlinked: await isHardhat(source) },
    metrics: createMetrics(),
    stopping: parts.stopping,
  });
  const catchUp = async () => follower.advance({ header: await source.head(), seenAtMs: monotonicMs() });

  if (fromBlock <= identity.deployment.blockNumber) {
    await startOver(term, { mongo, identity, onCrashPoint });
  } else {
    const difference = differenceOf(term.checkpoint, identity);
    if (difference !== null) throw resetRefusal(difference, identity.deployment.blockNumber);
    await writer.recover();
    // On the chain's present branch first: what lies below `fromBlock` stays, so it must be of this branch.
    await catchUp();
    await writer.rewind(await blockBefore(fromBlock, source, term.checkpoint.indexed));
  }
  const events = await catchUp();
  const from = Math.max(fromBlock, identity.deployment.blockNumber);
  say(`indexed blocks ${from} to ${term.checkpoint.indexed?.number ?? "none"} again: ${count(events, "event")}`);
  return 0;
}

/**
 * The block up to which the index stays, which must be of the indexed branch.
 *
 * @throws DomainError `index.not_indexed` when the index does not reach `fromBlock`: setting it back must not move it on
 */
async function blockBefore(fromBlock: number, source: Source, indexed: BlockRef | null): Promise<BlockRef> {
  if (indexed === null || fromBlock > indexed.number) {
    const end = indexed === null ? "is empty" : `ends with block ${indexed.number}`;
    const message = `There is no block ${fromBlock} to index again: the index ${end}. Nothing was dropped.`;
    throw new DomainError("index.not_indexed", "invalid", message);
  }
  return source.ask(`block ${fromBlock - 1}`, async (endpoint) => {
    const { number, hash, minedAt } = await headerAt(endpoint, fromBlock - 1);
    const now = await headerAt(endpoint, indexed.number);
    if (now.hash !== indexed.hash) throw new RpcError("inconsistent", "the node is on another branch than the index");
    return { number, hash, minedAt };
  });
}

/** A command that writes takes the lease at once: the running leader stands by meanwhile and takes over afterwards. */
async function withLease(parts: CommandParts, work: (term: Term) => Promise<number>): Promise<number> {
  const { config, mongo, source } = parts;
  const identity = await identifyChain(source, loadDeployment(config.chain));
  const collections = createRegistryCollections(mongo);
  const lease = createLease({
    collections,
    identity,
    leaseSeconds: config.indexer.leaseSeconds,
    clock: systemClock,
    holder: holderName(),
  });
  let term: Term | null = null;
  while (term === null) term = await lease.acquire({ force: true });
  const ended = new AbortController();
  const renewing = keepLease(term, config.indexer.leaseSeconds, ended, parts.logger);
  try {
    return await work(term);
  } finally {
    ended.abort();
    await renewing;
    await term.release();
  }
}

function describe({ collection, id, field, indexed, chain }: Difference): string {
  const what = field === null ? `${collection} ${id}` : `${collection} ${id} ${field}`;
  return `${what}: the index has ${JSON.stringify(indexed)}, the chain ${JSON.stringify(chain)}`;
}

/** `1 event`, `2 events`. */
function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function blockOrNone(number: number): string {
  return number < 0 ? "none yet" : `block ${number}`;
}
