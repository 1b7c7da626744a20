import { getAddress } from "ethers";
import { DomainError } from "../../core/errors";

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/**
 * The one form under which an account's address is stored and compared, from any in which people write it: all lower
 * case, all upper case, or mixed with the checksum of EIP-55.
 *
 * @returns `0x` and 40 lower-case hexadecimal digits
 * @throws DomainError `address.malformed` when it is not `0x` and 40 hexadecimal digits
 * @throws DomainError `address.checksum_mismatch` when its cases are mixed otherwise than EIP-55 has them
 */
export function parseAddress(text: string): string {
  if (!ADDRESS.test(text)) {
    const message = "is not an address: give 0x and 40 hexadecimal digits";
    throw new DomainError("address.malformed", "invalid", message);
  }
  const address = text.toLowerCase();
  if (isOneCase(text.slice(2)) || getAddress(address) === text) return address;
  const message = "has a typing error: its upper and lower case letters (EIP-55) do not fit";
  throw new DomainError("address.checksum_mismatch", "invalid", message);
}

function isOneCase(digits: string): boolean {
  return digits === digits.toLowerCase() || digits === digits.toUpperCase();
}
