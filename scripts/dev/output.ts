import { computeAddress } from "ethers";
import { styleText } from "node:util";
import { DEVELOPMENT_KEYS } from "../../embedded/chain/accounts";
import type { Scene } from "../demo/stage";
import type { RunningCairn } from "./cairn";

const ACCOUNTS_SHOWN = 5;

/** Colours where the terminal shows them; plain text into files and pipes. */
function style(format: "bold" | "dim" | "cyan" | "green", text: string): string {
  return process.stdout.isTTY && process.env["NO_COLOR"] === undefined ? styleText(format, text) : text;
}

/** One line of what a process or part says, with its name in front. */
export function processLine(who: string, line: string): string {
  return line
    .split("\n")
    .map((part, index) => `${style("cyan", (index === 0 ? who : "").padEnd(10))} ${part}`)
    .join("\n");
}

/** One step of the story: its title and time, what came of it below. */
export function sceneLines({ title, outcome, milliseconds }: Scene, number: number): string {
  const time = milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
  const heading = `  ${style("green", `${number}.`)} ${style("bold", title.padEnd(44))} ${style("dim", time.padStart(8))}`;
  return [heading, ...outcome.map((line) => `     ${line}`)].join("\n");
}

/** Says where everything is. */
export function printEndpoints(say: (text: string) => void, cairn: RunningCairn, root: string): void {
  const { contracts, chainId } = cairn.deployment;
  const { chain, mongo, redis } = cairn.services.byName;
  const rows: [string, string][] = [
    ["API", cairn.apiUrl],
    ["API docs", `${cairn.apiUrl}/docs`],
    ["Chain RPC", `${cairn.services.rpcUrl}  (chain ${chainId}; ${chain.where})`],
    ["DIDRegistry", `${contracts.DIDRegistry.address}  since block ${contracts.DIDRegistry.blockNumber}`],
    ["IssuerRegistry", `${contracts.IssuerRegistry.address}  since block ${contracts.IssuerRegistry.blockNumber}`],
    ["MongoDB", `${cairn.services.mongodbUri}  (${mongo.where})`],
    ["Redis", `${cairn.services.redisUrl}  (${redis.where})`],
    ["Data and logs", `${cairn.dataDir.replace(`${root}/`, "")}/  and  ${cairn.dataDir.replace(`${root}/`, "")}/logs/`],
  ];
  const lines = rows.map(([name, value]) => `  ${style("bold", name.padEnd(15))} ${value}`);
  say([...lines, ...(chain.how === "given" ? [] : accountLines()), ""].join("\n"));
}

function accountLines(): string[] {
  const keys = DEVELOPMENT_KEYS.slice(0, ACCOUNTS_SHOWN);
  return [
    "",
    `  ${style("bold", "Accounts")}        10,000 ETH each, keys known to everyone: never use them on a real chain`,
    ...keys.map((key, index) => `  #${index} ${computeAddress(key)}  ${style("dim", key)}`),
    `  #0 pays for anchoring and owns IssuerRegistry`,
  ];
}
