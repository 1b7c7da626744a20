import { RpcError } from "./rpcError";

/** A block's header, as far as the indexer needs it. */
export interface Header {
  number: number;
  hash: string;
  parentHash: string;
  /** 256 bytes in hexadecimal (Yellow Paper, section 4.3.1). */
  logsBloom: string;
  minedAt: Date;
  /** Hashes of its transactions; undefined where the node did not send them. */
  transactions: string[] | undefined;
}

/** A log as nodes send it. */
export interface RawLog {
  address: string;
  topics: string[];
  data: string;
  blockNumber: string;
  blockHash: string;
  transactionHash: string;
  logIndex: string;
  removed?: boolean;
}

/** A number as a quantity in JSON-RPC: `0x` and no leading zeros. */
export function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}

const HASH = /^0x[0-9a-f]{64}$/;

/**
 * Reads a header out of an answer to `eth_getBlockBy…` or a `newHeads` notification.
 *
 * @throws RpcError `behind` when the node does not know the block, `malformed` when this is not a block
 */
export function parseHeader(answer: unknown): Header {
  if (answer === null || answer === undefined) throw new RpcError("behind", "the node does not know the block");
  const { number, hash, parentHash, logsBloom, timestamp, transactions } = answer as Record<string, unknown>;
  if (
    typeof number !== "string" ||
    typeof timestamp !== "string" ||
    typeof logsBloom !== "string" ||
    logsBloom.length !== 514 ||
    !isHash(hash) ||
    !isHash(parentHash)
  ) {
    throw new RpcError("malformed", "the node's block lacks its number, hashes, time or bloom filter");
  }
  return {
    number: Number.parseInt(number, 16),
    hash,
    parentHash,
    logsBloom,
    minedAt: new Date(Number.parseInt(timestamp, 16) * 1000),
    transactions: Array.isArray(transactions) ? transactions.filter(isHash) : undefined,
  };
}

/** Reads the logs out of an answer, with addresses in lower case. @throws RpcError `malformed` */
export function parseLogs(answer: unknown): RawLog[] {
  if (!Array.isArray(answer)) throw new RpcError("malformed", "the node's answer is not a list of logs");
  for (const log of answer as RawLog[]) {
    const isComplete =
      typeof log.address === "string" &&
      Array.isArray(log.topics) &&
      typeof log.data === "string" &&
      typeof log.blockNumber === "string" &&
      isHash(log.blockHash) &&
      isHash(log.transactionHash) &&
      typeof log.logIndex === "string";
    if (isComplete) log.address = log.address.toLowerCase();
    else throw new RpcError("malformed", "one of the node's logs lacks a part");
  }
  return answer as RawLog[];
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && HASH.test(value);
}
