import { type Config, loadConfig } from "../../core/config/config";
import { assertNever, BootError, messageOf } from "../../core/errors";
import { createLogger, type Logger } from "../../core/logger";
import { ensureIndexes, type Mongo } from "../../core/mongo";
import { connect } from "../../process/connections";
import { createMetrics } from "../metrics";
import { createSource } from "../rpc/source";
import { audit } from "./audit";
import type { Command } from "./parse";
import { reindex } from "./reindex";
import { repairIndex } from "./repair";
import { status } from "./status";
import { withLease } from "./withLease";

type IndexCommand = Exclude<Command, { name: "follow" | "status" }>;

/**
 * Runs a command to its end and prints its result to standard output.
 *
 * @returns the exit code: 0 when all is well, 1 when the index is not ready, a difference was found, or the command
 *   could not be carried out, 78 when the configuration is wrong
 */
export async function runCommand(command: Exclude<Command, { name: "follow" }>): Promise<number> {
  const closers: (() => unknown)[] = [];
  try {
    const config = loadConfig("indexer");
    const logger = createLogger({ ...config, logLevel: "warn" }, process.stderr);
    // That the database does not answer is said once, in the error.
    const quiet = logger.child({}, { level: "error" });
    const onClose = (_name: string, close: () => unknown) => closers.push(close);
    const { mongo } = await connect(config, { parts: ["mongo"], logger: quiet, onClose });
    if (command.name === "status") return await status({ mongo, config, print });
    return await runOnIndex(command, { config, logger, mongo });
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    return error instanceof BootError ? 78 : 1;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

async function runOnIndex(
  command: IndexCommand,
  { config, logger, mongo }: { config: Config; logger: Logger; mongo: Mongo },
): Promise<number> {
  await ensureIndexes(mongo);
  const stop = new AbortController();
  const metrics = createMetrics();
  const source = createSource({
    urls: config.chain.rpcUrls,
    timeoutMs: config.indexer.rpcTimeoutMs,
    metrics,
    logger,
    stopping: stop.signal,
  });
  const deps = { config, logger, mongo, source, metrics, print, stopping: stop.signal };
  try {
    switch (command.name) {
      case "audit":
        return await audit(deps);
      case "repair":
        return await withLease(deps, (term) => repairIndex(deps, term));
      case "reindex":
        return await withLease(deps, (term) => reindex(deps, term, command.fromBlock));
      default:
        return assertNever(command);
    }
  } finally {
    stop.abort();
    source.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
