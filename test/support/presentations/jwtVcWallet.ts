import { createPrivateKey, createPublicKey } from "node:crypto";
import { SigningKey } from "ethers";
import type { TestHolder } from "../credentialActors";
import { type JoseKey, signJws } from "./sdJwtWallet";
import type { ReadRequest } from "./wallet";

/** Asks for a W3C credential of a type, and for claims of it. */
export function jwtVcQuery(type: string, ...paths: string[][]): object {
  const claims = paths.length > 0 && { claims: paths.map((path) => ({ path })) };
  const meta = { type_values: [["VerifiableCredential", type]] };
  return { credentials: [{ id: "credential", format: "jwt_vc_json", meta, ...claims }] };
}

/** A holder that is its own key (did:jwk). */
export function didJwkOf({ jwk }: JoseKey): string {
  return `did:jwk:${Buffer.from(JSON.stringify(jwk)).toString("base64url")}`;
}

/** A verifiable presentation as JWT, of one credential. */
export function presentJwtVc(
  credential: string,
  { claims }: ReadRequest,
  { did, key, kid, now }: { did: string; key: JoseKey; kid: string; now: Date },
): { credential: string[] } {
  const payload = {
    iss: did,
    aud: claims.client_id,
    nonce: claims.nonce,
    iat: Math.floor(now.getTime() / 1000),
    vp: {
      "@context": ["https://www.w3.org/2018/credentials/v1"],
      type: ["VerifiablePresentation"],
      verifiableCredential: [credential],
    },
  };
  return { credential: [signJws(key, { alg: key.alg, typ: "JWT", kid }, payload)] };
}

/** The key of a holder's wallet, which controls its DID, as JOSE has it. */
export function controllerKeyOf({ wallet }: TestHolder): JoseKey {
  const point = Buffer.from(SigningKey.computePublicKey(wallet.privateKey).slice(4), "hex");
  const text = (bytes: Buffer) => bytes.toString("base64url");
  const d = text(Buffer.from(wallet.privateKey.slice(2), "hex"));
  const jwk = { kty: "EC", crv: "secp256k1", x: text(point.subarray(0, 32)), y: text(point.subarray(32)) };
  const privateKey = createPrivateKey({ key: { ...jwk, d }, format: "jwk" });
  return { alg: "ES256K", privateKey, publicKey: createPublicKey(privateKey), jwk };
}
