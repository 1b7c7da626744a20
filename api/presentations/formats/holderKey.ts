import { createHash } from "node:crypto";
import { signersOf } from "../../../chain/es256k";
import { unproven } from "../rejection";
import { isObject, type Json, parseJson } from "../../../core/json";
import { decodeBase64url, importJwk, type ParsedJws, verifyJws } from "../../../core/keys/verifyJws";
import type { HolderVerifier, KeyPorts } from "./rules";

/** The verification method that every DID of this registry has: its controller's key, known by its address alone. */
const CONTROLLER_FRAGMENT = "#controller";

/**
 * What verifies the proof of possession for a credential's `cnf` (RFC 7800 §3): a key as JWK, or a DID of this registry
 * whose controller signs with ES256K.
 *
 * @throws PresentationRejection `holder_binding_missing` when it names no key that Cairn can verify with
 */
export async function holderOf(ports: Pick<KeyPorts, "controllerOf">, cnf: Json | undefined): Promise<HolderVerifier> {
  if (!isObject(cnf)) throw unproven("holder_binding_missing", "The credential is bound to no key (cnf).");
  if (isObject(cnf["jwk"])) return keyVerifier(cnf["jwk"]);
  if (typeof cnf["kid"] === "string") return holderByKeyId(ports, cnf["kid"]);
  throw unproven("holder_binding_missing", "cnf has neither jwk nor kid.");
}

/**
 * What verifies a proof by a key that is named by a DID URL: a controller of this registry, or a `did:jwk`.
 *
 * @throws PresentationRejection `holder_binding_missing`
 */
export async function holderByKeyId(ports: Pick<KeyPorts, "controllerOf">, keyId: string): Promise<HolderVerifier> {
  const [did = ""] = keyId.split("#");
  if (did.startsWith("did:jwk:")) return keyVerifier(jwkOf(did));
  const controller = keyId === did || keyId === did + CONTROLLER_FRAGMENT ? await ports.controllerOf(did) : null;
  if (controller === null) {
    throw unproven("holder_binding_missing", "The holder's key is none that an active DID of this registry has.");
  }
  return (jws) => signedByController(jws, controller);
}

/** Of a controller nothing but the address is known: one of the keys that give this signature must have it. */
function signedByController({ header, signingInput, signature }: ParsedJws, controller: string): boolean {
  if (header["alg"] !== "ES256K" || signature.length !== 64) return false;
  // RFC 8812 §3.2: ES256K signs the SHA-256 of the signing input.
  const digest = createHash("sha256").update(signingInput, "ascii").digest();
  return signersOf(digest, signature).includes(controller);
}

function keyVerifier(jwk: unknown): HolderVerifier {
  try {
    const key = importJwk(jwk);
    return (jws) => verifyJws(jws, key);
  } catch {
    throw unproven("holder_binding_missing", "The credential is bound to a key that is not supported.");
  }
}

function jwkOf(did: string): Json {
  try {
    return parseJson(decodeBase64url(did.slice("did:jwk:".length)).toString("utf8"));
  } catch {
    throw unproven("holder_binding_missing", "The holder's did:jwk is malformed.");
  }
}
