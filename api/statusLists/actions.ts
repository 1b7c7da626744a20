import { sha256Hex } from "../../core/hash";
import { DomainError, TransientError } from "../../core/errors";
import type { Projection } from "../../projection/queries";
import { encodeBitstring, wordsToBytes } from "../../chain/status/bitstring";
import { WORDS_PER_LIST } from "../../chain/status/credId";
import { type ListPurpose, listPayload } from "./rules";

/** What status lists are made from. */
export interface StatusListParts {
  index: Pick<Projection, "statusWords">;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  /** Who signs for an issuer now. */
  signerOf(issuer: string): Promise<{ did: string; kid: string; sign(typ: string, payload: object): Promise<string> }>;
}

/** A status list, to be served in either form. */
export interface StatusList {
  /** Names the bits and who signs them: weak, for the signature and the time beside them may differ. */
  etag: string;
  /** The block the bits are of. */
  block: { number: number; hash: string };
  payload: Record<string, unknown>;
  /** The credential as `vc+jwt`. */
  sign(): Promise<string>;
}

/** Signed lists kept; only a bound. */
const MAX_SIGNED = 256;

/** The last list an issuer with fewer words than a number counts exactly can have; more than anyone issues. */
const MAX_LIST = Math.floor(Number.MAX_SAFE_INTEGER / WORDS_PER_LIST / 256);

/** Makes the reader of status lists. */
export function statusListActions({ index, publicUrl, signerOf }: StatusListParts) {
  const signed = new Map<string, string>();

  return {
    /**
     * The status list of an issuer as of the index's last block.
     *
     * @throws DomainError `issuer.unknown`, `issuer.not_ready`, `status_list.unknown`
     * @throws TransientError while the index has nothing, or cannot vouch for what it has
     */
    async read(issuer: string, purpose: ListPurpose, list: number): Promise<StatusList> {
      if (list > MAX_LIST)
        throw new DomainError("status_list.unknown", "not_found", "No issuer has so many credentials.");
      const [signer, { words, freshness, unverifiedReason }] = await Promise.all([
        signerOf(issuer),
        index.statusWords(issuer, purpose, list * WORDS_PER_LIST, WORDS_PER_LIST),
      ]);
      if (freshness === null) throw new TransientError("index.empty", "The index has not seen the chain yet.");
      if (unverifiedReason !== null)
        throw new TransientError("index.unverified", `The index cannot vouch for this list: ${unverifiedReason}.`);
      const url = `${publicUrl}/status-lists/${issuer}/${purpose}/${list}`;
      const etag = `W/"${sha256Hex(`${url} ${signer.kid} ${words.join("")}`)}"`;
      const encodedList = encodeBitstring(wordsToBytes(words.map(BigInt)));
      const payload = listPayload({ url, issuerDid: signer.did, purpose, encodedList, asOf: freshness.minedAt });
      return {
        etag,
        block: { number: freshness.blockNumber, hash: freshness.blockHash },
        payload,
        async sign() {
          const known = signed.get(etag);
          if (known !== undefined) return known;
          if (signed.size >= MAX_SIGNED) signed.clear();
          const jwt = await signer.sign("vc+jwt", payload);
          signed.set(etag, jwt);
          return jwt;
        },
      };
    },
  };
}
