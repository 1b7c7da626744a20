import { decodeRlp } from "ethers";
import { statusSlots } from "../../chain/registry/storageSlots";
import { parseCredId, statusPosition } from "../../chain/status/credId";
import { readHeader } from "./blockHeader";
import { ProofError, verifyTrieProof } from "./merkleProof";

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

/**
 * Verifies an answer against a block's hash, without asking anybody.
 *
 * @param blockHash the hash the auditor trusts, from wherever it trusts
 * @throws ProofError saying what does not hold
 */
export function verifyStatus({ credId, revoked, suspended, proof }: ProvenStatus, blockHash: string): void {
  const { stateRoot } = readHeader(proof, blockHash);
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
