import { X509Certificate } from "node:crypto";
import type { Json } from "../../../core/json";
import type { IssuerKey } from "../formats/rules";
import { unproven } from "../rejection";
import { authorityKeyIdOf } from "./extensions";

/** Longer chains than any issuer has are a way to waste time. */
const MAX_CHAIN = 8;

/**
 * The key of an issuer that signs with a certificate (RFC 7515 §4.1.6): trusted when its chain leads to a configured
 * anchor and every certificate on the way is valid now and may issue the next (RFC 5280 §6.1).
 *
 * @param x5c the JWS header's: base64 DER, the issuer's own first
 * @param issuer `iss`; when it is given, it must be a name of the certificate
 * @param anchors certificates that the relying party trusts
 * @throws PresentationRejection `issuer_unknown` when there is no certificate to read
 */
export function issuerKeyOfChain(
  x5c: Json,
  issuer: string | undefined,
  { anchors, now }: { anchors: readonly X509Certificate[]; now: Date },
): IssuerKey {
  const { chain, authorityKeyIds } = parseChain(x5c);
  const [leaf] = chain;
  if (leaf === undefined) throw unproven("issuer_unknown", "x5c is empty.");
  return {
    key: leaf.publicKey,
    authorityKeyIds,
    distrust: distrustOf(chain, leaf, issuer, anchors, now),
  };
}

function parseChain(x5c: Json): { chain: X509Certificate[]; authorityKeyIds: string[] } {
  if (!Array.isArray(x5c) || x5c.length > MAX_CHAIN)
    throw unproven("issuer_unknown", "x5c is no chain of certificates.");
  try {
    const chain = x5c.map((der) => new X509Certificate(Buffer.from(typeof der === "string" ? der : "", "base64")));
    // Keys and extensions are parsed when they are asked for, and may be malformed in a certificate that is not.
    if (chain.some(({ publicKey }) => publicKey.type !== "public")) throw new TypeError("the key is no public key");
    return { chain, authorityKeyIds: chain.flatMap(({ raw }) => authorityKeyIdOf(raw) ?? []) };
  } catch {
    throw unproven("issuer_unknown", "x5c holds something that is no certificate.");
  }
}

function distrustOf(
  chain: readonly X509Certificate[],
  leaf: X509Certificate,
  issuer: string | undefined,
  anchors: readonly X509Certificate[],
  now: Date,
): string | null {
  if (leaf.ca) return "The issuer's certificate is a certificate authority's.";
  if (issuer !== undefined && !isNamed(leaf, issuer)) return "The issuer's certificate is another issuer's (iss).";
  for (const [place, certificate] of chain.entries()) {
    if (!isCurrent(certificate, now)) return "A certificate of the issuer's chain is expired or not valid yet.";
    const anchor = anchors.find((candidate) => issued(candidate, certificate) || candidate.raw.equals(certificate.raw));
    if (anchor !== undefined) return isCurrent(anchor, now) ? null : "The trust anchor expired.";
    const next = chain[place + 1];
    if (next === undefined || !issued(next, certificate)) break;
  }
  return "The issuer's certificates lead to no trusted authority.";
}

function issued(authority: X509Certificate, certificate: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function isCurrent({ validFrom, validTo }: X509Certificate, now: Date): boolean {
  return Date.parse(validFrom) <= now.getTime() && now.getTime() < Date.parse(validTo);
}

/** SD-JWT VC §3.5: `iss` is a URI in the certificate's subject alternative names, or an https URL of a host there. */
function isNamed(leaf: X509Certificate, issuer: string): boolean {
  if ((leaf.subjectAltName ?? "").split(", ").includes(`URI:${issuer}`)) return true;
  const host = URL.canParse(issuer) && issuer.startsWith("https:") ? new URL(issuer).hostname : undefined;
  return host !== undefined && leaf.checkHost(host, { subject: "never" }) !== undefined;
}
