import { createPublicKey } from "node:crypto";
import type { JSONWebKeySet, JWK } from "jose";

const MAX_KEYS = 10;
const MIN_RSA_BITS = 2_048;
const CURVES = ["P-256", "P-384", "Ed25519"];
/** Members of private and of symmetric keys (RFC 7518 §6). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

/** What is wrong with the keys that a client would authenticate by, a clause for each problem. */
export function keyProblems({ keys }: JSONWebKeySet): string[] {
  if (keys.length === 0 || keys.length > MAX_KEYS) return [`the key set must have 1 to ${MAX_KEYS} keys`];
  const ids = keys.map(({ kid }) => kid);
  const distinct = new Set(ids).size === ids.length;
  const problems = keys.flatMap((key, place) => problemOf(key).map((problem) => `key ${place + 1} ${problem}`));
  return distinct ? problems : [...problems, "several keys need a kid each, and distinct ones"];
}

function problemOf(key: JWK): string[] {
  if (SECRET_MEMBERS.some((member) => member in key)) return ["is private: give the public key alone"];
  if (key.kty !== "RSA" && !CURVES.includes(key.crv ?? "")) {
    return [`is neither RSA nor on one of the curves ${CURVES.join(", ")}`];
  }
  try {
    const { modulusLength } = createPublicKey({ key, format: "jwk" }).asymmetricKeyDetails ?? {};
    const isShort = modulusLength !== undefined && modulusLength < MIN_RSA_BITS;
    return isShort ? [`has ${modulusLength} bits, fewer than ${MIN_RSA_BITS}`] : [];
  } catch {
    // Whatever its members lack, it is no key.
    return ["is no public key as a JWK (RFC 7517)"];
  }
}
