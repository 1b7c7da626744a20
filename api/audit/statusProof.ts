import { decodeRlp, encodeRlp, keccak256, toBeHex } from "ethers";
import { statusSlots } from "../../chain/registry/storageSlots";
import { parseCredId, statusPosition } from "../../chain/status/credId";
import { ProofError, verifyTrieProof } from "./merkleProof";

/** A block's header as a node answers it (execution API): hexadecimal quantities and data. */
export type RpcHeader = Record<string, unknown>;

/** What proves both bits of a credential by the state of one block. */
export interface StatusProof {
  block: { number: number; hash: string };
  /** RLP of the block's header: its hash is the block's. */
  header: string;
  /** The DIDRegistry. */
  address: string;
  /** Nodes from the state root to the contract's account. */
  accountProof: string[];
  /** Storage slots of the words of revocations and suspensions, with the nodes from the contract's storage root on. */
  storage: { purpose: "revocation" | "suspension"; slot: string; value: string; proof: string[] }[];
}

/** An answer about one credential that speaks for itself. */
export interface ProvenStatus {
  credId: string;
  revoked: boolean;
  suspended: boolean;
  proof: StatusProof;
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
const NUMBER = 8;

/** RLP of a header, of as many fields as the node gives. */
export function encodeHeader(header: RpcHeader): string {
  const items: string[] = [];
  for (const [name, form] of HEADER_FIELDS) {
    const value = header[name];
    if (typeof value !== "string") break;
    items.push(form === "quantity" ? quantity(value) : value);
  }
  return encodeRlp(items);
}

/** The hash of a header's RLP: the block's hash. */
export function hashHeader(encoded: string): string {
  return keccak256(encoded);
}

/**
 * Verifies an answer against a block's hash, without asking anybody.
 *
 * @param blockHash the hash the auditor trusts, from wherever it trusts
 * @throws ProofError saying what does not hold
 */
export function verifyStatus({ credId, revoked, suspended, proof }: ProvenStatus, blockHash: string): void {
  if (hashHeader(proof.header) !== blockHash.toLowerCase()) throw new ProofError("the header is not that of the block");
  const fields = decodeRlp(proof.header);
  const stateRoot = Array.isArray(fields) ? fields[STATE_ROOT] : undefined;
  const number = Array.isArray(fields) ? fields[NUMBER] : undefined;
  if (typeof stateRoot !== "string" || typeof number !== "string")
    throw new ProofError("the header has an unknown form");
  if (Number(BigInt(number === "0x" ? 0 : number)) !== proof.block.number)
    throw new ProofError("the header is of another block number");

  const account = verifyTrieProof(stateRoot, proof.address, proof.accountProof);
  if (account === null) throw new ProofError("there is no contract at that address");
  const storageRoot = (decodeRlp(account) as string[])[2] ?? "";
  const slots = statusSlots(credId);
  const { mask } = statusPosition(parseCredId(credId).index);
  for (const [purpose, claimed] of [
    ["revocation", revoked],
    ["suspension", suspended],
  ] as const) {
    const entry = proof.storage.find((candidate) => candidate.purpose === purpose);
    if (entry === undefined) throw new ProofError(`nothing is proved about ${purpose}`);
    if (entry.slot !== slots[purpose])
      throw new ProofError(`the slot is not where ${purpose} of this credential is stored`);
    const stored = verifyTrieProof(storageRoot, entry.slot, entry.proof);
    const bits = stored === null ? 0n : BigInt(decodeRlp(stored) as string);
    if (bits !== BigInt(entry.value))
      throw new ProofError(`the chain holds another word for ${purpose} than the answer says`);
    if (((bits & mask) !== 0n) !== claimed) throw new ProofError(`the chain says otherwise about ${purpose}`);
  }
}

function quantity(value: string): string {
  const number = BigInt(value);
  return number === 0n ? "0x" : toBeHex(number);
}
