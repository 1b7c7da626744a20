import { wordsToBytes } from "../../../chain/status/bitstring";
import { encodeStatusList, statusBytes } from "../../../chain/status/statusList";
import { TransientError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import { type ListSigner, readListWords, type StatusListDeps } from "../actions";
import { isOutdated, listTime, tokenPayload } from "./rules";

/** What making status list tokens needs. */
export type TokenDeps = StatusListDeps & Pick<Context, "clock">;

/** A status list token, not signed yet. */
export interface StatusListToken {
  /** Names the statuses, their time and who signs them: weak, for the signature may differ. */
  etag: string;
  /** The block the statuses are of. */
  block: { number: number; hash: string };
  payload: Record<string, unknown>;
  signer: ListSigner;
}

/**
 * Makes the Token Status List of an issuer from the words of the chain, those of its W3C lists.
 *
 * @throws DomainError `issuer.unknown`, `issuer.not_ready`, `status_list.unknown`
 * @throws TransientError `index.empty`, `index.unverified`, and `index.stale` while nobody would believe the list
 */
export async function readStatusListToken(
  deps: Omit<TokenDeps, "signedLists">,
  { issuer, list }: { issuer: string; list: number },
): Promise<StatusListToken> {
  const [signer, revoked, suspended] = await Promise.all([
    deps.signerOf(issuer),
    readListWords(deps, { issuer, purpose: "revocation", list }),
    readListWords(deps, { issuer, purpose: "suspension", list }),
  ]);
  // The chain may have grown between the two: nothing is said to be newer than the older of them.
  const { freshness } = revoked.freshness.blockNumber <= suspended.freshness.blockNumber ? revoked : suspended;
  const now = deps.clock.now();
  const asOf = listTime(freshness, now);
  if (isOutdated(asOf, now)) throw new TransientError("index.stale", "The index is too far behind the chain.");
  const url = `${deps.config.http.publicUrl}/token-status-lists/${issuer}/${list}`;
  const words = [...revoked.words, ...suspended.words].join("");
  const bits = statusBytes({ revoked: bytesOf(revoked.words), suspended: bytesOf(suspended.words) });
  return {
    etag: `W/"${sha256Hex(`${url} ${signer.kid} ${asOf.toISOString()} ${words}`)}"`,
    block: { number: freshness.blockNumber, hash: freshness.blockHash },
    payload: tokenPayload({ url, issuerDid: signer.did, list: encodeStatusList(bits), asOf }),
    signer,
  };
}

/** Signs a status list as `statuslist+jwt`; one that was signed already is returned as it was. */
export async function signStatusListToken(
  { signedLists }: Pick<TokenDeps, "signedLists">,
  { etag, payload, signer }: StatusListToken,
): Promise<string> {
  const signed = signedLists.get(etag) ?? (await signer.sign("statuslist+jwt", payload));
  signedLists.set(etag, signed);
  return signed;
}

function bytesOf(words: string[]): Uint8Array {
  return wordsToBytes(words.map(BigInt));
}
