import { emptyObject, isObject, type Json, type JsonObject } from "../json";
import { digestOf } from "./disclosures";

/** Which claim is meant: a member by its name, an array's element by its place, null for each of its elements. */
export type ClaimPath = readonly (string | number | null)[];

/** Claims of which some are replaced by digests, and what discloses these. */
export interface ConcealedClaims {
  payload: JsonObject;
  /** Base64url, each for one digest. */
  disclosures: string[];
}

/**
 * Replaces claims by digests (RFC 9901 §4.2): each can be disclosed by itself. A claim within another concealed one is
 * concealed within its disclosure (§4.2.6).
 *
 * @param input.paths what to conceal; a path that leads to nothing conceals nothing
 * @param input.decoys how many digests of nothing stand among those of the claims (§4.2.7)
 * @param input.drawSalt draws at least 128 fresh random bits as base64url (§9.3)
 * @returns the claims with `_sd_alg`
 */
export function concealClaims(
  claims: JsonObject,
  input: { paths: readonly ClaimPath[]; decoys: number; drawSalt: () => string },
): ConcealedClaims {
  const disclosures: string[] = [];
  const disclose = (...content: Json[]): string => {
    const disclosure = Buffer.from(JSON.stringify([input.drawSalt(), ...content])).toString("base64url");
    disclosures.push(disclosure);
    return digestOf(disclosure);
  };
  const decoys = Array.from({ length: input.decoys }, () => digestOf(input.drawSalt()));
  const payload = concealMembers(claims, input.paths, disclose, decoys);
  payload["_sd_alg"] = "sha-256";
  return { payload, disclosures };
}

/** How many claims a path leads to. */
export function countClaims(value: Json, path: ClaimPath): number {
  const [step, ...rest] = path;
  if (step === undefined) return 1;
  const reached = stepInto(value, step);
  return reached.reduce<number>((sum, member) => sum + countClaims(member, rest), 0);
}

type Disclose = (...content: Json[]) => string;

function concealMembers(
  source: JsonObject,
  paths: readonly ClaimPath[],
  disclose: Disclose,
  decoys: string[] = [],
): JsonObject {
  const result = emptyObject();
  const digests = [...decoys];
  for (const [name, member] of Object.entries(source)) {
    const below = tailsOf(paths, (step) => step === name);
    const value = concealWithin(member, below, disclose);
    if (isConcealed(below)) digests.push(disclose(name, value));
    else result[name] = value;
  }
  // §4.2.4.1: the order of the digests must not tell the order of the claims.
  if (digests.length > 0) result["_sd"] = digests.sort();
  return result;
}

function concealWithin(value: Json, paths: readonly ClaimPath[], disclose: Disclose): Json {
  if (Array.isArray(value)) {
    return value.map((element, place) => {
      const below = tailsOf(paths, (step) => step === null || step === place);
      const concealed = concealWithin(element, below, disclose);
      return isConcealed(below) ? { "...": disclose(concealed) } : concealed;
    });
  }
  return isObject(value) ? concealMembers(value, paths, disclose) : value;
}

/** What is left of the paths whose first step leads here. */
function tailsOf(paths: readonly ClaimPath[], leadsHere: (step: ClaimPath[number]) => boolean): ClaimPath[] {
  return paths.flatMap(([step, ...rest]) => (step !== undefined && leadsHere(step) ? [rest] : []));
}

function isConcealed(tails: readonly ClaimPath[]): boolean {
  return tails.some(({ length }) => length === 0);
}

function stepInto(value: Json, step: ClaimPath[number]): Json[] {
  if (Array.isArray(value)) {
    return value.filter((_, place) => step === null || step === place);
  }
  if (!isObject(value) || typeof step !== "string" || !Object.hasOwn(value, step)) return [];
  return [value[step] as Json];
}
