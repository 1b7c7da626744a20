import { isUri } from "../../../chain/did/uri";

/**
 * What of claims could not be read as JSON-LD, of which a credential is an instance (VC Data Model 2.0 §4.2): a name
 * that is a keyword, such as `@context`, which would give other names another meaning; an `id` that names nothing; a
 * `type` that is no name. A processor in safe mode refuses these, others drop them silently. Undefined where all is well.
 */
export function termProblemOf(claims: unknown): string | undefined {
  if (typeof claims !== "object" || claims === null) return undefined;
  if (Array.isArray(claims)) return firstProblem(claims);
  for (const [name, value] of Object.entries(claims)) {
    if (name === "" || name.startsWith("@")) return `have the name \`${name}\`, which JSON-LD keeps for itself`;
    if (name === "id" && !(typeof value === "string" && isUri(value))) return "have an `id` that is no URI";
    if (name === "type" && !isTypeName(value)) return "have a `type` that is neither a name nor a list of names";
  }
  return firstProblem(Object.values(claims));
}

function firstProblem(values: unknown[]): string | undefined {
  for (const value of values) {
    const problem = termProblemOf(value);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function isTypeName(value: unknown): boolean {
  const names = Array.isArray(value) ? value : [value];
  return names.every((name) => typeof name === "string" && /^[^@\s][^\s]*$/.test(name));
}
