import { type KeyObject, sign } from "node:crypto";
import { type Clock } from "../../core/clock";
import { SERVICE_TOKEN_AUDIENCE, SERVICE_TOKEN_ISSUER, SERVICE_TOKEN_MAX_SECONDS } from "../../core/internalApi";
import { signCompact, thumbprintOf } from "../../core/keys/jws";
import { publicKeyOf } from "../../core/keys/serviceKey";

/** For what a token is minted. */
export interface TokenClaims {
  /** The command's request id, or a fresh UUID. */
  requestId: string;
  /** For whom the gateway speaks; absent where it speaks for itself. */
  user?: { userId: string; deviceSessionId: string } | undefined;
}

/** Mints a service token (RFC 7519, EdDSA) for one request to the API. */
export type MintToken = (claims: TokenClaims) => Promise<string>;

/** Creates the minter of a gateway's key. Tokens name the key by its RFC 7638 thumbprint. */
export function createTokenMinter(deps: { clock: Clock; key: KeyObject }): MintToken {
  const { clock, key } = deps;
  const kid = thumbprintOf({ kty: "OKP", crv: "Ed25519", x: publicKeyOf(key) });
  const keys = { sign: (_keyId: string, data: Uint8Array) => Promise.resolve(sign(null, data, key)) };
  return ({ requestId, user }) => {
    const issuedAt = Math.floor(clock.now().getTime() / 1000);
    return signCompact(
      keys,
      kid,
      { alg: "EdDSA", typ: "JWT", kid },
      {
        iss: SERVICE_TOKEN_ISSUER,
        aud: SERVICE_TOKEN_AUDIENCE,
        iat: issuedAt,
        exp: issuedAt + SERVICE_TOKEN_MAX_SECONDS,
        rid: requestId,
        ...(user === undefined ? {} : { sub: user.userId, sid: user.deviceSessionId }),
      },
    );
  };
}
