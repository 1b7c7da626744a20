import type { KeyObject } from "node:crypto";
import { isObject, type Json, type JsonObject, parseJson } from "../../../core/json";
import { importJwk } from "../../../core/keys/verifyJws";
import { unproven } from "../rejection";

/** More keys than any issuer rotates through. */
const MAX_KEYS = 64;

/** Where an issuer's keys are: in its metadata, or at an address that the metadata names. */
export type IssuerMetadata = { keys: JsonObject[] } | { jwksUri: string };

/**
 * Where an issuer's metadata is (SD-JWT VC §4): the well-known path goes between host and path.
 *
 * @param issuer `iss`: a URL without query and fragment
 */
export function metadataUrlOf(issuer: string): string {
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/jwt-vc-issuer${pathname.replace(/\/$/, "")}`;
}

/**
 * Reads an issuer's metadata (SD-JWT VC §4.2).
 *
 * @param issuer whose it must be, letter by letter: else whoever shares the host could speak for another
 * @throws PresentationRejection `issuer_unknown` that says what is wrong
 */
export function readIssuerMetadata(document: Buffer, issuer: string): IssuerMetadata {
  const metadata = objectOf(document, "metadata");
  if (metadata["issuer"] !== issuer) throw unknown("The issuer's metadata is another issuer's (issuer).");
  const { jwks, jwks_uri: jwksUri } = metadata;
  if ((jwks === undefined) === (jwksUri === undefined)) {
    throw unknown("The issuer's metadata must have either jwks or jwks_uri.");
  }
  if (jwks !== undefined) return { keys: keysOf(jwks) };
  if (typeof jwksUri !== "string") throw unknown("The issuer's jwks_uri is no text.");
  return { jwksUri };
}

/**
 * Reads a key set (RFC 7517 §5).
 *
 * @throws PresentationRejection `issuer_unknown` that says what is wrong
 */
export function readKeySet(document: Buffer): JsonObject[] {
  return keysOf(objectOf(document, "key set"));
}

/**
 * The key that a JWS header names: by `kid`; without one, the only key that there is for its algorithm.
 *
 * @returns undefined when there is none, or more than one
 */
export function chooseKey(keys: readonly JsonObject[], header: JsonObject): KeyObject | undefined {
  const { kid, alg } = header;
  const fitting = keys
    .filter((jwk) => kid === undefined || jwk["kid"] === kid)
    .filter((jwk) => jwk["use"] === undefined || jwk["use"] === "sig")
    .filter((jwk) => jwk["alg"] === undefined || jwk["alg"] === alg)
    .flatMap((jwk) => imported(jwk) ?? []);
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** Undefined for a key of another kind: a set may hold keys for other purposes. */
function imported(jwk: JsonObject): KeyObject | undefined {
  try {
    return importJwk(jwk);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function keysOf(keySet: Json): JsonObject[] {
  const keys = isObject(keySet) ? keySet["keys"] : undefined;
  if (!Array.isArray(keys) || keys.length > MAX_KEYS)
    throw unknown(`The issuer's keys are no set of at most ${MAX_KEYS}.`);
  return keys.filter(isObject);
}

function objectOf(document: Buffer, what: string): JsonObject {
  let value: Json;
  try {
    value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(document));
  } catch {
    throw unknown(`The issuer's ${what} is no JSON.`);
  }
  if (!isObject(value)) throw unknown(`The issuer's ${what} is no JSON object.`);
  return value;
}

function unknown(message: string) {
  return unproven("issuer_unknown", message);
}
