import { createHash, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { drawBytes } from "../../../core/crypto";
import { bitString, element, integer, objectId, sequence, TAG, utcTime } from "./der";

/** What a certificate says. */
export interface CertificateContent {
  /** The common name of whom it is for. */
  subject: string;
  publicKey: KeyObject;
  /** A certificate authority's, or one for a host. */
  kind: { authority: true } | { authority: false; host: string };
  validFrom: Date;
  validUntil: Date;
}

/** Who signs a certificate. */
export interface CertificateIssuer {
  name: string;
  publicKey: KeyObject;
  /** ECDSA on P-256 over the data's SHA-256: r and s, 64 bytes. */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

const ECDSA_WITH_SHA256 = sequence(objectId("1.2.840.10045.4.3.2"));

/**
 * Makes an X.509 certificate (RFC 5280) for development: signed with ECDSA on P-256, with the extensions that wallets
 * look at. A relying party in production brings its own.
 *
 * @returns DER
 */
export async function issueCertificate(content: CertificateContent, issuer: CertificateIssuer): Promise<Buffer> {
  const { subject, publicKey, kind, validFrom, validUntil } = content;
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(drawBytes(16)),
    ECDSA_WITH_SHA256,
    nameOf(issuer.name),
    sequence(utcTime(validFrom), utcTime(validUntil)),
    nameOf(subject),
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(...extensionsOf(kind, publicKey, issuer.publicKey))),
  );
  const signature = await issuer.sign(body);
  // RFC 3279 §2.2.3: r and s as DER.
  const ecdsa = sequence(integer(signature.subarray(0, 32)), integer(signature.subarray(32)));
  return sequence(body, ECDSA_WITH_SHA256, bitString(ecdsa));
}

function extensionsOf(kind: CertificateContent["kind"], subject: KeyObject, issuer: KeyObject): Buffer[] {
  const keyUsage = kind.authority ? bitString(Buffer.of(0x06), 1) : bitString(Buffer.of(0x80), 7);
  return [
    // RFC 5280 §4.2.1.9, §4.2.1.3: critical in an authority's certificate.
    extension("2.5.29.19", kind.authority ? sequence(element(TAG.boolean, Buffer.of(0xff))) : sequence(), true),
    extension("2.5.29.15", keyUsage, true),
    extension("2.5.29.14", element(TAG.octetString, keyIdOf(subject))),
    extension("2.5.29.35", sequence(element(0x80, keyIdOf(issuer)))),
    ...(kind.authority ? [] : [extension("2.5.29.17", sequence(generalName(kind.host)))]),
  ];
}

function extension(id: string, value: Buffer, critical = false): Buffer {
  const flag = critical ? [element(TAG.boolean, Buffer.of(0xff))] : [];
  return sequence(objectId(id), ...flag, element(TAG.octetString, value));
}

/** A host as subject alternative name: IPv4 addresses are not dNSNames (RFC 5280 §4.2.1.6). */
function generalName(host: string): Buffer {
  if (isIP(host) !== 4) return element(0x82, Buffer.from(host, "ascii"));
  return Buffer.concat([
    element(0x87, Buffer.from(host.split(".").map(Number))),
    // Wallets that compare names as text find it there.
    element(0x82, Buffer.from(host, "ascii")),
  ]);
}

function nameOf(commonName: string): Buffer {
  const attribute = sequence(objectId("2.5.4.3"), element(TAG.utf8String, Buffer.from(commonName)));
  return sequence(element(TAG.set, attribute));
}

/** RFC 5280 §4.2.1.2: SHA-1 of the subject's public key names it; nothing is secured by it. */
function keyIdOf(key: KeyObject): Buffer {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  return createHash("sha1").update(point).digest();
}
