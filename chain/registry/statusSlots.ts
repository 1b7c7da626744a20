import { keccak256 } from "ethers";

/**
 * Where DIDRegistry stores the status words: `_words` is its fifth variable, after two of EIP-712's, the identities and
 * the delegations. The ABI does not have this; a test proves a status by this slot against the contract.
 */
const WORDS_VARIABLE = 4n;

/**
 * The storage slots of the words that hold a credential's bits, 32 bytes each, `0x` and 64 hexadecimal digits: an entry
 * of a mapping, which is a struct of two words (Solidity, "Layout of State Variables in Storage").
 */
export function statusSlots(credId: string): { revocation: string; suspension: string } {
  const wordId = BigInt(credId) >> 8n;
  const slot = BigInt(keccak256(`0x${digitsOf(wordId)}${digitsOf(WORDS_VARIABLE)}`));
  return { revocation: `0x${digitsOf(slot)}`, suspension: `0x${digitsOf(BigInt.asUintN(256, slot + 1n))}` };
}

function digitsOf(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}
