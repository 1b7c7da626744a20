import { AbiCoder, keccak256 } from "ethers";

/** Who shall take control of an identity, and what hides it until then. */
export interface Succession {
  /** The identity's address. */
  identity: string;
  /** The account that may take control: a key stored elsewhere, or a contract. */
  successor: string;
  /** 32 random bytes in hexadecimal; without them nobody can guess the successor from the commitment. */
  salt: string;
}

/**
 * The commitment by which an identity names its successor: `keccak256(abi.encode(identity, successor, salt))`, as
 * `rotateController` of the registry compares it. Only the holder needs to compute it: neither the registry nor Cairn
 * learns the successor or the salt before it takes control.
 *
 * @returns `0x` and 64 lower-case hexadecimal digits
 */
export function successorCommitment({ identity, successor, salt }: Succession): string {
  const types = ["address", "address", "bytes32"];
  return keccak256(AbiCoder.defaultAbiCoder().encode(types, [identity, successor, salt]));
}
