import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { verifyStatus, type ProvenStatus } from "../../api/audit/statusProof";
import { messageOf } from "../../core/errors";
import { type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run audit:verify -- <file> [--block-hash 0x...]

Verifies an answer of GET /audit/credentials/<id> offline; exits with 0 when it holds, 1 when it does not. Take the
block hash from a node or a block explorer of your own. Without it, the hash in the answer itself is used.`;

/** Verifies a stored answer without asking any server. */
function run(args: string[], { print }: CommandContext): void {
  const { values, positionals } = parseArgs({
    args,
    options: { "block-hash": { type: "string" } },
    allowPositionals: true,
  });
  const [file, ...others] = positionals;
  if (file === undefined || others.length > 0) throw new UsageError("Give the one file that holds the answer.");
  const given = values["block-hash"];
  try {
    verifyAnswer(file, given, print);
  } catch (error) {
    throw new Error(`The answer does not hold: ${messageOf(error)}`, { cause: error });
  }
  if (given === undefined) {
    print("Now compare that block hash with one from a source you trust, or give it with --block-hash.");
  }
}

function verifyAnswer(file: string, trustedBlockHash: string | undefined, print: CommandContext["print"]): void {
  const { credId, revoked, suspended, proof } = JSON.parse(readFileSync(file, "utf8")) as Omit<
    ProvenStatus,
    "proof"
  > & {
    proof: ProvenStatus["proof"] | null;
  };
  if (proof === null) throw new Error("The answer carries no proof: ask a gateway whose node offers eth_getProof.");
  const blockHash = trustedBlockHash ?? proof.block.hash;
  verifyStatus({ credId, revoked, suspended, proof }, blockHash);
  print(`The answer holds: in block ${proof.block.number} (${blockHash})`);
  print(`credential ${credId} is ${revoked ? "revoked" : suspended ? "suspended" : "neither revoked nor suspended"}`);
  print(`by the registry ${proof.address}.`);
}

void runCommand({ usage, run });
