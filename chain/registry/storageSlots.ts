import { AbiCoder, keccak256 } from "ethers";
import { parseCredId, statusPosition } from "../status/credId";
import { PURPOSE } from "./statusPurpose";

/**
 * Where the DIDRegistry stores what proofs are about (Solidity, "Layout of State Variables in Storage"). The ABI does not
 * have this; tests prove values by these slots against the contract. Slots are 32 bytes, `0x` and 64 hexadecimal digits.
 */

/** Its variables after two of EIP-712's: the identities, the delegations, and the status words. */
const IDENTITIES_VARIABLE = 2n;
const WORDS_VARIABLE = 4n;

/** The slot of an identity's header (`header.ts`), the first of its struct. */
export function headerSlot(identity: string): string {
  return keccak256(AbiCoder.defaultAbiCoder().encode(["address", "uint256"], [identity, IDENTITIES_VARIABLE]));
}

/** The slots of the words that hold a credential's bits. */
export function statusSlots(credId: string): { revocation: string; suspension: string } {
  return { revocation: wordSlot(credId, PURPOSE.revocation), suspension: wordSlot(credId, PURPOSE.suspension) };
}

/** The slot of the word that holds a credential's bit of a purpose: an issuer's words follow each other. */
export function wordSlot(credId: string, purpose: number): string {
  const { issuer, index } = parseCredId(credId);
  const list = (BigInt(issuer) << 8n) | BigInt(purpose);
  const first = BigInt(keccak256(AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [list, WORDS_VARIABLE])));
  const slot = BigInt.asUintN(256, first + statusPosition(index).word);
  return `0x${slot.toString(16).padStart(64, "0")}`;
}
