import { messageOf } from "../../core/errors";

/**
 * How a node took a raw transaction. `unclear` is everything else: some nodes answer with the revert of a transaction
 * that they did mine, so only the receipt tells.
 */
export type BroadcastAnswer =
  "accepted" | "already_known" | "nonce_used" | "nonce_too_high" | "underpriced" | "insufficient_funds" | "unclear";

/** The words of geth, Nethermind, Besu, Erigon, anvil and Hardhat; first match wins. */
const WORDS: [RegExp, BroadcastAnswer][] = [
  [/already known|known transaction|already imported|already in the pool|AlreadyKnown/i, "already_known"],
  [/insufficient funds|doesn't have enough funds|insufficient balance|upfront cost exceeds/i, "insufficient_funds"],
  [/nonce too high|nonce gap|nonce is too distant|gapped-nonce/i, "nonce_too_high"],
  [/nonce too low|nonce has already been used|nonce expired|OldNonce|nonce below/i, "nonce_used"],
  [
    /underpriced|fee too low|feetoolow|too low for the next block|less than block base fee|gas price below/i,
    "underpriced",
  ],
];

/** Reads a node's rejection of `eth_sendRawTransaction`. */
export function readNodeError(error: unknown): BroadcastAnswer {
  const text = nodeMessageOf(error);
  return WORDS.find(([words]) => words.test(text))?.[1] ?? "unclear";
}

/** What the node itself said, without the wrapping that repeats the whole request. */
export function nodeMessageOf(error: unknown): string {
  const { info, error: inner } = (error ?? {}) as {
    info?: { error?: { message?: unknown } };
    error?: { message?: unknown };
  };
  const message = info?.error?.message ?? inner?.message;
  return typeof message === "string" ? message : messageOf(error);
}
