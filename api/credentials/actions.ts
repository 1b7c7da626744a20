import type { Clock } from "../../core/clock";
import { randomId } from "../../core/crypto";
import { parseRegistryDid } from "../../chain/did/did";
import { DomainError } from "../../core/errors";
import { formatCredId } from "../../chain/status/credId";
import type { ChangeStore, StatusChangeJob } from "./statusChanges/store";
import { prepareSchema, requireClaims } from "./types/rules";
import {
  type Credential,
  type Places,
  type ShownStatus,
  type StatusBits,
  type StatusChange,
  credentialPayload,
  credentialUnknown,
  expiryOf,
  requireChangeable,
  shownStatus,
} from "./rules";
import type { CredentialStore, Page } from "./store";
import type { ClaimSchema, TypeStore } from "./types/store";

/** What the use cases of credentials need from around them. */
export interface CredentialParts {
  credentials: CredentialStore;
  types: TypeStore;
  changes: ChangeStore;
  clock: Clock;
  places: Places;
  didMethod: string;
  /** How long a credential is valid when its issuer does not say. */
  defaultValiditySeconds: number;
  /** Who signs for an issuer now. */
  signerOf(issuer: string): Promise<{ did: string; name: string; sign(typ: string, payload: object): Promise<string> }>;
  /** An index of the issuer's that nobody else gets. */
  takeIndex(issuer: string): Promise<number>;
  /** Whether the chain accredits the issuer. */
  isAccredited(issuer: string): Promise<boolean>;
  /** Both bits of credentials as the index has them, by credId. */
  indexedStatus(credIds: string[]): Promise<Map<string, StatusBits>>;
  /** The DIDs a user has proved control of. */
  didsOf(userId: string): Promise<string[]>;
  enqueueChange(changeId: string, requestId?: string): Promise<void>;
}

/** A credential and what is shown of its status. */
export interface ShownCredential {
  credential: Credential;
  status: ShownStatus;
}

/** What an issuer wants issued. */
export interface IssueInput {
  issuer: string;
  subjectDid: string;
  type: string;
  claims: Record<string, unknown>;
  maxUsages: number;
  expiresAt: Date | undefined;
  reference: string | undefined;
}

/** The use cases of credentials. */
export type CredentialActions = ReturnType<typeof credentialActions>;

/** Makes the use cases of credentials. */
export function credentialActions(parts: CredentialParts) {
  const { credentials, types, changes, clock, places } = parts;

  async function show(found: Credential[]): Promise<ShownCredential[]> {
    const now = clock.now();
    const statuses = await parts.indexedStatus(found.map(({ credId }) => credId));
    return found.map((credential) => {
      const bits = statuses.get(credential.credId) ?? { revoked: false, suspended: false };
      return { credential, status: shownStatus(credential, bits, now) };
    });
  }

  async function showOne(credential: Credential): Promise<ShownCredential> {
    const [shown] = await show([credential]);
    if (shown === undefined) throw credentialUnknown();
    return shown;
  }

  async function ownedBy(userId: string, credentialId: string): Promise<Credential> {
    const [credential, dids] = await Promise.all([credentials.find(credentialId), parts.didsOf(userId)]);
    if (credential === null || !dids.includes(credential.subjectDid)) throw credentialUnknown();
    return credential;
  }

  return {
    /**
     * Sets the JSON Schema that claims of an issuer's type are validated against from now on.
     *
     * @throws DomainError `credential_type.schema_invalid`
     */
    async putType(issuer: string, type: string, schema: Record<string, unknown>): Promise<ClaimSchema> {
      const claimSchema = { ...prepareSchema(issuer, type, schema), issuer, type, createdAt: clock.now() };
      await types.put(claimSchema);
      return claimSchema;
    },

    /** @throws DomainError `credential_type.unknown` */
    async schema(schemaId: string): Promise<ClaimSchema> {
      return (await types.find(schemaId)) ?? typeUnknown("There is no schema of this name.");
    },

    /**
     * Issues a credential: validates its claims, gives it a place in the issuer's status list and signs it. With a
     * reference that the issuer used before, for the same holder and type, it returns the credential of then.
     *
     * @throws DomainError `credential_type.unknown`, `credential.claims_invalid`, `credential.expiry_past`,
     * `credential.reference_taken`, `did.invalid`, `did.method_not_supported`, `issuer.not_accredited`, `issuer.not_ready`
     * @throws TransientError when the chain does not answer
     */
    async issue(input: IssueInput): Promise<{ shown: ShownCredential; created: boolean }> {
      const { issuer, subjectDid, type, claims, maxUsages, reference = null } = input;
      parseRegistryDid(subjectDid, parts.didMethod);
      const known = reference === null ? null : await credentials.findByReference(issuer, reference);
      if (known !== null) return { shown: await showOne(requireSame(known, input)), created: false };

      const schema = await types.current(issuer, type);
      if (schema === null) {
        return typeUnknown(
          `The issuer has no credential type ${type}: put its schema at /credential-types/${type} first.`,
        );
      }
      requireClaims(schema, claims);
      const issuedAt = new Date(Math.floor(clock.now().getTime() / 1000) * 1000);
      const expiresAt = expiryOf(input.expiresAt, issuedAt, parts.defaultValiditySeconds);
      const [signer, accredited] = await Promise.all([parts.signerOf(issuer), parts.isAccredited(issuer)]);
      if (!accredited) throw notAccredited();

      const index = await parts.takeIndex(issuer);
      const credId = formatCredId({ issuer, index });
      const content = {
        credentialId: randomId(),
        credId,
        issuer,
        issuerDid: signer.did,
        index,
        subjectDid,
        type,
        claims,
      };
      const full = { ...content, schemaId: schema.schemaId, issuedAt, expiresAt };
      const jwt = await signer.sign("vc+jwt", credentialPayload(full, places));
      const credential: Credential = {
        ...full,
        ...{ issuerName: signer.name, reference, jwt, maxUsages },
        ...{ status: "ACTIVE", hold: null, usageCount: 0, uses: [], unrecorded: [] },
      };
      if (await credentials.insert(credential)) return { shown: { credential, status: "ACTIVE" }, created: true };
      const first = await credentials.findByReference(issuer, reference ?? "");
      if (first === null) throw credentialUnknown();
      return { shown: await showOne(requireSame(first, input)), created: false };
    },

    /**
     * A page of a user's credentials, the newest first. Revoked and suspended ones are left out of what is usable as soon
     * as the index shows them, so a page may hold fewer than asked for while more follow.
     */
    async listFor(
      userId: string,
      asked: { usable: boolean; type?: string | undefined; issuer?: string | undefined },
      page: Page,
    ) {
      const { usable, ...filter } = asked;
      const subjectDids = await parts.didsOf(userId);
      const which = usable ? { usable, now: clock.now() } : { usable };
      const found = subjectDids.length === 0 ? [] : await credentials.ofHolder({ subjectDids, which, ...filter }, page);
      const shown = await show(found);
      const visible = usable ? shown.filter(({ status }) => status === "ACTIVE") : shown;
      return { credentials: visible, last: found.length === page.limit ? found.at(-1) : undefined };
    },

    /** @throws DomainError `credential.unknown` when there is none or it is another holder's */
    getFor: async (userId: string, credentialId: string) => showOne(await ownedBy(userId, credentialId)),

    /** @throws DomainError `credential.unknown` when there is none or it is another issuer's */
    async getForIssuer(issuer: string, credentialId: string): Promise<ShownCredential> {
      const [credential] = await credentials.ofIssuer(issuer, [credentialId]);
      if (credential === undefined) throw credentialUnknown();
      return showOne(credential);
    },

    /**
     * What a holder's QR code says: enough for a verifier to open a verification, and nothing that proves anything.
     *
     * @throws DomainError `credential.unknown`
     */
    async shareFor(userId: string, credentialId: string): Promise<SharePayload> {
      const { subjectDid, issuerDid, type } = await ownedBy(userId, credentialId);
      const verify = `${places.publicUrl}/verify`;
      return { credentialId, subjectDid, issuer: issuerDid, type, timestamp: clock.now().toISOString(), verify };
    },

    /**
     * Asks for a change of status on the chain. From now on nobody can use a credential that is to be revoked or
     * suspended; a suspension is lifted only when the chain shows it.
     *
     * @throws DomainError `credential.unknown`, `credential.revocation_final`
     */
    async requestChange(input: { issuer: string; change: StatusChange; credentialIds: string[]; requestId?: string }) {
      const { issuer, change } = input;
      const credentialIds = [...new Set(input.credentialIds)];
      const found = await credentials.ofIssuer(issuer, credentialIds);
      if (found.length < credentialIds.length) throw unknownAmong(credentialIds, found);
      requireChangeable(found, change);
      const now = clock.now();
      const credIds = found.map(({ credId }) => credId).sort();
      const job: StatusChangeJob = {
        ...{ changeId: randomId(), issuer, change, credentialIds, credIds, state: "queued" },
        ...{ transactionHash: null, blockNumber: null, fault: null, createdAt: now, updatedAt: now },
      };
      // The intent first: whoever dies after this line leaves something the worker finds and carries out.
      await changes.insert(job);
      if (change !== "reinstate") await credentials.hold(issuer, credentialIds, { change, changeId: job.changeId });
      await parts.enqueueChange(job.changeId, input.requestId);
      return job;
    },

    /** @throws DomainError `credential.change_unknown` when there is none or it is another issuer's */
    async getChange(issuer: string, changeId: string): Promise<StatusChangeJob> {
      const job = await changes.find(changeId);
      if (job !== null && job.issuer === issuer) return job;
      throw new DomainError(
        "credential.change_unknown",
        "not_found",
        "There is no such change of status, or it is not yours.",
      );
    },
  };
}

/** The content of a holder's QR code. */
export interface SharePayload {
  credentialId: string;
  subjectDid: string;
  issuer: string;
  type: string;
  /** When it was made, ISO 8601. */
  timestamp: string;
  /** Where a verifier opens a verification. */
  verify: string;
}

function requireSame(known: Credential, asked: IssueInput): Credential {
  if (known.subjectDid === asked.subjectDid && known.type === asked.type) return known;
  const message = "The issuer gave this reference to another credential: use a fresh one.";
  throw new DomainError("credential.reference_taken", "conflict", message);
}

function typeUnknown(message: string): never {
  throw new DomainError("credential_type.unknown", "not_found", message);
}

function notAccredited(): DomainError {
  const message =
    "The chain does not accredit this issuer, so nobody would accept the credential: ask the registry's owner.";
  return new DomainError("issuer.not_accredited", "forbidden", message);
}

function unknownAmong(asked: string[], found: Credential[]): DomainError {
  const known = new Set(found.map(({ credentialId }) => credentialId));
  const missing = asked.filter((credentialId) => !known.has(credentialId));
  const message = `These are no credentials of yours, and none was changed: ${missing.join(", ")}.`;
  return new DomainError("credential.unknown", "not_found", message, { details: { credentialIds: missing } });
}
