import type { BlockRef } from "../../projection/models";
import type { Header } from "../rpc/block";
import type { Endpoint } from "../rpc/endpoint";
import { headersAt } from "../rpc/headers";
import { RpcError } from "../rpc/rpcError";

/** The next blocks are not descendants of the last indexed one: the chain has changed. */
export class BrokenLinkError extends Error {
  override readonly name = "BrokenLinkError";
}

type NumberedHash = Pick<BlockRef, "number" | "hash">;

/**
 * Checks that consecutive blocks are each the child of the one before.
 *
 * Hardhat's `hardhat_mine` makes blocks whose parent hashes are random. With `unlinked`, for nodes of that kind, a broken
 * link is accepted when the node, asked again, still has the same block before it: had the chain changed while its blocks
 * were being fetched, it would have another.
 *
 * @throws RpcError `inconsistent` when the node's blocks are not one chain
 */
export async function requireLinked(endpoint: Endpoint, headers: Header[], unlinked: boolean): Promise<void> {
  const broken = headers.filter((header, index) => index > 0 && header.parentHash !== headers[index - 1]?.hash);
  if (broken.length === 0) return;
  const before = headers.filter(({ number }) => broken.some((header) => header.number === number + 1));
  if (unlinked && (await areUnchanged(endpoint, before))) return;
  throw new RpcError("inconsistent", `block ${broken[0]?.number} is not the child of the one before`);
}

/**
 * Checks that blocks follow the last indexed one; see {@link requireLinked} for `unlinked`.
 *
 * @param last null when `next` is the first block to be indexed
 * @throws BrokenLinkError when they do not
 */
export async function requireLink(
  endpoint: Endpoint,
  last: NumberedHash | null,
  next: Pick<Header, "number" | "parentHash"> | undefined,
  unlinked: boolean,
): Promise<void> {
  if (last === null || next === undefined || next.parentHash === last.hash) return;
  if (unlinked && next.number === last.number + 1 && (await areUnchanged(endpoint, [last]))) return;
  throw new BrokenLinkError(`block ${next.number} is not the child of the indexed block ${last.number}`);
}

async function areUnchanged(endpoint: Endpoint, blocks: NumberedHash[]): Promise<boolean> {
  const numbers = blocks.map(({ number }) => number);
  const found = await headersAt(endpoint, numbers);
  return found.every(({ hash }, index) => hash === blocks[index]?.hash);
}
