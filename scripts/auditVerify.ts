import { readFileSync } from "node:fs";
import { verifyStatus, type ProvenStatus } from "../api/audit/statusProof";
import { messageOf } from "../core/errors";

const USAGE = `npm run audit:verify -- <file> [--block-hash 0x...]

Checks an answer of GET /audit/credentials/<id> offline. The block hash is what you trust: take it from a node or a
block explorer of your own. Without it, the answer is checked against the block it names itself.`;

/** Checks a stored answer without asking anybody; exits with 0 when it holds, 1 when it does not. */
function main(args: string[]): void {
  const [file, option, given] = args;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (file === undefined || (option !== undefined && (option !== "--block-hash" || given === undefined))) {
    say(USAGE);
    process.exitCode = 2;
    return;
  }
  const answer = JSON.parse(readFileSync(file, "utf8")) as {
    credId: string;
    revoked: boolean;
    suspended: boolean;
    proof: ProvenStatus["proof"] | null;
  };
  const { credId, revoked, suspended, proof } = answer;
  if (proof === null) throw new Error("The answer carries no proof: ask a gateway whose node offers eth_getProof.");
  const blockHash = given ?? proof.block.hash;
  verifyStatus({ credId, revoked, suspended, proof }, blockHash);
  say(`The answer holds: in block ${proof.block.number} (${blockHash})`);
  say(`credential ${credId} is ${revoked ? "revoked" : suspended ? "suspended" : "neither revoked nor suspended"}`);
  say(`by the registry ${proof.address}.`);
  if (given === undefined)
    say("Now compare that block hash with one from a source you trust, or give it with --block-hash.");
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`The answer does not hold: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
