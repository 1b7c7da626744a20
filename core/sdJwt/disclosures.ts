import { createHash } from "node:crypto";
import { emptyObject, isObject, type Json, type JsonObject, parseJson } from "../json";
import { decodeBase64url } from "../keys/verifyJws";

/** Claims that decide whether a credential is valid may not be disclosed selectively (SD-JWT VC §2.2.2.2). */
const NEVER_DISCLOSED = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "aka_vcts"];

/** A disclosure (RFC 9901 §4.2): of an object's member when it has a name, else of an array's element. */
interface Disclosure {
  name: string | undefined;
  value: Json;
}

/**
 * Puts the disclosed claims where their digests stand in the issuer's payload, and removes the digests that nobody
 * disclosed (RFC 9901 §7.1, steps 3 and 4).
 *
 * @param payload the issuer-signed payload, its signature verified
 * @param encoded the disclosures as presented, base64url
 * @returns the claims that verifier and issuer mean: without `_sd`, `_sd_alg` and `...`
 * @throws SyntaxError when a digest or disclosure comes twice, a disclosure belongs
 *   nowhere, is of the wrong form or names a claim that is there already or decides validity
 */
export function discloseClaims(payload: JsonObject, encoded: readonly string[]): JsonObject {
  const algorithm = payload["_sd_alg"] ?? "sha-256";
  if (algorithm !== "sha-256") throw rejected("Digests of disclosures must be made with sha-256 (_sd_alg).");
  const walk = new Walk(encoded);
  const claims = walk.object(payload);
  walk.expectAllUsed();
  return claims;
}

/** SHA-256 of a disclosure's ASCII bytes, base64url (RFC 9901 §4.2.3). */
export function digestOf(ascii: string): string {
  return createHash("sha256").update(ascii, "ascii").digest("base64url");
}

class Walk {
  private readonly disclosures = new Map<string, Disclosure>();
  private readonly seen = new Set<string>();
  private readonly used = new Set<string>();

  constructor(encoded: readonly string[]) {
    for (const text of encoded) {
      const digest = digestOf(text);
      if (this.disclosures.has(digest)) throw rejected("A disclosure is presented twice.");
      this.disclosures.set(digest, parseDisclosure(text));
    }
  }

  object(source: JsonObject, top = true): JsonObject {
    const result = emptyObject();
    for (const [name, member] of Object.entries(source)) {
      if (name === "_sd" || (top && name === "_sd_alg")) continue;
      if (name === "...") throw rejected('"..." stands outside an array.');
      result[name] = this.value(member);
    }
    for (const digest of digestsOf(source["_sd"])) {
      const disclosure = this.take(digest);
      if (disclosure === undefined) continue;
      const { name, value } = disclosure;
      if (name === undefined) throw rejected("An array element's disclosure stands for a member of an object.");
      if (name === "_sd" || name === "...") throw rejected(`A disclosure is named ${name}.`);
      if (name in result || name in source) throw rejected("A disclosure names a claim that is there already.");
      if (top && NEVER_DISCLOSED.includes(name)) throw rejected(`${name} may not be disclosed selectively.`);
      result[name] = this.value(value);
    }
    return result;
  }

  expectAllUsed(): void {
    if (this.used.size !== this.disclosures.size)
      throw rejected("A disclosure belongs to no digest of the credential.");
  }

  private value(value: Json): Json {
    if (Array.isArray(value)) return value.flatMap((item) => this.element(item));
    return isObject(value) ? this.object(value, false) : value;
  }

  /** An array's element, or none where it is a digest that nobody disclosed. */
  private element(item: Json): Json[] {
    if (!isObject(item) || !("..." in item)) return [this.value(item)];
    const digest = item["..."];
    if (typeof digest !== "string" || Object.keys(item).length !== 1)
      throw rejected('An element with "..." is malformed.');
    const disclosure = this.take(digest);
    if (disclosure === undefined) return [];
    if (disclosure.name !== undefined) throw rejected("A member's disclosure stands for an element of an array.");
    return [this.value(disclosure.value)];
  }

  private take(digest: string): Disclosure | undefined {
    // RFC 9901 §7.1 step 4: the same digest anywhere else would make one disclosure stand for two claims.
    if (this.seen.has(digest)) throw rejected("A digest comes twice.");
    this.seen.add(digest);
    const disclosure = this.disclosures.get(digest);
    if (disclosure !== undefined) this.used.add(digest);
    return disclosure;
  }
}

function digestsOf(digests: Json | undefined): string[] {
  if (digests === undefined) return [];
  if (!Array.isArray(digests) || !digests.every((digest) => typeof digest === "string")) {
    throw rejected("_sd is not an array of strings.");
  }
  return digests;
}

function parseDisclosure(text: string): Disclosure {
  let parts: Json;
  try {
    parts = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(decodeBase64url(text)));
  } catch {
    throw rejected("A disclosure is no JSON in base64url.");
  }
  if (!Array.isArray(parts) || typeof parts[0] !== "string") throw rejected("A disclosure is no array with a salt.");
  const [, second, third] = parts;
  if (parts.length === 2 && second !== undefined) return { name: undefined, value: second };
  if (parts.length === 3 && typeof second === "string" && third !== undefined) return { name: second, value: third };
  throw rejected("A disclosure has neither two nor three parts.");
}

function rejected(message: string) {
  return new SyntaxError(message);
}
