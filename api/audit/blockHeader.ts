import { decodeRlp, encodeRlp, keccak256, toBeHex } from "ethers";
import { ProofError } from "./merkleProof";

/** A block's header as a node answers it (execution API): hexadecimal quantities and data. */
export type RpcHeader = Record<string, unknown>;

/** A header, and the block that it is said to be of. */
export interface ProvenHeader {
  block: { number: number; hash: string };
  /** RLP of the block's header: its hash is the block's. */
  header: string;
}

/** The header's fields in the order in which they are hashed; each fork added at the end. */
const HEADER_FIELDS = [
  ["parentHash", "data"],
  ["sha3Uncles", "data"],
  ["miner", "data"],
  ["stateRoot", "data"],
  ["transactionsRoot", "data"],
  ["receiptsRoot", "data"],
  ["logsBloom", "data"],
  ["difficulty", "quantity"],
  ["number", "quantity"],
  ["gasLimit", "quantity"],
  ["gasUsed", "quantity"],
  ["timestamp", "quantity"],
  ["extraData", "data"],
  ["mixHash", "data"],
  ["nonce", "data"],
  ["baseFeePerGas", "quantity"],
  ["withdrawalsRoot", "data"],
  ["blobGasUsed", "quantity"],
  ["excessBlobGas", "quantity"],
  ["parentBeaconBlockRoot", "data"],
  ["requestsHash", "data"],
] as const;

const STATE_ROOT = 3;
const RECEIPTS_ROOT = 5;
const NUMBER = 8;

/** RLP of a header, of as many fields as the node gives. */
export function encodeHeader(header: RpcHeader): string {
  const items: string[] = [];
  for (const [name, form] of HEADER_FIELDS) {
    const value = header[name];
    if (typeof value !== "string") break;
    items.push(form === "quantity" ? minimalQuantity(value) : value);
  }
  return encodeRlp(items);
}

/** The hash of a header's RLP: the block's hash. */
export function hashHeader(encoded: string): string {
  return keccak256(encoded);
}

/**
 * What a header commits to, once it is known to be that of a block.
 *
 * @param blockHash the hash the auditor trusts, from wherever it trusts
 * @throws ProofError when it is not that block's, or of another number than is said
 */
export function readHeader(
  { header, block }: ProvenHeader,
  blockHash: string,
): { stateRoot: string; receiptsRoot: string } {
  if (hashHeader(header) !== blockHash.toLowerCase()) throw new ProofError("the header is not that of the block");
  const fields = decodeRlp(header);
  const [stateRoot, receiptsRoot, number] = Array.isArray(fields)
    ? [fields[STATE_ROOT], fields[RECEIPTS_ROOT], fields[NUMBER]]
    : [];
  if (typeof stateRoot !== "string" || typeof receiptsRoot !== "string" || typeof number !== "string")
    throw new ProofError("the header has an unknown form");
  if (Number(BigInt(number === "0x" ? 0 : number)) !== block.number)
    throw new ProofError("the header is of another block number");
  return { stateRoot, receiptsRoot };
}

/** A quantity in the form that RLP wants: its bytes without leading zeros, none for zero. */
export function minimalQuantity(value: string): string {
  const number = BigInt(value);
  return number === 0n ? "0x" : toBeHex(number);
}
