/**
 * What went wrong with a request to a node, by what helps:
 * - `timeout`, `unreachable`, `http`: another endpoint, or the same one later
 * - `quota`: the same one, but slower
 * - `too_large`: a smaller range
 * - `unsupported`: another method
 * - `malformed`, `inconsistent`: the answer is not to be believed; another endpoint
 * - `behind`: the node does not know this block (yet); another endpoint, or later
 * - `refused`: the node answered with an error of its own
 */
export type RpcFault =
  | "timeout"
  | "unreachable"
  | "http"
  | "quota"
  | "too_large"
  | "unsupported"
  | "malformed"
  | "inconsistent"
  | "behind"
  | "refused";

/** A request to a node failed. The endpoint's address is never part of the message: it may hold a key. */
export class RpcError extends Error {
  override readonly name = "RpcError";

  constructor(
    readonly fault: RpcFault,
    message: string,
    options: { cause?: unknown } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
  }
}

// How nodes and providers say "ask for less": geth, erigon, nethermind, Infura, Alchemy, QuickNode, Ankr, Chainstack,
// BlockPI, Cloudflare, Polygon, BNB, Base and others each have words of their own.
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

/** Finds out what an error that a node put into its answer (JSON-RPC 2.0, section 5.1) means. */
export function faultOfAnswer(code: number, message: string): RpcFault {
  if (code === -32601 || UNSUPPORTED.some((pattern) => pattern.test(message))) return "unsupported";
  if (code === 429 || QUOTA.some((pattern) => pattern.test(message))) return "quota";
  if (UNKNOWN_BLOCK.some((pattern) => pattern.test(message))) return "behind";
  if (TOO_LARGE.some((pattern) => pattern.test(message))) return "too_large";
  // "Limit exceeded" (EIP-1474) without words that say which.
  if (code === -32005) return "too_large";
  return "refused";
}

/** Finds out what an HTTP status other than 2xx means; providers put their JSON-RPC error into the body. */
export function faultOfStatus(status: number, body: string): RpcFault {
  if (status === 429) return "quota";
  if (status === 413) return "too_large";
  if (status === 403 || status === 402) return QUOTA.some((pattern) => pattern.test(body)) ? "quota" : "http";
  if (TOO_LARGE.some((pattern) => pattern.test(body))) return "too_large";
  return "http";
}
