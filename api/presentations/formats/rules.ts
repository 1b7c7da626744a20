import type { KeyObject } from "node:crypto";
import type { JsonObject } from "../../../core/json";
import type { ParsedJws } from "../../../core/keys/verifyJws";

/** The formats of credentials that Cairn's verifier takes: OpenID4VP 1.0 Annex B.1.3.1 and B.3. */
export const CREDENTIAL_FORMATS = ["dc+sd-jwt", "jwt_vc_json"] as const;
export type CredentialFormat = (typeof CREDENTIAL_FORMATS)[number];

/** Whether, and by what, an issuer is trusted. */
export interface IssuerTrust {
  /** Why this issuer is not trusted; null when it is. */
  distrust: string | null;
  /** Key identifiers of the authorities in the issuer's certificate chain, base64url (OpenID4VP 1.0 §6.1.1.1). */
  authorityKeyIds: string[];
}

/** The key of a credential's issuer and what it is worth. */
export interface IssuerKey extends IssuerTrust {
  key: KeyObject;
}

/** A presented credential that its issuer signed and whose holder answered this request; not yet judged. */
export interface ProvenCredential {
  format: CredentialFormat;
  /** As presented: an SD-JWT with its disclosures and no Key Binding JWT, or a JWT. */
  credential: string;
  /** What claims queries select from: the processed payload, or the W3C credential (Annex B.1.2, B.3.3). */
  claims: JsonObject;
  /** `iss`, or the name of the certificate's holder. */
  issuer: string;
  trust: IssuerTrust;
  /** The `vct`, or the credential's types as written and expanded. */
  types: string[];
  validFrom: Date | null;
  validUntil: Date | null;
  /** Where its status is told, as the credential has it. */
  statuses: JsonObject[];
}

/** Finds the keys that presented credentials are verified with. */
export interface KeyPorts {
  /**
   * The key of an issuer.
   *
   * @param header the JWS header, for `kid` and `x5c`
   * @throws PresentationRejection `issuer_unknown`
   * @throws TransientError when whoever knows cannot be asked
   */
  issuerKey(issuer: string | undefined, header: JsonObject): Promise<IssuerKey>;
  /**
   * The address that controls a DID of this registry now, `0x` and 40 lower-case hexadecimal digits; null when the DID
   * is none of this registry's or deactivated.
   */
  controllerOf(did: string): Promise<string | null>;
}

/** Verifies whether a proof of possession was signed by the holder. */
export type HolderVerifier = (jws: ParsedJws) => boolean;
