import type { BlockRef } from "../../projection/models";
import type { Header } from "../rpc/block";
import type { Endpoint } from "../rpc/endpoint";
import { RpcError } from "../rpc/rpcError";
import { headersAt } from "../rpc/headers";

/** The next blocks do not go on from the last written one: the chain changed under us. */
export class BrokenLinkError extends Error {
  override readonly name = "BrokenLinkError";
}

type Ref = Pick<BlockRef, "number" | "hash">;

/**
 * Checks that consecutive blocks are each the child of the one before.
 *
 * Hardhat's `hardhat_mine` makes blocks whose parent hashes are random. With `unlinked`, for nodes of that kind, a link
 * that does not hold is let pass when the block before it is, asked again, still the one that was seen: had the chain
 * changed while its blocks were being fetched, it would not be.
 *
 * @throws RpcError `inconsistent` when the node's blocks are not one chain
 */
export async function requireLinked(endpoint: Endpoint, headers: Header[], unlinked: boolean): Promise<void> {
  const broken = headers.filter((header, index) => index > 0 && header.parentHash !== headers[index - 1]?.hash);
  if (broken.length === 0) return;
  const before = headers.filter(({ number }) => broken.some((header) => header.number === number + 1));
  if (unlinked && (await areStillThere(endpoint, before))) return;
  throw new RpcError("inconsistent", `block ${broken[0]?.number} is not the child of the one before`);
}

/**
 * Checks that blocks go on from the last written one.
 *
 * @param last null when `next` is the first block to be written
 * @throws BrokenLinkError when they do not
 */
export async function requireLink(
  endpoint: Endpoint,
  last: Ref | null,
  next: Pick<Header, "number" | "parentHash"> | undefined,
  unlinked: boolean,
): Promise<void> {
  if (last === null || next === undefined || next.parentHash === last.hash) return;
  if (unlinked && next.number === last.number + 1 && (await areStillThere(endpoint, [last]))) return;
  throw new BrokenLinkError(`block ${next.number} is not the child of the indexed block ${last.number}`);
}

async function areStillThere(endpoint: Endpoint, blocks: Ref[]): Promise<boolean> {
  const found = await headersAt(
    endpoint,
    blocks.map(({ number }) => number),
  );
  return found.every(({ hash }, index) => hash === blocks[index]?.hash);
}
