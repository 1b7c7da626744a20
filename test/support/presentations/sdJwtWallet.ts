import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { SDJwtVcInstance } from "@sd-jwt/sd-jwt-vc";
import type { JsonObject } from "../../../core/json";
import type { KeyPorts } from "../../../api/presentations/formats/rules";

/** A key pair of an issuer or holder, and how it signs in JOSE. */
export interface JoseKey {
  alg: "ES256" | "ES256K" | "EdDSA";
  privateKey: KeyObject;
  publicKey: KeyObject;
  jwk: { [member: string]: string };
}

export function joseKey(alg: JoseKey["alg"] = "ES256"): JoseKey {
  const { privateKey, publicKey } =
    alg === "EdDSA"
      ? generateKeyPairSync("ed25519")
      : generateKeyPairSync("ec", { namedCurve: alg === "ES256" ? "P-256" : "secp256k1" });
  return { alg, privateKey, publicKey, jwk: publicKey.export({ format: "jwk" }) as JoseKey["jwk"] };
}

/** A compact JWS with whatever header and payload a test wants. */
export function signJws(key: JoseKey, header: object, payload: object): string {
  const input = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
  return `${input}.${signInput(key, input)}`;
}

function signInput({ alg, privateKey }: JoseKey, input: string): string {
  const hash = alg === "EdDSA" ? null : "sha256";
  return sign(hash, Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url");
}

export const VCT = "https://credentials.example/identity";

export interface Issued {
  issuer: JoseKey;
  holder: JoseKey;
  /** The SD-JWT with all disclosures. */
  credential: string;
}

export interface IssueOptions {
  issuer?: JoseKey;
  holder?: JoseKey;
  claims?: Record<string, unknown>;
  disclose?: string[];
  header?: Record<string, unknown>;
}

/** The claims of {@link issue} that are no protocol's. */
export const PERSON = { given_name: "Ada", family_name: "Lovelace", age: 36, address: { country: "GB" } };

/** Issues an SD-JWT VC with a foreign library. */
export async function issue(options: IssueOptions = {}): Promise<Issued> {
  const issuer = options.issuer ?? joseKey();
  const holder = options.holder ?? joseKey();
  const library = new SDJwtVcInstance({
    hasher,
    hashAlg: "sha-256",
    saltGenerator: (bytes) => randomBytes(bytes).toString("base64url"),
    signer: (input) => signInput(issuer, input),
    signAlg: issuer.alg,
  });
  const claims = {
    iss: "https://issuer.example",
    vct: VCT,
    cnf: { jwk: holder.jwk },
    ...PERSON,
    ...options.claims,
  };
  const frame = { _sd: options.disclose ?? Object.keys(PERSON) };
  const credential = await library.issue(claims, frame as never, { header: options.header ?? {} });
  return { issuer, holder, credential };
}

export const NONCE = "n-0S6_WzA2Mj-n-0S6_WzA2Mj";
export const AUDIENCE = "x509_san_dns:verifier.example";

export interface PresentOptions {
  /** Names of the claims to disclose. */
  disclose?: string[];
  kbHeader?: Record<string, unknown>;
  kb?: Record<string, unknown>;
  signer?: JoseKey;
  /** Changes the disclosures before the Key Binding JWT is made. */
  edit?(disclosures: string[]): string[];
}

/** Presents a credential as a wallet does, or as one that a test makes misbehave. */
export function present({ credential, holder }: Issued, now: Date, options: PresentOptions = {}): string {
  const [jwt = "", ...disclosures] = credential.split("~").slice(0, -1);
  const wanted = options.disclose ?? Object.keys(PERSON);
  const chosen = disclosures.filter((text) => wanted.includes(nameOf(text)));
  const sdJwt = [jwt, ...(options.edit ?? ((same) => same))(chosen), ""].join("~");
  const signer = options.signer ?? holder;
  const payload = {
    iat: Math.floor(now.getTime() / 1000),
    aud: AUDIENCE,
    nonce: NONCE,
    sd_hash: createHash("sha256").update(sdJwt).digest("base64url"),
    ...options.kb,
  };
  return sdJwt + signJws(signer, { alg: signer.alg, typ: "kb+jwt", ...options.kbHeader }, payload);
}

/** A disclosure as its issuer would make it. */
export function disclosure(...parts: unknown[]): string {
  return Buffer.from(JSON.stringify(["c2FsdA", ...parts])).toString("base64url");
}

/** Ports that know one issuer, trusted. */
export function portsOf(issuer: JoseKey, controllers: Record<string, string> = {}): KeyPorts {
  return {
    issuerKey: () => Promise.resolve({ key: issuer.publicKey, distrust: null, authorityKeyIds: [] }),
    controllerOf: (did) => Promise.resolve(controllers[did] ?? null),
  };
}

/** JSON as the verifier reads it, for comparing. */
export function plain(claims: JsonObject): unknown {
  return JSON.parse(JSON.stringify(claims));
}

function nameOf(disclosed: string): string {
  const parts = JSON.parse(Buffer.from(disclosed, "base64url").toString("utf8")) as unknown[];
  return parts.length === 3 ? String(parts[1]) : "";
}

function hasher(data: string | ArrayBuffer): Uint8Array {
  return createHash("sha256")
    .update(typeof data === "string" ? data : new Uint8Array(data))
    .digest();
}
