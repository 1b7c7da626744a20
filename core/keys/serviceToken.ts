import type { KeyObject } from "node:crypto";
import { DomainError } from "../errors";
import { SERVICE_TOKEN_MAX_SECONDS, ServiceClaims } from "../internalApi";
import { importPublicKey } from "./ed25519";
import { thumbprintOf } from "./jws";
import { parseJws, type ParsedJws, verifyJws } from "./verifyJws";

/** How far the clocks of gateway and API may differ. */
export const SERVICE_CLOCK_SKEW_SECONDS = 10;

/** The public keys of services by their RFC 7638 thumbprints. */
export type ServiceKeys = ReadonlyMap<string, KeyObject>;

/** @param publicKeys raw Ed25519 public keys, base64url of 32 bytes */
export function importServiceKeys(publicKeys: readonly string[]): ServiceKeys {
  const entries = publicKeys.map((x): [string, KeyObject] => [
    thumbprintOf({ kty: "OKP", crv: "Ed25519", x }),
    importPublicKey(Buffer.from(x, "base64url")),
  ]);
  return new Map(entries);
}

/**
 * Verifies a service token: a JWT (RFC 7519) signed with EdDSA (RFC 8037) by one of the keys, issued by a gateway for the
 * internal port, and valid for 60 s at most. Clocks may differ by 10 s.
 *
 * @throws DomainError `service_token.invalid`, `service_token.expired`
 */
export function verifyServiceToken(keys: ServiceKeys, token: string, now: Date): ServiceClaims {
  const jws = parse(token);
  const { alg, kid } = jws.header;
  const key = typeof kid === "string" ? keys.get(kid) : undefined;
  if (key === undefined) throw invalid("names no key that is known here");
  if (alg !== "EdDSA" || !verifyJws(jws, key)) throw invalid("is not signed by the key that it names");
  const claims = ServiceClaims.safeParse(jws.payload);
  if (!claims.success) throw invalid("lacks claims, or is not for this port");
  requireValidNow(claims.data, now.getTime() / 1000);
  return claims.data;
}

function parse(token: string): ParsedJws {
  try {
    return parseJws(token);
  } catch (error) {
    throw invalid("is no JWT", error);
  }
}

function requireValidNow({ iat, exp }: ServiceClaims, nowSeconds: number): void {
  if (exp <= iat || exp > iat + SERVICE_TOKEN_MAX_SECONDS) {
    throw invalid(`is not valid for 1 to ${SERVICE_TOKEN_MAX_SECONDS} s`);
  }
  if (iat > nowSeconds + SERVICE_CLOCK_SKEW_SECONDS) throw invalid("is issued in the future: compare the clocks");
  if (exp > nowSeconds - SERVICE_CLOCK_SKEW_SECONDS) return;
  const message = "The service token expired: mint one for each request, and compare the clocks.";
  throw new DomainError("service_token.expired", "unauthenticated", message);
}

function invalid(problem: string, cause?: unknown): DomainError {
  return new DomainError("service_token.invalid", "unauthenticated", `The service token ${problem}.`, { cause });
}
