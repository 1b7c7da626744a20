import { computeAddress, getBytes, hexlify, id } from "ethers";
import { ecdsaSign } from "secp256k1";

/** A key of secp256k1, which Ethereum's accounts have. */
export interface EcdsaKey {
  /** The address of the account that the key controls by itself, in checksum case. */
  address: string;
  /** The secret, 32 bytes. */
  privateKey: string;
  /** r, s and v over a digest, 65 bytes, with the low `s`. Deterministic (RFC 6979). */
  sign(digest: string): string;
}

/** The key with a secret of 32 bytes. */
export function ecdsaKey(privateKey: string): EcdsaKey {
  const secret = getBytes(privateKey);
  return {
    address: computeAddress(privateKey),
    privateKey,
    sign: (digest) => {
      const { signature, recid } = ecdsaSign(getBytes(digest), secret);
      return `${hexlify(signature)}${(27 + recid).toString(16)}`;
    },
  };
}

/** The key that a text names. */
export function namedKey(name: string): EcdsaKey {
  return ecdsaKey(id(`secp256k1 ${name}`));
}
