// A Hardhat node on loopback, HTTP and WebSocket on one port, whose chain can outlast the process.
//
//   node --require ./scripts/typescript.cjs embedded/chain/main.ts --port N (--data DIR | --in-memory DIR)
//
// Prints one line of JSON when it is ready; ends when its standard input closes. DIR of --in-memory stays unused: it is
// there so that a process can be recognised by its command line.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TASK_NODE_CREATE_SERVER, TASK_NODE_GET_PROVIDER } from "hardhat/builtin-tasks/task-names";
import type { EIP1193Provider, HardhatRuntimeEnvironment, JsonRpcServer } from "hardhat/types";
import { messageOf } from "../../core/errors";
import { openChain } from "./openChain";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { port: { type: "string" }, data: { type: "string" }, "in-memory": { type: "string" } },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || (values.data === undefined) === (values["in-memory"] === undefined)) {
    throw new Error("usage: main.ts --port N (--data DIR | --in-memory DIR)");
  }
  // Our parent was killed or stops us. Nothing is left to write: the journal is always up to date.
  process.stdin.on("end", exit).on("error", exit).resume();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, exit);

  process.env["HARDHAT_CONFIG"] = join(__dirname, "hardhat.config.ts");
  const { default: hardhat } = await import("hardhat");
  const notes: string[] = [];
  const provider = await (values.data === undefined
    ? nodeOf(hardhat)
    : openChain({
        folder: values.data,
        startNode: (genesisSeconds) => nodeOf(hardhat, genesisSeconds),
        report: (text) => notes.push(text),
        onProgress: (blocks) => printLine({ replayedBlocks: blocks }),
        onJournalError: exitWithError,
      }));
  const server = (await hardhat.run(TASK_NODE_CREATE_SERVER, {
    hostname: "127.0.0.1",
    port,
    provider,
  })) as JsonRpcServer;
  const { port: bound } = await server.listen();
  printLine({ ready: true, port: bound, notes });
}

/** The node Hardhat would serve with `hardhat node`. */
function nodeOf(hardhat: HardhatRuntimeEnvironment, genesisSeconds?: number): Promise<EIP1193Provider> {
  // Hardhat builds the node at its first use and reads the date then.
  if (genesisSeconds !== undefined) {
    hardhat.config.networks.hardhat.initialDate = new Date(genesisSeconds * 1000).toISOString();
  }
  return hardhat.run(TASK_NODE_GET_PROVIDER) as Promise<EIP1193Provider>;
}

function printLine(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function exit(): void {
  process.exit(0);
}

function exitWithError(error: unknown): never {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

process.on("uncaughtException", exitWithError);
main().catch(exitWithError);
