import { PURPOSE } from "../../chain/registry/statusPurpose";
import { encodeBitstring, wordsToBytes } from "../../chain/status/bitstring";
import { WORDS_PER_LIST } from "../../chain/status/credId";
import { sha256Hex } from "../../core/hash";
import { DomainError, TransientError } from "../../core/errors";
import type { LruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import type { Freshness } from "../../projection/freshness";
import { type ListPurpose, listPayload } from "./rules";

/** An issuer as status lists know it. */
export interface ListSigner {
  did: string;
  /** The signing key's id in the DID document. */
  kid: string;
  /** Signs a payload as compact JWS, `typ` as given. */
  sign(typ: string, payload: object): Promise<string>;
}

export interface StatusListDeps extends Pick<Context, "config" | "projection"> {
  /** Who signs for an issuer now. */
  signerOf(issuer: string): Promise<ListSigner>;
  /** Signed lists by their tag. */
  signedLists: LruCache<string>;
}

/** A status list credential, not signed yet. */
export interface StatusList {
  /** Names the bits and who signs them: weak, for the signature and the time beside them may differ. */
  etag: string;
  /** The block the bits are of. */
  block: { number: number; hash: string };
  payload: Record<string, unknown>;
  signer: ListSigner;
}

/** The last list an issuer with fewer words than a number counts exactly can have; more than anyone issues. */
const MAX_LIST = Math.floor(Number.MAX_SAFE_INTEGER / WORDS_PER_LIST / 256);

/**
 * Makes the status list of an issuer, as of the index's last block.
 *
 * @throws DomainError `issuer.unknown`, `issuer.not_ready`, `status_list.unknown`
 * @throws TransientError `index.empty` while nothing is indexed, `index.unverified` while the issuer's statuses are not
 */
export async function readStatusList(
  { projection, config, signerOf }: Omit<StatusListDeps, "signedLists">,
  { issuer, purpose, list }: { issuer: string; purpose: ListPurpose; list: number },
): Promise<StatusList> {
  const [signer, { words, freshness }] = await Promise.all([
    signerOf(issuer),
    readListWords({ projection }, { issuer, purpose, list }),
  ]);
  const url = `${config.http.publicUrl}/status-lists/${issuer}/${purpose}/${list}`;
  const encodedList = encodeBitstring(wordsToBytes(words.map(BigInt)));
  return {
    etag: `W/"${sha256Hex(`${url} ${signer.kid} ${words.join("")}`)}"`,
    block: { number: freshness.blockNumber, hash: freshness.blockHash },
    payload: listPayload({ url, issuerDid: signer.did, purpose, encodedList, asOf: freshness.minedAt }),
    signer,
  };
}

/** The words of a list, and how new they are. */
export interface ListWords {
  words: string[];
  freshness: Freshness;
}

/**
 * The words that the index has of an issuer's list.
 *
 * @throws DomainError `status_list.unknown`
 * @throws TransientError `index.empty`, `index.unverified`
 */
export async function readListWords(
  { projection }: Pick<StatusListDeps, "projection">,
  { issuer, purpose, list }: { issuer: string; purpose: ListPurpose; list: number },
): Promise<ListWords> {
  if (list > MAX_LIST) throw new DomainError("status_list.unknown", "not_found", "No issuer has so many credentials.");
  const found = await projection.statusWords(issuer, PURPOSE[purpose], list * WORDS_PER_LIST, WORDS_PER_LIST);
  const { words, freshness, unverifiedReason } = found;
  if (freshness === null) throw new TransientError("index.empty", "The index has not seen the chain yet.");
  if (unverifiedReason !== null)
    throw new TransientError("index.unverified", `This list is not verified: ${unverifiedReason}.`);
  return { words, freshness };
}

/** Signs a status list as `vc+jwt`; one that was signed already is returned as it was. */
export async function signStatusList(
  { signedLists }: Pick<StatusListDeps, "signedLists">,
  { etag, payload, signer }: StatusList,
): Promise<string> {
  const signed = signedLists.get(etag) ?? (await signer.sign("vc+jwt", payload));
  signedLists.set(etag, signed);
  return signed;
}
