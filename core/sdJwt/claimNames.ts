import { isObject, type Json } from "../json";

/** Names in an SD-JWT VC that say nothing of its subject (SD-JWT VC §2.2.2, RFC 7519 §4.1). */
const PROTOCOL_CLAIMS = [
  "iss",
  "sub",
  "jti",
  "iat",
  "nbf",
  "exp",
  "cnf",
  "vct",
  "vct#integrity",
  "status",
  "aka_vcts",
  "_sd_alg",
] as const;

/** Names that stand for digests: no claim may have them, however deep it lies (RFC 9901 §4.1). */
const DIGEST_NAMES = ["_sd", "..."];

/**
 * The first name among claims that an SD-JWT VC needs for itself; undefined when there is none.
 *
 * @returns the path to it, names and places joined by dots
 */
export function reservedNameIn(claims: Json, at: readonly string[] = []): string | undefined {
  if (typeof claims !== "object" || claims === null) return undefined;
  for (const [name, member] of Object.entries(claims)) {
    const path = [...at, name];
    const isReserved = DIGEST_NAMES.includes(name) || (at.length === 0 && isProtocolClaim(name));
    if (isObject(claims) && isReserved) return path.join(".");
    const deeper = reservedNameIn(member, path);
    if (deeper !== undefined) return deeper;
  }
  return undefined;
}

/** Whether a top-level claim of this name belongs to the format. */
export function isProtocolClaim(name: string): boolean {
  return (PROTOCOL_CLAIMS as readonly string[]).includes(name);
}
