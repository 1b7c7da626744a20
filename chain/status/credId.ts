import { DomainError } from "../../core/errors";

/** How many credentials one status list covers: the least that the W3C Bitstring Status List v1.0 (section 6.1) allows. */
export const STATUS_LIST_LENGTH = 131_072;

/** How many words of the chain make one status list. */
export const WORDS_PER_LIST = STATUS_LIST_LENGTH / 256;

/** The highest index a credential id can carry. */
export const MAX_CREDENTIAL_INDEX = 2n ** 96n - 1n;

/** What a credential id says: who issued the credential, and which of the issuer's credentials it is. */
export interface CredId {
  /** `0x` and 40 lower-case hexadecimal digits. */
  issuer: string;
  /** From 0 to {@link MAX_CREDENTIAL_INDEX}. */
  index: bigint;
}

/** Where the status of a credential is stored. */
export interface StatusPosition {
  /** Position of the 256-bit word on the chain. */
  word: bigint;
  /** Position in the word, 0 to 255, from its most significant bit. */
  bit: number;
  /** The word in which that bit alone is set. */
  mask: bigint;
  /** Position of the status list, each of {@link STATUS_LIST_LENGTH} credentials. */
  list: bigint;
  /** Position in the list: the `statusListIndex` of the credential's status entry. */
  listIndex: number;
}

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const CRED_ID = /^0x[0-9a-fA-F]{64}$/;

/**
 * The credential id of an issuer's credential: `0x`, the issuer (40 digits), the index (24 digits), lower case.
 *
 * @throws DomainError `credential_id.issuer_malformed` or `credential_id.index_out_of_range`
 */
export function formatCredId({ issuer, index }: { issuer: string; index: bigint | number }): string {
  if (!ADDRESS.test(issuer)) {
    throw new DomainError(
      "credential_id.issuer_malformed",
      "invalid",
      `An issuer is 0x and 40 hexadecimal digits, not "${issuer}".`,
    );
  }
  return issuer.toLowerCase() + parseIndex(index).toString(16).padStart(24, "0");
}

/**
 * What a credential id says.
 *
 * @param credId `0x` and 64 hexadecimal digits, in any case
 * @throws DomainError `credential_id.malformed`
 */
export function parseCredId(credId: string): CredId {
  if (!CRED_ID.test(credId)) {
    throw new DomainError(
      "credential_id.malformed",
      "invalid",
      `A credential id is 0x and 64 hexadecimal digits, not "${credId}".`,
    );
  }
  const lower = credId.toLowerCase();
  return { issuer: lower.slice(0, 42), index: BigInt(`0x${lower.slice(42)}`) };
}

/**
 * Where the status of an issuer's credential is stored, on the chain and in the status lists.
 *
 * @throws DomainError `credential_id.index_out_of_range`
 */
export function statusPosition(index: bigint | number): StatusPosition {
  const position = parseIndex(index);
  const bit = Number(position & 255n);
  return {
    word: position >> 8n,
    bit,
    mask: 1n << BigInt(255 - bit),
    list: position / BigInt(STATUS_LIST_LENGTH),
    listIndex: Number(position % BigInt(STATUS_LIST_LENGTH)),
  };
}

function parseIndex(index: bigint | number): bigint {
  const exact = typeof index === "bigint" || Number.isSafeInteger(index);
  const value = exact ? BigInt(index) : -1n;
  if (value < 0n || value > MAX_CREDENTIAL_INDEX) {
    throw new DomainError(
      "credential_id.index_out_of_range",
      "invalid",
      `A credential's index is a whole number from 0 to 2^96 - 1, not ${index}.`,
    );
  }
  return value;
}
