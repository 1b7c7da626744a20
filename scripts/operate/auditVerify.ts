import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { verifyStatus, type ProvenStatus } from "../../api/audit/statusProof";
import { type ProvenUse, verifyUse } from "../../api/audit/uses/useProof";
import { messageOf } from "../../core/errors";
import { type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run audit:verify -- <file> [--block-hash 0x...]

Verifies an answer of GET /audit/credentials/<id> or GET /audit/uses/<id> offline; exits with 0 when it holds, 1 when it
does not. Take the block hash from a node or a block explorer of your own. Without it, the hash in the answer itself is
used.`;

type Print = CommandContext["print"];

/** An answer that may lack its proof. */
type Unproven<Answer extends { proof: unknown }> = Omit<Answer, "proof"> & { proof: Answer["proof"] | null };

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
    verifyAnswer(JSON.parse(readFileSync(file, "utf8")), given, print);
  } catch (error) {
    throw new Error(`The answer does not hold: ${messageOf(error)}`, { cause: error });
  }
  if (given === undefined) {
    print("Now compare that block hash with one from a source you trust, or give it with --block-hash.");
  }
}

function verifyAnswer(answer: unknown, trustedBlockHash: string | undefined, print: Print): void {
  const { status } = answer as { status?: unknown };
  if (status === "pending") throw new Error("The use is not anchored yet: ask again later.");
  if (status === "anchored") verifyUseAnswer(answer as Unproven<ProvenUse>, trustedBlockHash, print);
  else verifyStatusAnswer(answer as Unproven<ProvenStatus>, trustedBlockHash, print);
}

function verifyStatusAnswer(answer: Unproven<ProvenStatus>, trustedBlockHash: string | undefined, print: Print): void {
  const { credId, revoked, suspended, proof } = answer;
  if (proof === null) throw new Error("The answer carries no proof: ask a gateway whose node offers eth_getProof.");
  const blockHash = trustedBlockHash ?? proof.block.hash;
  verifyStatus({ credId, revoked, suspended, proof }, blockHash);
  print(`The answer holds: in block ${proof.block.number} (${blockHash})`);
  print(`credential ${credId} is ${revoked ? "revoked" : suspended ? "suspended" : "neither revoked nor suspended"}`);
  print(`by the registry ${proof.address}.`);
}

function verifyUseAnswer(answer: Unproven<ProvenUse>, trustedBlockHash: string | undefined, print: Print): void {
  const { leaf, size, registry, anchor, proof } = answer;
  if (proof === null)
    throw new Error("The answer carries no proof: ask a gateway whose node gives a block's receipts.");
  const blockHash = trustedBlockHash ?? proof.block.hash;
  verifyUse({ ...answer, proof }, blockHash);
  print(`The answer holds: in block ${proof.block.number} (${blockHash})`);
  print(
    `${anchor.identity} anchored, as its digest ${anchor.sequence}, ${size} ${size === 1 ? "use" : "uses"}, among them`,
  );
  print(`use ${leaf.useNumber} of ${leaf.maxUsages} of credential ${leaf.credId} at ${leaf.usedAt}`);
  print(`by the registry ${registry}.`);
}

void runCommand({ usage, run });
