import { createPublicKey, type JsonWebKey, type KeyObject, verify } from "node:crypto";
import { isObject, type JsonObject, parseJson } from "../json";

/** A compact JWS (RFC 7515 §7.1) whose signature was not verified yet. */
export interface ParsedJws {
  header: JsonObject;
  payload: JsonObject;
  /** The bytes under the signature: header, dot and payload as they came. */
  signingInput: string;
  signature: Buffer;
}

/** What is signed with which key: the algorithm's curve and hash. */
const ALGORITHMS = {
  ES256: { curve: "P-256", hash: "sha256" },
  ES384: { curve: "P-384", hash: "sha384" },
  ES256K: { curve: "secp256k1", hash: "sha256" },
  EdDSA: { curve: "Ed25519", hash: null },
  // RFC 9864 §2.2: the fully specified name.
  Ed25519: { curve: "Ed25519", hash: null },
} as const;
export type JwsAlgorithm = keyof typeof ALGORITHMS;

/** The algorithms that Cairn verifies, as `vp_formats_supported` lists them. */
export const JWS_ALGORITHMS = Object.keys(ALGORITHMS) as JwsAlgorithm[];

/** Whether a JWS header's `alg` is one that Cairn verifies: never `none`, never a MAC. */
export function isJwsAlgorithm(alg: unknown): alg is JwsAlgorithm {
  return typeof alg === "string" && Object.hasOwn(ALGORITHMS, alg);
}

/**
 * Parses a compact JWS. Base64url must be canonical, so that one token has one spelling; extensions that change what is
 * signed (`crit`, `b64`: RFC 7515 §4.1.11, RFC 7797) are rejected.
 *
 * @throws SyntaxError that says what is wrong
 */
export function parseJws(compact: string): ParsedJws {
  const parts = compact.split(".");
  const [header, payload, signature] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined || signature === undefined) {
    throw new SyntaxError("It is no compact JWS: three parts are expected.");
  }
  const parsed = {
    header: parseObject(decodeBase64url(header)),
    payload: parseObject(decodeBase64url(payload)),
    signingInput: `${header}.${payload}`,
    signature: decodeBase64url(signature),
  };
  for (const name of ["crit", "b64", "zip"]) {
    if (name in parsed.header) throw new SyntaxError(`Its header has ${name}, which is not supported.`);
  }
  return parsed;
}

/**
 * Whether the JWS was signed with this key. The algorithm must fit the key, so a key of one kind never verifies what
 * names another (RFC 8725 §3.1).
 */
export function verifyJws({ header, signingInput, signature }: ParsedJws, key: KeyObject): boolean {
  if (!isJwsAlgorithm(header["alg"])) return false;
  const { curve, hash } = ALGORITHMS[header["alg"]];
  if (curveOf(key) !== curve) return false;
  // RFC 7518 §3.4: r and s as they are, not in DER.
  return verify(hash, Buffer.from(signingInput), { key, dsaEncoding: "ieee-p1363" }, signature);
}

/** A public key as JSON Web Key (RFC 7517), with nothing but the members that make the key. */
export interface PublicJwk {
  kty: "EC" | "OKP";
  crv: string;
  x: string;
  y?: string;
}

/**
 * A JWK without whatever is said of the key beside it.
 *
 * @throws SyntaxError when it is none of {@link importJwk}'s
 */
export function publicJwkOf(jwk: unknown): PublicJwk {
  const { kty, crv, x, y } = importJwk(jwk).export({ format: "jwk" }) as unknown as PublicJwk;
  return y === undefined ? { kty, crv, x } : { kty, crv, x, y };
}

/**
 * The public key of a JWK (RFC 7517) of a curve that Cairn verifies with. Only the members that make the key are
 * read.
 *
 * @throws SyntaxError when it is none, or holds a private key
 */
export function importJwk(jwk: unknown): KeyObject {
  if (typeof jwk !== "object" || jwk === null) throw new SyntaxError("It is no JWK.");
  const { kty, crv, x, y, d } = jwk as JsonWebKey;
  if (d !== undefined) throw new SyntaxError("The JWK holds a private key.");
  const isKnown = Object.values(ALGORITHMS).some(({ curve }) => curve === crv);
  if (!isKnown || (kty !== "EC" && kty !== "OKP") || typeof x !== "string") {
    throw new SyntaxError("The JWK is of no key type and curve that is supported.");
  }
  try {
    return createPublicKey({
      key: kty === "OKP" ? { kty, crv: crv as string, x } : ecOf(crv as string, x, y),
      format: "jwk",
    });
  } catch (error) {
    throw new SyntaxError("The JWK is no valid public key.", { cause: error });
  }
}

/**
 * Decodes canonical base64url without padding (RFC 4648 §5).
 *
 * @throws SyntaxError when it is anything else
 */
export function decodeBase64url(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new SyntaxError("It is not base64url.");
  return bytes;
}

function ecOf(crv: string, x: string, y: string | undefined): JsonWebKey {
  if (typeof y !== "string") throw new SyntaxError("The JWK lacks y.");
  return { kty: "EC", crv, x, y };
}

function curveOf(key: KeyObject): string | undefined {
  switch (key.asymmetricKeyType) {
    case "ed25519":
      return "Ed25519";
    case "ec":
      return CURVE_NAMES[key.asymmetricKeyDetails?.namedCurve ?? ""];
    default:
      return undefined;
  }
}

/** JOSE's names of the curves (RFC 7518 §6.2.1.1, RFC 8812 §3.1) by OpenSSL's. */
const CURVE_NAMES: Record<string, string> = { prime256v1: "P-256", secp384r1: "P-384", secp256k1: "secp256k1" };

function parseObject(bytes: Buffer): JsonObject {
  const value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  if (!isObject(value)) throw new SyntaxError("It is no JSON object.");
  return value;
}
