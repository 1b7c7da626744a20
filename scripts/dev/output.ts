import { computeAddress } from "ethers";
import { styleText } from "node:util";
import { DEVELOPMENT_KEYS } from "../../embedded/chain/accounts";
import type { DemoStep } from "../demo/demo";
import type { RunningCairn } from "./cairn";

const ACCOUNTS_SHOWN = 5;
/** With number and time, a heading fits into 80 columns. */
const TITLE_COLUMNS = 62;

/** Colours where the terminal shows them; plain text into files and pipes. */
function style(format: "bold" | "dim" | "cyan" | "green", text: string): string {
  return process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? styleText(format, text) : text;
}

/** One line that a process or service printed, with its name in front. */
export function processLine(name: string, line: string): string {
  return line
    .split("\n")
    .map((part, index) => `${style("cyan", (index === 0 ? name : "").padEnd(10))} ${part}`)
    .join("\n");
}

/** One step of the demo: its number, title and time, what came of it below. */
export function stepLines({ title, outcome, milliseconds }: DemoStep, number: number): string {
  const time = milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
  const heading = `${style("green", `${number}.`.padStart(4))} ${style("bold", title.padEnd(TITLE_COLUMNS))} ${style("dim", time.padStart(7))}`;
  return [heading, ...outcome.map((line) => `     ${line}`)].join("\n");
}

/** Prints the addresses of everything that runs. */
export function printEndpoints(print: (text: string) => void, cairn: RunningCairn, root: string): void {
  const { contracts, chainId } = cairn.deployment;
  const { chain, mongo, redis } = cairn.services.byName;
  const dataDir = cairn.dataDir.replace(`${root}/`, "");
  const rows: [string, string][] = [
    ["API", cairn.apiUrl],
    ["API docs", `${cairn.apiUrl}/docs`],
    ["Chain RPC", `${cairn.services.rpcUrl}  (chain ${chainId}; ${chain.where})`],
    ["DIDRegistry", `${contracts.DIDRegistry.address}  since block ${contracts.DIDRegistry.blockNumber}`],
    ["IssuerRegistry", `${contracts.IssuerRegistry.address}  since block ${contracts.IssuerRegistry.blockNumber}`],
    ["MongoDB", `${cairn.services.mongodbUri}  (${mongo.where})`],
    ["Redis", `${cairn.services.redisUrl}  (${redis.where})`],
    ["Data and logs", `${dataDir}/  and  ${dataDir}/logs/`],
  ];
  const lines = rows.map(([name, value]) => `  ${style("bold", name.padEnd(15))} ${value}`);
  print([...lines, ...(chain.how === "given" ? [] : accountLines()), ""].join("\n"));
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
