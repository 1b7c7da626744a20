import { assertNever } from "../../../core/errors";
import { emptyObject, isObject, type Json, type JsonObject } from "../../../core/json";
import type { ProvenCredential } from "../formats/rules";
import { selectClaims } from "./claimsPath";
import type { ClaimsPath, ClaimsQuery, CredentialQuery, DcqlQuery } from "./query";

/** What was presented for each credential query, by its id. */
export type PresentedCredentials = ReadonlyMap<string, readonly ProvenCredential[]>;

/**
 * Why what was presented does not satisfy a query; null when it does. Wallets choose by a query and are bound by
 * nothing, so types, values and authorities are compared again here (OpenID4VP 1.0 §6.4.1, §14.11).
 *
 * @returns a sentence for the relying party that names query ids and paths, no values
 */
export function unsatisfiedBy(query: DcqlQuery, presented: PresentedCredentials): string | null {
  for (const credential of query.credentials) {
    for (const candidate of presented.get(credential.id) ?? []) {
      const reason = mismatchOf(credential, candidate);
      if (reason !== null) return `Credential query ${credential.id}: ${reason}`;
    }
  }
  const answered = (id: string) => presented.has(id);
  if (query.credential_sets === undefined) {
    const missing = query.credentials.find(({ id }) => !answered(id));
    return missing === undefined ? null : `Credential query ${missing.id} is not answered.`;
  }
  const unmet = query.credential_sets.findIndex(
    ({ options, required }) => required && !options.some((option) => option.every(answered)),
  );
  return unmet === -1 ? null : `No option of credential set ${unmet} is answered.`;
}

/** Why a credential is not the one asked for; null when it is. */
export function mismatchOf(query: CredentialQuery, credential: ProvenCredential): string | null {
  if (query.format !== credential.format) return `its format is ${credential.format}.`;
  if (!isOfType(query, credential.types)) return "its type is none of those asked for.";
  if (!isOfAuthority(query, credential.trust.authorityKeyIds)) return "its issuer is under no trusted authority.";
  return claimSetOf(query, credential.claims) === null ? "claims asked for are missing or have other values." : null;
}

/**
 * The claims that a credential was asked for, and nothing else of it: what a holder disclosed beyond the query is
 * nobody's business.
 *
 * @returns the claims in the credential's own structure; none when the query asks for none
 */
export function requestedClaims(query: CredentialQuery, claims: JsonObject): JsonObject {
  const paths = (claimSetOf(query, claims) ?? []).map(({ path }) => path);
  const pruned = pruneTo(paths, claims);
  return isObject(pruned) ? pruned : emptyObject();
}

/** The claims of the first set that the credential satisfies; all claims where there are no sets; null: none is. */
function claimSetOf({ claims = [], claim_sets: sets }: CredentialQuery, root: JsonObject): ClaimsQuery[] | null {
  const options = sets?.map((set) => claims.filter(({ id }) => id !== undefined && set.includes(id))) ?? [claims];
  return options.find((option) => option.every((claim) => isSatisfied(claim, root))) ?? null;
}

function isSatisfied({ path, values }: ClaimsQuery, root: JsonObject): boolean {
  const selected = selectClaims(path, root);
  if (selected.length === 0) return false;
  // §6.3: type and value must be equal, "1" is not 1.
  return values === undefined || selected.some((value) => values.some((wanted) => wanted === value));
}

function isOfType(query: CredentialQuery, types: readonly string[]): boolean {
  switch (query.format) {
    case "dc+sd-jwt":
      return query.meta.vct_values.some((vct) => types.includes(vct));
    case "jwt_vc_json":
      return query.meta.type_values.some((all) => all.every((type) => types.includes(type)));
    default:
      return assertNever(query);
  }
}

function isOfAuthority({ trusted_authorities: authorities }: CredentialQuery, keyIds: readonly string[]): boolean {
  return authorities === undefined || authorities.some(({ values }) => values.some((id) => keyIds.includes(id)));
}

/** What the paths select of a value, in its own structure; elements of arrays keep their order, not their index. */
function pruneTo(paths: ClaimsPath[], value: Json): Json | undefined {
  if (paths.length === 0) return undefined;
  if (paths.some((path) => path.length === 0)) return value;
  const below = (step: string | number) =>
    paths
      .filter(([first]) => first === step || (first === null && typeof step === "number"))
      .map((path) => path.slice(1));
  if (Array.isArray(value)) return value.flatMap((item, index) => pruneTo(below(index), item) ?? []);
  if (!isObject(value)) return undefined;
  const result = emptyObject();
  for (const [name, member] of Object.entries(value)) {
    const pruned = pruneTo(below(name), member);
    if (pruned !== undefined) result[name] = pruned;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}
