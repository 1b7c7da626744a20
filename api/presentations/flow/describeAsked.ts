import type { AskedFor } from "./rules";

/**
 * The names of what is asked for, as people read them.
 *
 * @param given the relying party's own name of it
 */
export function describeAsked(
  { query, presentationDefinition }: AskedFor,
  given: string | undefined,
): { credentialType: string; claimNames: string[] } {
  if (query === null) {
    const { types, claims } = describeDefinition(presentationDefinition ?? {});
    return { credentialType: given ?? orCredential(types), claimNames: claims };
  }
  const types = query.credentials.flatMap(({ meta }) =>
    "vct_values" in meta ? meta.vct_values.slice(0, 1) : meta.type_values.flatMap((one) => one.slice(-1)).slice(0, 1),
  );
  const paths = query.credentials.flatMap(({ claims = [] }) => claims.map(({ path }) => path));
  const claimNames = paths.flatMap((path) => path.filter((part) => typeof part === "string").slice(-1));
  return { credentialType: given ?? orCredential(types), claimNames: readable(claimNames) };
}

/** A presentation definition (DIF Presentation Exchange 2.0 §5) that is not translated: names of its descriptors and fields. */
function describeDefinition({ input_descriptors: descriptors }: Record<string, unknown>) {
  type Descriptor = { id?: unknown; name?: unknown; constraints?: { fields?: { path?: unknown }[] } };
  const list = Array.isArray(descriptors) ? (descriptors as (Descriptor | null)[]) : [];
  const types = list.flatMap((one) => [one?.name, one?.id].filter((name) => typeof name === "string").slice(0, 1));
  const fields = list.flatMap((one) => (Array.isArray(one?.constraints?.fields) ? one.constraints.fields : []));
  const paths = fields.map(({ path }): unknown => (Array.isArray(path) ? path[0] : undefined));
  const claims = paths.flatMap((path) => (typeof path === "string" ? [path.replace(/^.*[.[]/, "")] : []));
  return { types, claims: readable(claims.map((claim) => claim.replace(/['"\]]/g, ""))) };
}

function orCredential(types: string[]): string {
  const names = types.map((type) => wordsOf(type.replace(/[/#]+$/, "").replace(/^.*[/#:]/, "")));
  return distinct(names).join(", ") || "credential";
}

/** `given_name` and `givenName` are `given name`; what is written in capitals stays. */
function readable(names: string[]): string[] {
  const lower = (word: string) => (/^\p{Lu}{2,}$/u.test(word) ? word : word.toLowerCase());
  return distinct(names.map((name) => wordsOf(name).split(" ").map(lower).join(" "))).slice(0, 20);
}

function wordsOf(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[\s_-]+/g, " ")
    .trim();
}

function distinct(names: string[]): string[] {
  return [...new Set(names.filter((name) => name !== ""))];
}
