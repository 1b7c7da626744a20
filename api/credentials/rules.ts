import { CONTEXT, OWN_CONTEXT_PATH } from "../../chain/did/contexts";
import { statusPosition } from "../../chain/status/credId";
import { assertNever, DomainError } from "../../core/errors";

/** Most uses a credential may be given: each is stored within the credential's document. */
export const MAX_USAGES = 1_000;

/** What an issuer may ask for. Revoking is final; a suspension can be lifted, which is `reinstate`. */
export const STATUS_CHANGES = ["revoke", "suspend", "reinstate"] as const;
export type StatusChange = (typeof STATUS_CHANGES)[number];

/** What is shown of a credential's status. */
export const SHOWN_STATUSES = ["ACTIVE", "USED", "EXPIRED", "SUSPENDED", "REVOKED"] as const;
export type ShownStatus = (typeof SHOWN_STATUSES)[number];

/** One use of a credential, as it was taken. */
export interface Use {
  verificationId: string;
  verifierId: string;
  verifierName: string;
  presenterDid: string;
  /** SHA-256 of the confirmation that took it: the same confirmation gets the same answer. */
  confirmationHash: string;
  ip: string;
  usedAt: Date;
  /** The block by which the chain was asked. */
  block: { number: number; hash: string };
}

/** A change the issuer asked for: nobody can use the credential until it is undone. */
export interface Hold {
  change: Exclude<StatusChange, "reinstate">;
  changeId: string;
}

/** The formats credentials are issued in: VC-JOSE-COSE §3.1.1 and SD-JWT VC §2. */
export const ISSUED_FORMATS = ["vc+jwt", "dc+sd-jwt"] as const;
export type IssuedFormat = (typeof ISSUED_FORMATS)[number];

/** A credential. Stored, its claims, its reference and its JWT are encrypted. */
export interface Credential {
  /** UUID; unlike `credId` it cannot be guessed. */
  credentialId: string;
  /** Names the issuer and the index on the chain: `0x` and 64 lower-case hexadecimal digits. */
  credId: string;
  issuer: string;
  issuerDid: string;
  issuerName: string;
  index: number;
  subjectDid: string;
  type: string;
  schemaId: string;
  claims: Record<string, unknown>;
  /** The issuer's own name for it. */
  reference: string | null;
  format: IssuedFormat;
  /** What the issuer signed; of a `dc+sd-jwt` with every disclosure, each followed by `~`. */
  jwt: string;
  status: "ACTIVE" | "USED";
  hold: Hold | null;
  maxUsages: number;
  usageCount: number;
  uses: Use[];
  /** Verifications whose use is not known to be in the usage log yet. */
  unrecorded: string[];
  issuedAt: Date;
  expiresAt: Date;
}

/** Both bits of a credential, as the chain or the index has them. */
export interface StatusBits {
  revoked: boolean;
  suspended: boolean;
}

/** What is shown of a credential's status: the worst of all that is known. */
export function shownStatus(
  credential: Pick<Credential, "status" | "expiresAt">,
  bits: StatusBits,
  now: Date,
): ShownStatus {
  if (bits.revoked) return "REVOKED";
  if (bits.suspended) return "SUSPENDED";
  if (credential.status === "USED") return "USED";
  return credential.expiresAt <= now ? "EXPIRED" : "ACTIVE";
}

/** What a credential's JWT is made of. */
export interface CredentialContent {
  credentialId: string;
  credId: string;
  issuerDid: string;
  issuer: string;
  index: number;
  subjectDid: string;
  type: string;
  schemaId: string;
  claims: Record<string, unknown>;
  issuedAt: Date;
  expiresAt: Date;
}

/** Where credentials say that their schema and their status are found. */
export interface Installation {
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  chainId: number;
  /** Address of the DIDRegistry. */
  registry: string;
}

/** Where the JSON Schema of a credential type is served. */
export function schemaUrl(publicUrl: string, schemaId: string): string {
  return `${publicUrl}/credential-schemas/${schemaId}`;
}

/** The `vct` of an issuer's SD-JWT VCs of a type, at which its type metadata is served. */
export function typeUrl(publicUrl: string, { issuer, type }: { issuer: string; type: string }): string {
  return `${publicUrl}/credential-types/${issuer}/${type}`;
}

/**
 * The payload of a credential (VC Data Model 2.0 §4, secured by VC-JOSE-COSE §3.1.1). It names the W3C
 * status lists that hold its revocation and its suspension, and its place on the chain, from which they are made. Its
 * contexts give every term an IRI, the claims' names included: JSON-LD processors in safe mode drop nothing.
 */
export function credentialPayload(content: CredentialContent, installation: Installation): Record<string, unknown> {
  const { credentialId, credId, issuerDid, subjectDid, issuedAt, expiresAt, claims } = content;
  const { chainId } = installation;
  const registry = installation.registry.toLowerCase();
  const id = `urn:uuid:${credentialId}`;
  return {
    "@context": [CONTEXT.credentials, `${installation.publicUrl}${OWN_CONTEXT_PATH}`, CONTEXT.undefinedTerms],
    id,
    type: ["VerifiableCredential", content.type],
    issuer: issuerDid,
    validFrom: issuedAt.toISOString(),
    validUntil: expiresAt.toISOString(),
    credentialSubject: { ...claims, id: subjectDid },
    credentialSchema: { id: schemaUrl(installation.publicUrl, content.schemaId), type: "JsonSchema" },
    credentialStatus: [
      listEntry(content, installation, "revocation"),
      listEntry(content, installation, "suspension"),
      {
        id: `eip155:${chainId}:${registry}/${credId}`,
        type: "CairnRegistryStatus",
        chainId,
        registry,
        credId,
      },
    ],
    // VC-JOSE-COSE §3.1.3: registered claims that say the same as the credential itself.
    iss: issuerDid,
    sub: subjectDid,
    jti: id,
    iat: Math.floor(issuedAt.getTime() / 1000),
    exp: Math.floor(expiresAt.getTime() / 1000),
  };
}

/** Bitstring Status List v1.0 §2.1. */
function listEntry(
  { issuer, index }: CredentialContent,
  { publicUrl }: Installation,
  statusPurpose: "revocation" | "suspension",
) {
  const { list, listIndex } = statusPosition(index);
  const statusListCredential = `${publicUrl}/status-lists/${issuer}/${statusPurpose}/${list}`;
  return {
    id: `${statusListCredential}#${listIndex}`,
    type: "BitstringStatusListEntry",
    statusPurpose,
    statusListIndex: String(listIndex),
    statusListCredential,
  };
}

/**
 * When a credential to be issued expires.
 *
 * @throws DomainError `credential.expiry_past`
 */
export function expiryOf(asked: Date | undefined, now: Date, defaultSeconds: number): Date {
  const expiresAt = asked ?? new Date(now.getTime() + defaultSeconds * 1000);
  // JWT times are whole seconds: the credential itself shall say the very same.
  const whole = new Date(Math.floor(expiresAt.getTime() / 1000) * 1000);
  if (whole > now) return whole;
  throw new DomainError("credential.expiry_past", "invalid", "expiresAt lies in the past: give a time to come.", {
    fields: [{ field: "body.expiresAt", message: "lies in the past" }],
  });
}

/** The rejection of a credential id that does not exist, or is not the caller's to see. */
export function credentialUnknown(): DomainError {
  return new DomainError("credential.unknown", "not_found", "There is no such credential, or it is not yours to see.");
}

/**
 * Rejects a change of status that contradicts an earlier one.
 *
 * @throws DomainError `credential.revocation_final`
 */
export function requireChangeable(
  credentials: Pick<Credential, "credentialId" | "hold">[],
  change: StatusChange,
): void {
  if (change === "revoke") return;
  const revoked = credentials.find(({ hold }) => hold?.change === "revoke");
  if (revoked === undefined) return;
  const message = `Credential ${revoked.credentialId} is revoked, which is final.`;
  throw new DomainError("credential.revocation_final", "conflict", message);
}

/** Whether both bits of a credential are what a change makes them. */
export function isDone(change: StatusChange, bits: StatusBits): boolean {
  switch (change) {
    case "revoke":
      return bits.revoked;
    case "suspend":
      return bits.suspended;
    case "reinstate":
      return !bits.suspended;
    default:
      return assertNever(change);
  }
}
