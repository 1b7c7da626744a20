import { createPublicKey, generateKeyPairSync, type KeyObject, sign, X509Certificate } from "node:crypto";
import {
  type CertificateContent,
  type CertificateIssuer,
  issueCertificate,
} from "../../../api/presentations/certificates/issueCertificate";

/** Who has a certificate. */
export interface Party {
  name: string;
  privateKey: KeyObject;
  certificate: X509Certificate;
}

/** Makes a certificate, issued by another party or by itself. */
export async function party(
  name: string,
  kind: CertificateContent["kind"],
  by?: Party,
  validUntil = new Date("2028-01-01T00:00:00Z"),
): Promise<Party> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const content = { subject: name, publicKey, kind, validFrom: new Date("2025-01-01T00:00:00Z"), validUntil };
  const der = await issueCertificate(content, issuerOf(by ?? { name, privateKey }));
  return { name, privateKey, certificate: new X509Certificate(der) };
}

export function issuerOf({ name, privateKey }: Pick<Party, "name" | "privateKey">): CertificateIssuer {
  return {
    name,
    publicKey: createPublicKey(privateKey),
    sign: (data) => Promise.resolve(sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" })),
  };
}

/** As `x5c` has it. */
export function encoded({ certificate }: Party): string {
  return certificate.raw.toString("base64");
}
