import type { KeyObject } from "node:crypto";
import { addSeconds, type Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import type { JsonObject } from "../../../core/json";
import type { Context } from "../../../process/context";
import { unproven } from "../rejection";
import { chooseKey, metadataUrlOf, readIssuerMetadata, readKeySet } from "./issuerMetadata";

/** How long an issuer's keys are used before they are fetched again. */
const USABLE_SECONDS = 600;
/** How often they are fetched for a key that they do not have: an issuer may have a new one. */
const REFETCH_SECONDS = 60;

export interface ListedIssuersDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentations">;
  /** Fetches a JSON document: https, public addresses, bounded. @throws TransientError */
  fetchMetadata(url: string): Promise<Buffer>;
}

/** The keys of an issuer, and when they were asked for. */
interface KeySet {
  fetchedAt: Date;
  keys: Promise<JsonObject[]>;
}

/**
 * Finds keys of the issuers that `PRESENTATION_ISSUERS` lists, by the metadata at their `/.well-known/jwt-vc-issuer`
 * (SD-JWT VC §4). Nothing is fetched for an issuer that is not listed: anybody may name any address.
 *
 * @returns finds the key of `iss` that a JWS header names; null when the issuer is not listed. It throws
 *   PresentationRejection `issuer_unknown`, and TransientError when the issuer cannot be asked
 */
export function createListedIssuers(
  deps: ListedIssuersDeps,
): (issuer: string, header: JsonObject) => Promise<KeyObject | null> {
  const listed = new Set(deps.config.presentations.issuers);
  const keySets = new Map<string, KeySet>();

  function keysOf(issuer: string, maxAgeSeconds: number): Promise<JsonObject[]> {
    const now = deps.clock.now();
    const known = keySets.get(issuer);
    if (known !== undefined && known.fetchedAt > addSeconds(now, -maxAgeSeconds)) return known.keys;
    const fetched = { fetchedAt: now, keys: fetchKeys(deps, issuer) };
    keySets.set(issuer, fetched);
    // What failed is asked for again; whoever waits for it now hears of it.
    fetched.keys.catch(() => {
      if (keySets.get(issuer) === fetched) keySets.delete(issuer);
    });
    return fetched.keys;
  }

  return async (issuer, header) => {
    if (!listed.has(issuer)) return null;
    const key =
      chooseKey(await keysOf(issuer, USABLE_SECONDS), header) ??
      chooseKey(await keysOf(issuer, REFETCH_SECONDS), header);
    if (key === undefined) throw unproven("issuer_unknown", "The issuer's metadata has no such key (kid, alg).");
    return key;
  };
}

async function fetchKeys(deps: ListedIssuersDeps, issuer: string): Promise<JsonObject[]> {
  const metadata = readIssuerMetadata(await fetched(deps, metadataUrlOf(issuer)), issuer);
  return "keys" in metadata ? metadata.keys : readKeySet(await fetched(deps, metadata.jwksUri));
}

/** An address from which nothing may be fetched is the issuer's error, not an outage. */
async function fetched({ fetchMetadata }: ListedIssuersDeps, url: string): Promise<Buffer> {
  try {
    return await fetchMetadata(url);
  } catch (error) {
    if (error instanceof DomainError)
      throw unproven("issuer_unknown", "The issuer's keys are where nothing is fetched.");
    throw error;
  }
}
