import { type KeyObject, X509Certificate } from "node:crypto";
import type { Json } from "../../../core/json";
import type { IssuerKey } from "../formats/rules";
import { unproven } from "../rejection";
import { authorityKeyIdOf } from "./extensions";

/** Longer chains than any issuer has are a way to waste time. */
const MAX_CHAIN = 8;

/** An issuer's certificates and where they lead; whom and when they are trusted for is decided by `issuerKeyOf`. */
export interface IssuerChain {
  leaf: X509Certificate;
  key: KeyObject;
  /** Key identifiers of the authorities, base64url. */
  authorityKeyIds: string[];
  /** From the issuer's own on, each issued by the next; the last one by the anchor, or itself the anchor. */
  path: Timed[];
  /** Null when they lead to none. */
  anchor: Timed | null;
}

/** When a certificate is valid, in milliseconds since the epoch. */
interface Timed {
  notBeforeMs: number;
  notAfterMs: number;
}

/**
 * Reads the certificates that an issuer signs with (RFC 7515 §4.1.6) and follows them to a configured anchor: each must
 * have been issued by the next (RFC 5280 §6.1).
 *
 * @param x5c the JWS header's: base64 DER, the issuer's own first
 * @param anchors certificates that the relying party trusts
 * @throws PresentationRejection `issuer_unknown` when there is no certificate to read
 */
export function readIssuerChain(x5c: Json, anchors: readonly X509Certificate[]): IssuerChain {
  const { chain, authorityKeyIds } = parseChain(x5c);
  const [leaf] = chain;
  if (leaf === undefined) throw unproven("issuer_unknown", "x5c is empty.");
  return { leaf, key: leaf.publicKey, authorityKeyIds, ...pathOf(chain, anchors) };
}

/**
 * The key of an issuer that signs with a certificate: trusted when its chain leads to an anchor, every certificate on the
 * way is valid now, and the issuer's own is no authority's.
 *
 * @param issuer `iss`; when it is given, it must be a name of the certificate
 */
export function issuerKeyOf(chain: IssuerChain, issuer: string | undefined, now: Date): IssuerKey {
  const { key, authorityKeyIds } = chain;
  return { key, authorityKeyIds, distrust: distrustOf(chain, issuer, now.getTime()) };
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

function pathOf(
  chain: readonly X509Certificate[],
  anchors: readonly X509Certificate[],
): Pick<IssuerChain, "path" | "anchor"> {
  const path: Timed[] = [];
  for (const [place, certificate] of chain.entries()) {
    path.push(timesOf(certificate));
    const anchor = anchors.find((candidate) => issued(candidate, certificate) || candidate.raw.equals(certificate.raw));
    if (anchor !== undefined) return { path, anchor: timesOf(anchor) };
    const next = chain[place + 1];
    if (next === undefined || !issued(next, certificate)) break;
  }
  return { path, anchor: null };
}

function distrustOf({ leaf, path, anchor }: IssuerChain, issuer: string | undefined, nowMs: number): string | null {
  if (leaf.ca) return "The issuer's certificate is a certificate authority's.";
  if (issuer !== undefined && !isNamed(leaf, issuer)) return "The issuer's certificate is another issuer's (iss).";
  const isCurrent = ({ notBeforeMs, notAfterMs }: Timed) => notBeforeMs <= nowMs && nowMs < notAfterMs;
  if (!path.every(isCurrent)) return "A certificate of the issuer's chain is expired or not valid yet.";
  if (anchor === null) return "The issuer's certificates lead to no trusted authority.";
  return isCurrent(anchor) ? null : "The trust anchor expired.";
}

function issued(authority: X509Certificate, certificate: X509Certificate): boolean {
  return authority.ca && certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function timesOf({ validFrom, validTo }: X509Certificate): Timed {
  return { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
}

/** SD-JWT VC §3.5: `iss` is a URI in the certificate's subject alternative names, or an https URL of a host there. */
function isNamed(leaf: X509Certificate, issuer: string): boolean {
  if ((leaf.subjectAltName ?? "").split(", ").includes(`URI:${issuer}`)) return true;
  const host = URL.canParse(issuer) && issuer.startsWith("https:") ? new URL(issuer).hostname : undefined;
  return host !== undefined && leaf.checkHost(host, { subject: "never" }) !== undefined;
}
