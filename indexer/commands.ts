import { monotonicMs, systemClock } from "../core/clock";
import { type Config, loadConfig } from "../core/config";
import { loadDeployment } from "../core/deployment";
import { BootError, messageOf } from "../core/errors";
import { createLogger, type Logger } from "../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../core/mongo";
import { CHECKPOINT_ID, openRegistryCollections } from "../core/registry/models";
import { runAudit } from "./audit";
import { openThrone, type Reign } from "./checkpoint";
import type { Difference } from "./difference";
import { isHardhat, openFinality } from "./finality";
import { makeFollower } from "./follow";
import { judge } from "./health";
import { contractsOf, differenceOf, identifyChain, resetRefusal } from "./identify";
import { createMetrics } from "./metrics";
import { openLedger } from "./project";
import { repair } from "./repair";
import { holderName, keepLease, startOver } from "./run";
import { headerAt, openSource, type Source } from "./source";

/** What `npm run indexer -- …` was asked to do. */
export type Command =
  | { name: "follow"; reindexOnReset: boolean }
  | { name: "status" }
  | { name: "audit" }
  | { name: "repair" }
  | { name: "reindex"; fromBlock: number };

const USAGE = `Usage: npm run indexer [-- <command>]
  (none) [--reindex-on-reset]  follow the chain; start over by itself when a development chain was reset
  status                       how far the index is, and who writes it
  audit                        compare the whole index with the chain; exits with 1 on any difference
  repair                       audit, and mend what it finds
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
 * @returns the exit code: 0 when all is well, 1 when a difference was found, 78 when the configuration is at fault
 */
export async function runCommand(command: Exclude<Command, { name: "follow" }>): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const stop = new AbortController();
  const closers: (() => unknown)[] = [];
  try {
    const config = loadConfig("indexer");
    const logger = createLogger({ ...config, logLevel: "warn" }, process.stderr);
    const mongo = await connectMongo({ uri: config.mongodbUri, name: "indexer", logger });
    closers.push(() => mongo.close());
    if (command.name === "status") return await status(mongo, config, say);
    await ensureIndexes(mongo);
    const metrics = createMetrics();
    const { rpcUrls } = config.chain;
    const source = openSource({
      urls: rpcUrls,
      timeoutMs: config.indexer.rpcTimeoutMs,
      metrics,
      logger,
      stopping: stop.signal,
    });
    closers.push(() => source.close());
    const parts = { config, logger, mongo, source, say, stopping: stop.signal };
    if (command.name === "audit") return await audit(parts);
    return await withLease(parts, (reign) =>
      command.name === "repair" ? mend({ ...parts, reign }) : reindex({ ...parts, reign }, command.fromBlock),
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
  const checkpoint = await openRegistryCollections(mongo).checkpoints.findOne({ _id: CHECKPOINT_ID });
  const standing = judge(checkpoint, { now, maxLagSeconds: config.readyMaxLagSeconds, leading: false });
  if (checkpoint?.indexed) {
    const { indexed, head, finalizedNumber, verifiedNumber, lease, suspects, rewinds } = checkpoint;
    const held = lease.holder !== null && lease.expiresAt > now;
    say(`chain       ${checkpoint.chainId}, contracts deployed in block ${checkpoint.deployment.blockNumber}`);
    say(`indexed     block ${indexed.number} ${indexed.hash}, mined ${indexed.minedAt.toISOString()}`);
    say(`chain head  block ${head?.number ?? "?"}, seen ${head?.seenAt.toISOString() ?? "never"}`);
    say(`finalized   block ${finalizedNumber}`);
    say(`verified    block ${verifiedNumber}${suspects.length > 0 ? `, ${suspects.length} suspect blocks` : ""}`);
    say(
      `leader      ${held ? `${lease.holder} until ${lease.expiresAt.toISOString()}` : "none"}, reign ${lease.reign}`,
    );
    say(`reorgs      ${rewinds}`);
  }
  say(standing.ready ? "ready" : `not ready: ${standing.problems.join("; ")}`);
  return standing.ready ? 0 : 1;
}

async function audit({ mongo, source, config, logger, say }: CommandParts): Promise<number> {
  let differences = 0;
  const report = (difference: Difference) => {
    differences += 1;
    say(describe(difference));
  };
  const contracts = contractsOf(loadDeployment(config.chain));
  const { blockNumber, events, documents } = await runAudit({ mongo, source, contracts, logger, report });
  say(
    `compared ${events} events and ${documents} documents with the chain at block ${blockNumber}: ${summary(differences)}`,
  );
  return differences === 0 ? 0 : 1;
}

async function mend({ mongo, source, config, logger, reign, say }: CommandParts & { reign: Reign }): Promise<number> {
  const contracts = contractsOf(loadDeployment(config.chain));
  const { mended, left } = await repair({
    mongo,
    source,
    contracts,
    logger,
    reign,
    report: (difference) => say(describe(difference)),
  });
  say(`${mended} differences mended; ${left === 0 ? "index and chain agree" : `${left} are left`}`);
  return left === 0 ? 0 : 1;
}

async function reindex(parts: CommandParts & { reign: Reign }, fromBlock: number): Promise<number> {
  const { mongo, source, config, logger, reign, say } = parts;
  const collections = openRegistryCollections(mongo);
  const deployment = loadDeployment(config.chain);
  const identity = await identifyChain(source, deployment);
  const step = () => undefined;
  const ledger = openLedger({ collections, reign, step });
  const follower = makeFollower({
    ...{ source, ledger, reign, collections, logger, clock: systemClock, terminal: process.stderr },
    finality: await openFinality(source, config.chain.confirmations),
    fetch: { contracts: contractsOf(deployment), unlinked: await isHardhat(source) },
    metrics: createMetrics(),
    stopping: parts.stopping,
  });
  const catchUp = async () => follower.advance({ header: await source.head(), heardAtMs: monotonicMs() });

  if (fromBlock <= identity.deployment.blockNumber) {
    await startOver(reign, { mongo, identity, step });
  } else {
    const difference = differenceOf(reign.checkpoint, identity);
    if (difference !== null) throw resetRefusal(difference, identity.deployment.blockNumber);
    await ledger.recover();
    // On the chain's present branch first: what lies below `fromBlock` stays, so it must be of this branch.
    await catchUp();
    const last = await source.ask(`block ${fromBlock - 1}`, (endpoint) => headerAt(endpoint, fromBlock - 1));
    await ledger.rewind({ number: last.number, hash: last.hash, minedAt: last.minedAt });
  }
  const events = await catchUp();
  say(`indexed blocks ${fromBlock} to ${reign.checkpoint.indexed?.number ?? "none"} again: ${events} events`);
  return 0;
}

/** A command that writes takes the lease at once: the running leader stands by meanwhile and takes over afterwards. */
async function withLease(parts: CommandParts, work: (reign: Reign) => Promise<number>): Promise<number> {
  const { config, mongo, source } = parts;
  const identity = await identifyChain(source, loadDeployment(config.chain));
  const collections = openRegistryCollections(mongo);
  const lease = { leaseSeconds: config.indexer.leaseSeconds, clock: systemClock, holder: holderName() };
  const throne = openThrone({ collections, identity, ...lease });
  let reign: Reign | null = null;
  while (reign === null) reign = await throne.take({ force: true });
  const ended = new AbortController();
  const renewing = keepLease(reign, config.indexer.leaseSeconds, ended, parts.logger);
  try {
    return await work(reign);
  } finally {
    ended.abort();
    await renewing;
    await reign.release();
  }
}

function describe({ collection, id, field, indexed, chain }: Difference): string {
  const what = field === null ? `${collection} ${id}` : `${collection} ${id} ${field}`;
  return `${what}: the index has ${JSON.stringify(indexed)}, the chain ${JSON.stringify(chain)}`;
}

function summary(differences: number): string {
  return differences === 0 ? "no difference" : `${differences} ${differences === 1 ? "difference" : "differences"}`;
}
