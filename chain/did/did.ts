import { DomainError } from "../../core/errors";
import { parseAddress } from "./address";

/** A DID taken apart by the generic syntax alone (DID 1.0 §3.1): any method, any identifier. */
export interface DidParts {
  method: string;
  /** The method-specific identifier. */
  id: string;
}

/** A DID of this registry: its method and the identity's address, `0x` and 40 lower-case hexadecimal digits. */
export interface RegistryDid {
  method: string;
  address: string;
}

// The ABNF of DID 1.0 §3.1; `#`, `?` and `/` begin the parts of a DID URL, which is not a DID.
const DID = /^did:([a-z0-9]+):((?:(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})*:)*(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+)$/;
const ADDRESS = /^0x[0-9a-f]{40}$/;

/** Longest text taken for a DID; those of this registry have 46 characters and the method's name. */
const MAX_LENGTH = 2_048;

/**
 * Takes a DID apart by the generic syntax (DID 1.0 §3.1).
 *
 * @throws DomainError `did.invalid`
 */
export function parseDid(text: string): DidParts {
  const match = text.length <= MAX_LENGTH ? DID.exec(text) : null;
  const [, method, id] = match ?? [];
  if (method === undefined || id === undefined) {
    throw new DomainError(
      "did.invalid",
      "invalid",
      "This is not a DID: expected did:<method>:<identifier> and nothing after it.",
    );
  }
  return { method, id };
}

/**
 * Takes a DID of this registry apart. The letters of its address may have any case that {@link parseAddress} takes: all
 * of them name one identity.
 *
 * @param method the registry's method, as recorded with its deployment
 * @throws DomainError `did.invalid` when it is no DID, or its identifier is not `0x` and 40 hexadecimal digits
 * @throws DomainError `did.checksum_mismatch` when the cases of its letters are mixed otherwise than EIP-55 has them
 * @throws DomainError `did.method_not_supported` when it is of another method
 */
export function parseRegistryDid(text: string, method: string): RegistryDid {
  const parts = parseDid(text);
  if (parts.method !== method) {
    const message = `This registry knows DIDs of the method ${method}, not of ${parts.method}.`;
    throw new DomainError("did.method_not_supported", "not_implemented", message);
  }
  return { method, address: addressIn(parts) };
}

function addressIn({ method, id }: DidParts): string {
  try {
    return parseAddress(id);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    if (error.code === "address.checksum_mismatch") {
      const message =
        "The DID has a typing error: the upper and lower case letters of its address (EIP-55) do not fit.";
      throw new DomainError("did.checksum_mismatch", "invalid", message, { cause: error });
    }
    const message = `A DID of the method ${method} ends in 0x and 40 hexadecimal digits.`;
    throw new DomainError("did.invalid", "invalid", message, { cause: error });
  }
}

const ADDRESS_DID = /^did:[a-z0-9]+:0x[0-9a-fA-F]{40}$/;

/**
 * The one form under which a DID is stored and compared: of one that ends in an address, with that in lower case. What is
 * no such DID comes back as it is, for {@link parseRegistryDid} to judge.
 *
 * @throws DomainError `did.checksum_mismatch`
 */
export function normalizeDid(text: string): string {
  if (!ADDRESS_DID.test(text)) return text;
  const { method, id } = parseDid(text);
  return formatDid(method, addressIn({ method, id }));
}

/**
 * The DID of an address.
 *
 * @param address `0x` and 40 hexadecimal digits in any case
 * @throws RangeError when the address has another form
 */
export function formatDid(method: string, address: string): string {
  const lower = address.toLowerCase();
  if (!ADDRESS.test(lower)) throw new RangeError(`not an address: ${address}`);
  return `did:${method}:${lower}`;
}
