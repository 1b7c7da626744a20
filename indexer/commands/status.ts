import { systemClock } from "../../core/clock";
import { type CheckpointDocument, CHECKPOINT_ID, createRegistryCollections } from "../../projection/models";
import { createActivity } from "../activity";
import { assessHealth } from "../readiness";
import type { CommandDeps } from "./commandDeps";
import { count } from "./wording";

/** Prints how far the index is and who writes it. Returns 0 when it is ready, otherwise 1. */
export async function status({
  mongo,
  config,
  print,
}: Pick<CommandDeps, "mongo" | "config" | "print">): Promise<number> {
  const now = systemClock.now();
  const checkpoint = await createRegistryCollections(mongo).checkpoints.findOne({ _id: CHECKPOINT_ID });
  const { problems } = assessHealth(checkpoint, {
    now,
    maxLagSeconds: config.readyMaxLagSeconds,
    activity: createActivity(),
  });
  if (checkpoint?.indexed) for (const line of linesOf(checkpoint, now)) print(line);
  print(problems.length === 0 ? "ready" : `not ready: ${problems.join("; ")}`);
  return problems.length === 0 ? 0 : 1;
}

function linesOf(checkpoint: CheckpointDocument, now: Date): string[] {
  const { chainId, deployment, indexed, head, finalizedNumber, verifiedNumber, incompleteBlocks, lease, rewinds } =
    checkpoint;
  const incomplete = incompleteBlocks.length > 0 ? `, ${count(incompleteBlocks.length, "incomplete block")}` : "";
  const leads = lease.holder !== null && lease.expiresAt > now;
  const leader = leads ? `${lease.holder} until ${lease.expiresAt.toISOString()}` : "none at present";
  return [
    `chain       ${chainId}, contracts deployed in block ${deployment.blockNumber}`,
    `indexed     block ${indexed?.number} ${indexed?.hash}, mined ${indexed?.minedAt.toISOString()}`,
    `chain head  ${head ? `block ${head.number}, seen ${head.seenAt.toISOString()}` : "not seen yet"}`,
    `finalized   ${blockOrNone(finalizedNumber)}`,
    `verified    ${blockOrNone(verifiedNumber)}${incomplete}`,
    `leader      ${leader}, term ${lease.term}`,
    `rewinds     ${rewinds === 0 ? "none" : `${rewinds}, by reorgs or reindexing`}`,
  ];
}

function blockOrNone(number: number): string {
  return number < 0 ? "none yet" : `block ${number}`;
}
