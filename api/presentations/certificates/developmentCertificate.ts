import { createPublicKey, type KeyObject } from "node:crypto";
import { addSeconds, type Clock } from "../../../core/clock";
import type { KeyStore } from "../../../core/keys/keyStore";
import { issueCertificate } from "./issueCertificate";
import type { CertificateStore } from "./store";

/** The key store's names of the development keys. */
const AUTHORITY_KEY = "presentation-development-ca";
const VERIFIER_KEY = "presentation-verifier";

const AUTHORITY_NAME = "Cairn development CA";
const YEAR_SECONDS = 365 * 24 * 60 * 60;

/** A certificate for a key of the key store, and the authority's above it. */
export interface CertifiedKey {
  keyId: string;
  /** DER, the leaf first; without the root. */
  chain: Buffer[];
  /** DER: what a wallet has to trust. */
  root: Buffer;
}

interface DevelopmentCertificateDeps {
  keys: Pick<KeyStore, "create" | "sign">;
  certificates: CertificateStore;
  clock: Clock;
}

/**
 * The certificate that signs requests on a developer's machine, by a local authority. Both are made once and stored, so
 * that a wallet which trusts the authority goes on trusting it.
 *
 * @param host of the public URL: what wallets compare the response URI with
 */
export async function developmentCertificate(
  { keys, certificates, clock }: DevelopmentCertificateDeps,
  host: string,
): Promise<CertifiedKey> {
  const authority = await publicKeyOf(keys, AUTHORITY_KEY);
  const verifier = await publicKeyOf(keys, VERIFIER_KEY);
  const issuer = {
    name: AUTHORITY_NAME,
    publicKey: authority,
    sign: (data: Uint8Array) => keys.sign(AUTHORITY_KEY, data),
  };
  const now = clock.now();
  const times = { validFrom: addSeconds(now, -3600), validUntil: addSeconds(now, YEAR_SECONDS) };
  const root = await certificates.keep(AUTHORITY_KEY, now, async () => ({
    der: await issueCertificate(
      { subject: AUTHORITY_NAME, publicKey: authority, kind: { authority: true }, ...times },
      issuer,
    ),
    validUntil: times.validUntil,
  }));
  const leaf = await certificates.keep(`${VERIFIER_KEY} ${host}`, now, async () => ({
    der: await issueCertificate(
      { subject: host, publicKey: verifier, kind: { authority: false, host }, ...times },
      issuer,
    ),
    validUntil: times.validUntil,
  }));
  return { keyId: VERIFIER_KEY, chain: [leaf], root };
}

async function publicKeyOf(keys: Pick<KeyStore, "create">, keyId: string): Promise<KeyObject> {
  const { publicJwk } = await keys.create("ES256", keyId);
  if (publicJwk === null) throw new RangeError(`the key ${keyId} has no public JWK`);
  return createPublicKey({ key: { ...publicJwk }, format: "jwk" });
}
