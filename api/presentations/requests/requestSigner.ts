import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Chain } from "../../../chain/client";
import { parseRegistryDid } from "../../../chain/did/did";
import { assertNever, DomainError } from "../../../core/errors";
import { signCompact } from "../../../core/keys/jws";
import type { KeyStore } from "../../../core/keys/keyStore";
import type { Context } from "../../../process/context";
import { developmentCertificate } from "../certificates/developmentCertificate";
import type { CertificateStore } from "../certificates/store";
import { clientIdOf } from "./clientIdentifier";
import { responseUriOf } from "./paths";

/** Signs request objects, and says who does. */
export interface RequestSigner {
  /** With prefix: what wallets show and presentations are made for. */
  clientId: string;
  /**
   * Makes a signed request object (RFC 9101, OpenID4VP 1.0 §5.10).
   *
   * @returns a compact JWS of type `oauth-authz-req+jwt`
   */
  sign(claims: object): Promise<string>;
}

const TYPE = "oauth-authz-req+jwt";

/** The media type of a request object (RFC 9101 §10.8.2): exactly this, since wallets compare it. */
export const REQUEST_OBJECT_MEDIA_TYPE = `application/${TYPE}`;

export interface RequestSignerDeps extends Pick<Context, "keys" | "clock"> {
  config: Pick<Context["config"], "http" | "presentations" | "production">;
  certificates: CertificateStore;
  chain: Pick<Chain, "deployment">;
  /** Signs in the name of an issuer of this installation, by its address; `kid` included. */
  signerOf(issuer: string): Promise<{ sign(typ: string, payload: object): Promise<string> }>;
}

/**
 * Creates the signer of request objects, as configured: with a certificate, with a DID's key, or not at all.
 *
 * @throws DomainError `presentation.not_configured` in production without a certificate
 * @throws Error when a file cannot be read, or the key is another certificate's
 */
export async function createRequestSigner(deps: RequestSignerDeps): Promise<RequestSigner> {
  const { http, presentations } = deps.config;
  const { clientIdPrefix: prefix, did } = presentations;
  const responseUri = responseUriOf(http.publicUrl);
  switch (prefix) {
    case "redirect_uri":
      return { clientId: clientIdOf({ prefix, responseUri }), sign: () => Promise.reject(notSigned()) };
    case "decentralized_identifier": {
      if (did === null) throw notConfigured();
      const { address } = parseRegistryDid(did, deps.chain.deployment.didMethod);
      const { sign: signAs } = await deps.signerOf(address);
      return { clientId: clientIdOf({ prefix, did }), sign: (claims) => signAs(TYPE, claims) };
    }
    case "x509_san_dns":
    case "x509_hash": {
      const { chain, keys, keyId } = await certifiedKey(deps);
      const [leaf] = chain;
      if (leaf === undefined) throw notConfigured();
      const x5c = chain.map((der) => der.toString("base64"));
      return {
        clientId: clientIdOf(prefix === "x509_hash" ? { prefix, leaf } : { prefix, responseUri }),
        sign: (claims) => signCompact(keys, keyId, { alg: "ES256", typ: TYPE, x5c }, claims),
      };
    }
    default:
      return assertNever(prefix);
  }
}

/** A key that signs, and its certificates in DER, the leaf first. */
interface CertifiedKey {
  chain: Buffer[];
  keys: Pick<KeyStore, "sign">;
  keyId: string;
}

async function certifiedKey(deps: RequestSignerDeps): Promise<CertifiedKey> {
  const { certificateFile, keyFile } = deps.config.presentations;
  if (certificateFile !== null && keyFile !== null) return readCertifiedKey(certificateFile, keyFile);
  if (deps.config.production) throw notConfigured();
  const host = new URL(deps.config.http.publicUrl).hostname;
  const { chain, keyId } = await developmentCertificate(deps, host);
  return { chain, keys: deps.keys, keyId };
}

async function readCertifiedKey(certificateFile: string, keyFile: string): Promise<CertifiedKey> {
  const [certificates, keyPem] = await Promise.all([readFile(certificateFile, "utf8"), readFile(keyFile, "utf8")]);
  const chain = parseCertificates(certificates);
  const privateKey = createPrivateKey(keyPem);
  const [leaf] = chain;
  if (leaf?.checkPrivateKey(privateKey) !== true) {
    throw new Error(`the key in ${keyFile} is not that of the first certificate in ${certificateFile}`);
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new Error(`the key in ${keyFile} is not on P-256, which wallets expect (ES256)`);
  }
  const keys = {
    sign: (_keyId: string, data: Uint8Array) =>
      Promise.resolve(sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" })),
  };
  // OpenID4VP 1.0 §5.9.3: the trust anchor stays out of x5c.
  const withoutRoot = chain.filter((certificate, place) => place === 0 || !certificate.checkIssued(certificate));
  return { chain: withoutRoot.map(({ raw }) => raw), keys, keyId: keyFile };
}

/** The certificates of a PEM file, in its order. @throws Error when one is malformed */
export function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

function notConfigured(): DomainError {
  return new DomainError(
    "presentation.not_configured",
    "not_implemented",
    "This installation asks for no presentations: its operator has configured no certificate to sign requests with.",
  );
}

function notSigned(): DomainError {
  return new DomainError(
    "presentation.not_signed",
    "not_found",
    "Requests of this installation are not signed: the link itself holds the request (redirect_uri).",
  );
}
