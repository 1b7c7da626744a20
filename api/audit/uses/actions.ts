import { hexlify } from "ethers";
import { DomainError } from "../../../core/errors";
import type { Context } from "../../../process/context";
import type { LoggedUse } from "./batching";
import { pathOf } from "./merkleTree";
import { readAnchorProof } from "./readAnchorProof";
import { type BatchAnchor, type BatchState, dueAt, hashesOf, type UseBatch } from "./rules";
import type { BatchStore } from "./store";
import type { AnchorProof, ProvenUse } from "./useProof";

export interface AuditUseDeps extends Pick<Context, "chain" | "config"> {
  batches: Pick<BatchStore, "findByUse">;
  /** A use by its verification; null when there is none, or its retention is over. */
  findUse(verificationId: string): Promise<LoggedUse | null>;
}

/** A use that waits: for its batch, or for the block of its batch to be final. */
export interface PendingUse {
  id: string;
  status: "pending";
  step: "waiting" | Exclude<BatchState, "final">;
  /** When it is batched at the latest; null while nothing is anchored here. */
  dueAt: Date | null;
}

/** A use that is anchored. */
export interface AnchoredUse extends Omit<ProvenUse, "anchor" | "proof"> {
  id: string;
  status: "anchored";
  chainId: number;
  anchor: BatchAnchor & { identity: string };
  /** Null where the node gives none. */
  proof: AnchorProof | null;
}

/**
 * What proves a use.
 *
 * @param id its verification's
 * @throws DomainError `use.unknown`; `use.erased` when its holder's account was erased
 * @throws TransientError when the chain does not answer
 */
export async function auditUse(deps: AuditUseDeps, id: string): Promise<PendingUse | AnchoredUse> {
  const { chain, config, batches } = deps;
  const batch = await batches.findByUse(id);
  if (batch !== null) return readAnchoredUse(chain, { id, batch, ...config.useAnchors });
  const use = await deps.findUse(id);
  if (use === null) throw useUnknown();
  return pending({ id, step: "waiting", usedAt: use.usedAt, ...config.useAnchors });
}

async function readAnchoredUse(
  chain: Context["chain"],
  { id, batch, intervalSeconds }: { id: string; batch: UseBatch; intervalSeconds: number },
): Promise<PendingUse | AnchoredUse> {
  const { digest, root, leaves, state, anchor, identity } = batch;
  const index = leaves.findIndex(({ verificationId }) => verificationId === id);
  const leaf = leaves[index];
  if (leaf === undefined) throw useUnknown();
  const { salt, credId, useNumber, maxUsages, usedAt, hash } = leaf;
  if (salt === null) throw useErased();
  if (state !== "final") return pending({ id, step: state, usedAt, intervalSeconds });
  if (anchor === null || identity === null) throw new RangeError(`the batch ${digest} is final and has no anchor`);
  return {
    id,
    status: "anchored",
    chainId: chain.chainId,
    leaf: { salt, credId, useNumber, maxUsages, usedAt: usedAt.toISOString() },
    leafHash: hash,
    index,
    size: leaves.length,
    path: pathOf(hashesOf(leaves), index).map((sibling) => hexlify(sibling)),
    root,
    digest,
    registry: chain.deployment.contracts.DIDRegistry.address.toLowerCase(),
    anchor: { identity, ...anchor },
    proof: await readAnchorProof(chain, { digest, anchor }),
  };
}

function pending(use: { id: string; step: PendingUse["step"]; usedAt: Date; intervalSeconds: number }): PendingUse {
  const { id, step, usedAt, intervalSeconds } = use;
  return { id, status: "pending", step, dueAt: intervalSeconds === 0 ? null : dueAt(usedAt, intervalSeconds) };
}

function useUnknown(): DomainError {
  return new DomainError("use.unknown", "not_found", "There is no such use here.");
}

function useErased(): DomainError {
  const message = "The account of the credential's holder was erased, and with it what its leaf says.";
  return new DomainError("use.erased", "gone", message);
}
