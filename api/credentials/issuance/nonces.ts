import { addSeconds } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import type { Context } from "../../../process/context";
import { issuanceError } from "./errors";
import type { NonceStore } from "./store";

export interface NonceDeps extends Pick<Context, "clock" | "blindIndex" | "config"> {
  nonces: NonceStore;
}

/**
 * Makes a nonce for a key proof (OpenID4VCI 1.0 §7). It carries its expiry and a keyed hash of both, so that nothing is
 * stored for whoever merely asks.
 */
export async function createNonce(deps: Omit<NonceDeps, "nonces">, issuer: string): Promise<string> {
  const expiresAt = addSeconds(deps.clock.now(), deps.config.issuance.nonceSeconds);
  const content = `${expiresAt.getTime().toString(36)}.${randomToken()}`;
  return `${content}.${await signNonce(deps, { issuer, content })}`;
}

/**
 * Consumes a nonce that this issuer made.
 *
 * @throws DomainError `openid4vci.invalid_nonce` when it is another's, expired or consumed before
 */
export async function consumeNonce(
  deps: NonceDeps,
  { issuer, nonce }: { issuer: string; nonce: string },
): Promise<void> {
  const [expiry = "", random = "", signature = "", ...rest] = nonce.split(".");
  const expected = await signNonce(deps, { issuer, content: `${expiry}.${random}` });
  if (rest.length > 0 || !equalsInConstantTime(signature, expected)) throw invalid("is none of this issuer's");
  const expiresAt = new Date(parseInt(expiry, 36));
  if (expiresAt <= deps.clock.now()) throw invalid("expired");
  if (!(await deps.nonces.consume(sha256Hex(nonce), expiresAt))) throw invalid("was used before");
}

function signNonce(
  { blindIndex }: Pick<NonceDeps, "blindIndex">,
  { issuer, content }: { issuer: string; content: string },
): Promise<string> {
  return blindIndex("issuance.nonce", `${issuer}.${content}`);
}

function invalid(reason: string) {
  return issuanceError("invalid_nonce", `The nonce ${reason}: ask the nonce endpoint for another.`);
}
