import { generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { SERVICE_TOKEN_AUDIENCE, SERVICE_TOKEN_ISSUER } from "../../core/internalApi";
import { signCompact, thumbprintOf } from "../../core/keys/jws";
import { type Answer, ask, type AskOptions } from "./ask";

/** A gateway's key, as the gateway and the API have it. */
export interface ServiceKey {
  privateKey: KeyObject;
  /** Raw, base64url. */
  publicKey: string;
  kid: string;
}

export function newServiceKey(): ServiceKey {
  const { privateKey, publicKey: key } = generateKeyPairSync("ed25519");
  const publicKey = key.export({ format: "jwk" }).x ?? "";
  return { privateKey, publicKey, kid: thumbprintOf({ kty: "OKP", crv: "Ed25519", x: publicKey }) };
}

/** Signs a service token of now for nobody in particular; the claims and header members given replace those. */
export function signServiceToken(
  { privateKey, kid }: ServiceKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const all = {
    iss: SERVICE_TOKEN_ISSUER,
    aud: SERVICE_TOKEN_AUDIENCE,
    iat,
    exp: iat + 60,
    rid: randomUUID(),
    ...claims,
  };
  const keys = { sign: (_id: string, data: Uint8Array) => Promise.resolve(sign(null, data, privateKey)) };
  return signCompact(keys, kid, { alg: "EdDSA", typ: "JWT", kid, ...header }, all);
}

/** What a gateway asks the internal port, for whom. */
export interface AskAsGateway extends Omit<AskOptions, "token" | "cookie" | "csrfToken"> {
  userId?: string;
  deviceSessionId?: string;
  /** A fresh one when absent. */
  requestId?: string;
  /** Null: the header is left out. */
  clientAddress?: string | null;
  /** When the token was issued; now when absent. */
  issuedAt?: Date;
}

/** Asks the internal port as a gateway with this key; a write bears the `Idempotency-Key` of its request id. */
export async function askAsGateway(
  at: { url: string; key: ServiceKey },
  method: string,
  path: string,
  options: AskAsGateway = {},
): Promise<Answer> {
  const { userId, deviceSessionId, requestId = randomUUID(), clientAddress = "192.0.2.1", issuedAt, ...rest } = options;
  const iat = Math.floor((issuedAt?.getTime() ?? Date.now()) / 1000);
  const token = await signServiceToken(at.key, {
    rid: requestId,
    iat,
    exp: iat + 60,
    ...(userId !== undefined && { sub: userId }),
    ...(deviceSessionId !== undefined && { sid: deviceSessionId }),
  });
  const headers = {
    ...(clientAddress !== null && { "x-cairn-client-address": clientAddress }),
    ...(method !== "GET" && deviceSessionId !== undefined && { "idempotency-key": `${deviceSessionId}/${requestId}` }),
    ...rest.headers,
  };
  return ask(`${at.url}${path}`, method, { ...rest, token, headers });
}
