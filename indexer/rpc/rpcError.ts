/**
 * Why a request to a node failed, by what helps:
 * - `timeout`, `unreachable`, `http`: another endpoint, or the same one later
 * - `quota`: the same one, but slower
 * - `too_large`: a smaller range
 * - `unsupported`: another method
 * - `malformed`, `inconsistent`: another endpoint, since this answer is wrong
 * - `behind`: another endpoint or a later try, since the node does not know this block (yet)
 * - `rejected`: the node answered with an error of its own
 */
export type RpcErrorKind =
  | "timeout"
  | "unreachable"
  | "http"
  | "quota"
  | "too_large"
  | "unsupported"
  | "malformed"
  | "inconsistent"
  | "behind"
  | "rejected";

/** A request to a node failed. The endpoint's address is never part of the message: it may hold a key. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    readonly kind: RpcErrorKind,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
  }
}

/** Whether a smaller range may succeed: the answer is too large, or takes too long. */
export function isRangeTooLarge(error: unknown): error is RpcError {
  return error instanceof RpcError && (error.kind === "too_large" || error.kind === "timeout");
}

// How nodes and providers say "ask for less": geth, erigon, nethermind, Infura, Alchemy, QuickNode, Ankr, Chainstack,
// BlockPI, Cloudflare, Polygon, BNB, Base and others each word it in their own way.
const TOO_LARGE = [
  /query returned more than/i,
  /too (many|much) (results|logs|blocks|data)/i,
  /(returned|more than|exceeds?|over|limited? (to|of)) [\d,]+ (results|logs|blocks|events)/i,
  /(results?|logs?|response|body|content|payload|message)( set)?( size)? (is |are |was |should not )?(too|exceed|over|greater|larger)/i,
  /(too large|too big|too wide|oversized).*(range|response|result|body|query)/i,
  /(block )?range (is |was )?(too|exceed|over|limit|should|must|larger|greater|not)/i,
  /(exceed|greater|larger|more|limit|max(imum)?|wide).*(block )?range/i,
  /max(imum)? (allowed )?(number of )?(requested )?(blocks|results|logs)/i,
  /(blocks?|logs?|results?) (distance|range|count|limit) /i,
  /up to an? [\d,]+ block/i,
  /query (timeout|timed out|exceeds)/i,
  /(eth_getlogs|get logs|getlogs).*(limit|exceed|too|large|restricted)/i,
  /batch (size|of|limit|too|is)/i,
  /request entity too large/i,
  /please (limit|narrow|reduce|specify)/i,
];

const QUOTA = [
  /rate.?limit/i,
  /too many (requests|connections)/i,
  /(request|daily|monthly|credits?|usage|api) .*(limit|quota|exceeded|exhausted)/i,
  /quota/i,
  /throughput|compute units|capacity/i,
  /throttl/i,
  /(calls|requests|req) per (second|minute|day)/i,
  /slow down|back ?off|try again (later|in)/i,
];

const UNSUPPORTED = [/method .*(not (found|supported|available|exist|allowed)|does not exist)/i, /unsupported method/i];

const UNKNOWN_BLOCK = [
  /(unknown|missing|invalid) block/i,
  /(block|header).*(not found|not available|unknown|ahead|future)/i,
  /after last accepted block|beyond (current )?head|missing trie node/i,
  /invalid block range/i,
];

/** Classifies an error that a node put into its answer (JSON-RPC 2.0, section 5.1). */
export function kindOfAnswer(code: number, message: string): RpcErrorKind {
  if (code === -32601 || UNSUPPORTED.some((pattern) => pattern.test(message))) return "unsupported";
  if (code === 429 || QUOTA.some((pattern) => pattern.test(message))) return "quota";
  if (UNKNOWN_BLOCK.some((pattern) => pattern.test(message))) return "behind";
  if (TOO_LARGE.some((pattern) => pattern.test(message))) return "too_large";
  // "Limit exceeded" (EIP-1474), and the message does not say which limit.
  if (code === -32005) return "too_large";
  return "rejected";
}

/** Classifies an HTTP status other than 2xx; providers put their JSON-RPC error into the body. */
export function kindOfStatus(status: number, body: string): RpcErrorKind {
  if (status === 429) return "quota";
  if (status === 413) return "too_large";
  if (status === 403 || status === 402) return QUOTA.some((pattern) => pattern.test(body)) ? "quota" : "http";
  if (TOO_LARGE.some((pattern) => pattern.test(body))) return "too_large";
  return "http";
}
