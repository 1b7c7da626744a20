import type { Chain } from "../../../chain/client";
import { parseCredId, STATUS_LIST_LENGTH } from "../../../chain/status/credId";
import type { Context } from "../../../process/context";
import type { JsonObject } from "../../../core/json";
import type { ProvenCredential } from "../formats/rules";
import { invalid } from "../rejection";
import type { FactReader } from "../trust/actions";
import { type ForeignListDeps, requireBitClear, requireListedValid } from "./foreignLists";
import { readStatusListEntry } from "./tokenStatusList";

export interface StatusDeps extends ForeignListDeps {
  chain: Pick<Chain, "deployment">;
  facts: FactReader;
  config: Pick<Context["config"], "http">;
}

/** More than any issuer gives; each may cost a fetch. */
const MAX_ENTRIES = 8;

/**
 * Rejects a credential that is revoked or suspended: by the chain, where its status is on this registry, else by the
 * lists that it names. A credential that names none is not rejected (SD-JWT VC §3.2.2.2, VCDM 2.0 §4.10).
 *
 * @throws PresentationRejection `credential_revoked`, `credential_suspended`, or `status_invalid` when a status cannot be
 *   read as its standard has it
 * @throws TransientError when the chain or a list cannot be asked
 */
export async function requireUnrevoked(deps: StatusDeps, credential: ProvenCredential, now: Date): Promise<void> {
  const { statuses } = credential;
  if (statuses.length > MAX_ENTRIES) throw invalid("status_invalid", "The credential has too many statuses.");
  // Entries of this registry's lists say what the chain says: it is asked once.
  const positions = new Map<string, { issuer: string; index: bigint }>();
  const foreign: JsonObject[] = [];
  for (const entry of statuses) {
    const position = registryPosition(deps, entry);
    if (position === null) foreign.push(entry);
    else positions.set(`${position.issuer}/${position.index}`, position);
  }
  await Promise.all([
    ...[...positions.values()].map((position) => requireActiveOnChain(deps, position)),
    ...foreign.map((entry) => requireForeign(deps, credential, entry, now)),
  ]);
}

async function requireActiveOnChain(
  { facts }: Pick<StatusDeps, "facts">,
  { issuer, index }: { issuer: string; index: bigint },
): Promise<void> {
  const { revoked, suspended } = await facts.read({ issuer, index: Number(index), subject: issuer });
  if (revoked) throw invalid("credential_revoked", "The credential is revoked on the chain.");
  if (suspended) throw invalid("credential_suspended", "The credential is suspended on the chain.");
}

/** Where on this registry a status is; null when it is elsewhere. */
function registryPosition(
  { chain, config }: Pick<StatusDeps, "chain" | "config">,
  entry: JsonObject,
): { issuer: string; index: bigint } | null {
  if (entry["type"] === "CairnRegistryStatus") {
    const { chainId, contracts } = chain.deployment;
    const isHere = entry["chainId"] === chainId && sameText(entry["registry"], contracts.DIDRegistry.address);
    return isHere && typeof entry["credId"] === "string" ? parseCredId(entry["credId"]) : null;
  }
  const listed = readStatusListEntry(entry);
  const [url, place] =
    listed === null ? [entry["statusListCredential"], entry["statusListIndex"]] : [listed.uri, listed.index];
  const own = typeof url === "string" ? listOf(config.http.publicUrl, url) : null;
  if (own === null) return null;
  const index = Number(place);
  if (!Number.isSafeInteger(index) || index < 0 || index >= STATUS_LIST_LENGTH) {
    throw invalid("status_invalid", "The credential's place is beyond the end of its status list.");
  }
  return { issuer: own.issuer, index: BigInt(own.list) * BigInt(STATUS_LIST_LENGTH) + BigInt(index) };
}

/** Which of this installation's lists an address is: they are made from the chain. */
function listOf(publicUrl: string, url: string): { issuer: string; list: string } | null {
  if (!url.startsWith(`${publicUrl}/`)) return null;
  const path = /^\/(?:status-lists\/(0x[0-9a-f]{40})\/[a-z]+|token-status-lists\/(0x[0-9a-f]{40}))\/(\d{1,20})$/;
  const [, bitstringIssuer, tokenIssuer, list] = path.exec(url.slice(publicUrl.length)) ?? [];
  const issuer = bitstringIssuer ?? tokenIssuer;
  return issuer === undefined || list === undefined ? null : { issuer, list };
}

async function requireForeign(
  deps: StatusDeps,
  credential: ProvenCredential,
  entry: JsonObject,
  now: Date,
): Promise<void> {
  const listed = readStatusListEntry(entry);
  if (listed !== null) return requireListedValid(deps, listed, now);
  if (entry["type"] === "BitstringStatusListEntry") return requireBitClear(deps, credential, entry, now);
  throw invalid("status_invalid", "The credential's status is of a kind that is not supported.");
}

function sameText(value: unknown, text: string): boolean {
  return typeof value === "string" && value.toLowerCase() === text.toLowerCase();
}
