import { computeAddress } from "ethers";
import { styleText } from "node:util";
import { DEVELOPMENT_KEYS } from "../../embedded/chain/accounts";
import type { DemoStep } from "../demo/demo";
import type { RunningCairn } from "./cairn";
import { columnsOf, wrapLine } from "./wrap";

const ACCOUNTS_SHOWN = 5;
const NAME_COLUMNS = 10;
const STEP_INDENT = 5;
const ROW_NAME_COLUMNS = 15;
/** With number and time, a heading fits into 80 columns. */
const TITLE_COLUMNS = 62;

/** Colours where the terminal shows them; plain text into files and pipes. */
function style(format: "bold" | "dim" | "cyan" | "green", text: string): string {
  return process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? styleText(format, text) : text;
}

/** One line that a process or service printed, with its name in front, broken where the terminal is narrower. */
export function processLine(name: string, line: string, columns = columnsOf(process.stdout)): string {
  return line
    .split("\n")
    .flatMap((part) => wrapLine(part, columns - NAME_COLUMNS - 1))
    .map((part, index) => `${style("cyan", (index === 0 ? name : "").padEnd(NAME_COLUMNS))} ${part}`)
    .join("\n");
}

/** One step of the demo: its number, title and time, what came of it below. */
export function stepLines(
  { title, outcome, milliseconds }: DemoStep,
  number: number,
  columns = columnsOf(process.stdout),
): string {
  const time = milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
  const heading = `${style("green", `${number}.`.padStart(4))} ${style("bold", title.padEnd(TITLE_COLUMNS))} ${style("dim", time.padStart(7))}`;
  const lines = outcome.flatMap((line) => wrapLine(line, columns - STEP_INDENT));
  return [heading, ...lines.map((line) => `${" ".repeat(STEP_INDENT)}${line}`)].join("\n");
}

/** Prints the addresses of everything that runs. */
export function printEndpoints(print: (text: string) => void, cairn: RunningCairn, root: string): void {
  const { contracts, chainId } = cairn.deployment;
  const { chain, mongo, redis } = cairn.services.byName;
  const dataDir = cairn.dataDir.replace(`${root}/`, "");
  const rows: [string, string][] = [
    ["API", cairn.apiUrl],
    ["API docs", `${cairn.apiUrl}/docs`],
    ["Gateway", `${cairn.gateway.httpUrl}  (Connect and gRPC-Web; gRPC at ${cairn.gateway.grpcAddress})`],
    ["Chain RPC", `${cairn.services.rpcUrl}  (chain ${chainId}; ${withoutAddress(chain.where)})`],
    ["DIDRegistry", `${contracts.DIDRegistry.address}  since block ${contracts.DIDRegistry.blockNumber}`],
    ["IssuerRegistry", `${contracts.IssuerRegistry.address}  since block ${contracts.IssuerRegistry.blockNumber}`],
    ["MongoDB", `${cairn.services.mongodbUri}  (${withoutAddress(mongo.where)})`],
    ["Redis", `${cairn.services.redisUrl}  (${withoutAddress(redis.where)})`],
    ["Data and logs", `${dataDir}/  and  ${dataDir}/logs/`],
  ];
  const columns = columnsOf(process.stdout) - ROW_NAME_COLUMNS - 3;
  const lines = rows.flatMap(([name, value]) =>
    wrapLine(value, columns).map(
      (part, index) => `  ${style("bold", (index === 0 ? name : "").padEnd(ROW_NAME_COLUMNS))} ${part}`,
    ),
  );
  print([...lines, ...(chain.how === "given" ? [] : accountLines()), ""].join("\n"));
}

/** What a service is; the address that its description ends with is printed before it. */
function withoutAddress(where: string): string {
  return where.replace(/ on 127\.0\.0\.1:\d+$/, "");
}

function accountLines(): string[] {
  const keys = DEVELOPMENT_KEYS.slice(0, ACCOUNTS_SHOWN);
  return [
    "",
    `  ${style("bold", "Accounts")}        10,000 ETH each; their keys are public: never on a real chain`,
    ...keys.flatMap((key, index) => [`  #${index} ${computeAddress(key)}`, `     ${style("dim", key)}`]),
    `  #0 pays for anchoring and owns IssuerRegistry`,
  ];
}
