import { parseRegistryDid } from "../../chain/did/did";
import { isAccredited } from "../../chain/registry/accreditation";
import { formatCredId } from "../../chain/status/credId";
import { drawBytes, randomId } from "../../core/crypto";
import { assertNever, DomainError, TransientError } from "../../core/errors";
import type { Context } from "../../process/context";
import { readIndexedStatuses } from "./indexedStatus";
import {
  type Credential,
  type CredentialContent,
  credentialPayload,
  credentialUnknown,
  expiryOf,
  type Installation,
  type ShownStatus,
  shownStatus,
} from "./rules";
import { type SdJwtVcForm, sdJwtVcContent } from "./sdJwtVc";
import type { CredentialStore, IssuedFilter, Page } from "./store";
import { type TypeDeps, validateClaims } from "./types/actions";

/** Who signs an issuer's credentials. */
export interface CredentialSigner {
  did: string;
  name: string;
  /** The JWS algorithm it signs with. */
  algorithm: string;
  /** Signs a payload as compact JWS, `typ` as given. */
  sign(typ: string, payload: object): Promise<string>;
}

/** How long a credential is valid when its issuer does not say: a year. */
const DEFAULT_VALIDITY_SECONDS = 365 * 24 * 60 * 60;

export interface CredentialDeps extends TypeDeps, Pick<Context, "chain" | "config" | "projection"> {
  credentials: CredentialStore;
  /** Who signs for an issuer now. */
  signerOf(issuer: string): Promise<CredentialSigner>;
  /** An index of the issuer's that nobody else gets. */
  takeIndex(issuer: string): Promise<number>;
  /** Stores an event for the devices of the user who holds a DID, once for each key. */
  appendHolderEvent(event: {
    did: string;
    type: "credential.issued";
    key: string;
    payload: { credentialId: string };
    at: Date;
  }): Promise<void>;
  /** The DIDs of a user's wallets, and those that they control beside. */
  didsOf(userId: string): Promise<HeldDid[]>;
  /** How a user holds a DID: as its controller, as who controlled it when it was deactivated, or not at all. */
  holdingOf(asked: { userId: string; did: string }): Promise<"holder" | "deactivated" | "none">;
}

/** A DID of a user's, and who controls it now: the user's wallet, another account, nobody any more, or nobody can say. */
export interface HeldDid {
  did: string;
  control: "controlled" | "transferred" | "deactivated" | "unverified";
}

/** What issuing needs. */
export type IssueDeps = Omit<CredentialDeps, "didsOf" | "holdingOf">;

type ShowDeps = Pick<CredentialDeps, "clock" | "projection">;

/** A credential and what is shown of its status. */
export interface ShownCredential {
  credential: Credential;
  status: ShownStatus;
}

/** How a credential is to be made. */
export type CredentialForm = { format: "vc+jwt" } | SdJwtVcForm;

/** What an issuer wants issued. */
export interface IssueInput {
  form: CredentialForm;
  issuer: string;
  subjectDid: string;
  type: string;
  claims: Record<string, unknown>;
  maxUsages: number;
  expiresAt: Date | undefined;
  reference: string | undefined;
}

/**
 * Issues a credential: validates its claims, gives it a place in the issuer's status list and signs it. With a
 * reference that the issuer used before, for the same holder and type, it returns the credential of then.
 *
 * @throws DomainError `credential_type.unknown`, `credential.claims_invalid`, `credential.expiry_past`,
 * `credential.reference_taken`, `did.invalid`, `did.method_not_supported`, `did.deactivated`, `issuer.not_accredited`,
 * `issuer.not_ready`
 * @throws TransientError when the chain does not answer, or the index cannot say that the subject's DID is active
 */
export async function issueCredential(
  deps: IssueDeps,
  input: IssueInput,
): Promise<{ shown: ShownCredential; created: boolean }> {
  parseRegistryDid(input.subjectDid, deps.chain.deployment.didMethod);
  const known = await findByReference(deps, input);
  if (known !== null) {
    await tellIssued(deps, known.credential);
    return { shown: known, created: false };
  }
  const credential = await makeCredential(deps, input, randomId());
  if (await deps.credentials.insert(credential)) {
    await tellIssued(deps, credential);
    return { shown: { credential, status: "ACTIVE" }, created: true };
  }
  // Another request with this reference was stored first.
  const first = await findByReference(deps, input);
  if (first === null) throw credentialUnknown();
  return { shown: first, created: false };
}

/** Before the issuer is answered: whoever dies before that is asked again, with the same reference. */
export async function tellIssued(
  { appendHolderEvent }: Pick<CredentialDeps, "appendHolderEvent">,
  { credentialId, subjectDid: did, issuedAt: at }: Credential,
): Promise<void> {
  await appendHolderEvent({ did, type: "credential.issued", key: credentialId, payload: { credentialId }, at });
}

/**
 * A page of the credentials of the DIDs that a user's wallets control now, the newest first. Revoked and suspended ones
 * are left out of what is usable as soon as the index shows them, so a page may hold fewer than asked for while more
 * follow.
 *
 * @returns `last`: the credential after which the next page begins; absent when there is none
 */
export async function listCredentials(
  deps: ShowDeps & Pick<CredentialDeps, "credentials" | "didsOf">,
  asked: { userId: string; usable: boolean; type?: string | undefined; issuer?: string | undefined; page: Page },
): Promise<{ credentials: ShownCredential[]; dids: HeldDid[]; last: Credential | undefined }> {
  const { userId, usable, type, issuer, page } = asked;
  const dids = await deps.didsOf(userId);
  const subjectDids = dids.filter(({ control }) => control === "controlled").map(({ did }) => did);
  if (subjectDids.length === 0) return { credentials: [], dids, last: undefined };
  const usableAt = usable ? deps.clock.now() : null;
  const found = await deps.credentials.ofHolder({ subjectDids, type, issuer, usableAt }, page);
  const shown = await show(deps, found);
  return {
    credentials: usable ? shown.filter(({ status }) => status === "ACTIVE") : shown,
    dids,
    last: found.length === page.limit ? found.at(-1) : undefined,
  };
}

/**
 * A page of what an issuer issued, the newest first.
 *
 * @param asked.reference the issuer's own name of the one that is wanted, instead of a page
 * @returns `last`: the credential after which the next page begins; absent when there is none
 */
export async function listIssued(
  deps: ShowDeps & Pick<CredentialDeps, "credentials">,
  asked: IssuedFilter & { reference?: string | undefined; page: Page },
): Promise<{ credentials: ShownCredential[]; last: Credential | undefined }> {
  const { reference, page, ...filter } = asked;
  if (reference !== undefined) {
    const found = await findReferenced(deps, { ...filter, reference });
    return { credentials: await show(deps, found), last: undefined };
  }
  const found = await deps.credentials.issuedBy(filter, page);
  return { credentials: await show(deps, found), last: found.length === page.limit ? found.at(-1) : undefined };
}

async function findReferenced(
  { credentials }: Pick<CredentialDeps, "credentials">,
  { issuer, reference, subjectDid, type, status }: IssuedFilter & { reference: string },
): Promise<Credential[]> {
  const found = await credentials.findByReference(issuer, reference);
  if (found === null) return [];
  const fits =
    found.subjectDid === (subjectDid ?? found.subjectDid) &&
    found.type === (type ?? found.type) &&
    found.status === (status ?? found.status);
  return fits ? [found] : [];
}

/** @throws DomainError `credential.unknown` when there is none or it is another holder's, `did.deactivated` */
export async function getCredential(
  deps: ShowDeps & Pick<CredentialDeps, "credentials" | "holdingOf">,
  asked: { userId: string; credentialId: string },
): Promise<ShownCredential> {
  return showOne(deps, await requireHeldBy(deps, asked));
}

/** @throws DomainError `credential.unknown` when there is none or it is another issuer's */
export async function getIssuedCredential(
  deps: ShowDeps & Pick<CredentialDeps, "credentials">,
  { issuer, credentialId }: { issuer: string; credentialId: string },
): Promise<ShownCredential> {
  const [credential] = await deps.credentials.ofIssuer(issuer, [credentialId]);
  if (credential === undefined) throw credentialUnknown();
  return showOne(deps, credential);
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

/**
 * What a holder's QR code says: enough for a verifier to open a verification, and nothing that proves anything.
 *
 * @throws DomainError `credential.unknown` when there is none or it is another holder's, `did.deactivated`
 */
export async function shareCredential(
  deps: Pick<CredentialDeps, "credentials" | "holdingOf" | "clock" | "config">,
  asked: { userId: string; credentialId: string },
): Promise<SharePayload> {
  const { credentialId, subjectDid, issuerDid, type } = await requireHeldBy(deps, asked);
  return {
    credentialId,
    subjectDid,
    issuer: issuerDid,
    type,
    timestamp: deps.clock.now().toISOString(),
    verify: `${deps.config.http.publicUrl}/verify`,
  };
}

async function findByReference(
  deps: ShowDeps & Pick<CredentialDeps, "credentials">,
  { issuer, reference, subjectDid, type, form }: IssueInput,
): Promise<ShownCredential | null> {
  if (reference === undefined) return null;
  const known = await deps.credentials.findByReference(issuer, reference);
  if (known === null) return null;
  const isSame = known.subjectDid === subjectDid && known.type === type && known.format === form.format;
  if (isSame) return showOne(deps, known);
  const message = "The issuer gave this reference to another credential: use a fresh one.";
  throw new DomainError("credential.reference_taken", "conflict", message);
}

/** What a credential that can be issued is signed with. */
interface Issuable {
  schemaId: string;
  issuedAt: Date;
  expiresAt: Date;
  signer: CredentialSigner;
}

/**
 * Requires that a credential could be issued now: claims as their type has them, a subject that is active, an issuer
 * that may sign.
 *
 * @throws DomainError and TransientError as {@link issueCredential} does
 */
export async function requireIssuable(
  deps: IssueDeps,
  input: Pick<IssueInput, "issuer" | "subjectDid" | "type" | "claims" | "expiresAt">,
): Promise<Issuable> {
  const { issuer, subjectDid, type, claims } = input;
  const { address: identity } = parseRegistryDid(subjectDid, deps.chain.deployment.didMethod);
  await requireActive(deps, { did: subjectDid, identity });
  const { schemaId } = await validateClaims(deps, { issuer, type, claims });
  const issuedAt = new Date(Math.floor(deps.clock.now().getTime() / 1000) * 1000);
  const expiresAt = expiryOf(input.expiresAt, issuedAt, DEFAULT_VALIDITY_SECONDS);
  const [signer, accredited] = await Promise.all([deps.signerOf(issuer), isAccredited(deps.chain, issuer)]);
  if (!accredited) throw notAccredited();
  return { schemaId, issuedAt, expiresAt, signer };
}

/**
 * Makes a credential, with a place in the issuer's status list; it is not stored yet.
 *
 * @throws DomainError and TransientError as {@link issueCredential} does
 */
export async function makeCredential(deps: IssueDeps, input: IssueInput, credentialId: string): Promise<Credential> {
  const { issuer, subjectDid, type, claims, maxUsages, form, reference = null } = input;
  const { schemaId, issuedAt, expiresAt, signer } = await requireIssuable(deps, input);
  const index = await deps.takeIndex(issuer);
  const content = {
    credentialId,
    credId: formatCredId({ issuer, index }),
    issuer,
    issuerDid: signer.did,
    index,
    subjectDid,
    type,
    schemaId,
    claims,
    issuedAt,
    expiresAt,
  };
  return {
    ...content,
    issuerName: signer.name,
    reference,
    format: form.format,
    jwt: await signAs(form, content, { signer, installation: installationOf(deps) }),
    maxUsages,
    status: "ACTIVE",
    hold: null,
    usageCount: 0,
    uses: [],
    unrecorded: [],
  };
}

/** Signs what an issuer says of a subject, in the form it wants. */
async function signAs(
  form: CredentialForm,
  content: CredentialContent,
  { signer, installation }: { signer: CredentialSigner; installation: Installation },
): Promise<string> {
  switch (form.format) {
    case "vc+jwt":
      return signer.sign("vc+jwt", credentialPayload(content, installation));
    case "dc+sd-jwt": {
      const { publicUrl } = installation;
      const { payload, disclosures } = sdJwtVcContent(content, form, { publicUrl, drawSalt });
      // RFC 9901 §4: the JWT and every disclosure are each followed by a tilde.
      return [await signer.sign("dc+sd-jwt", payload), ...disclosures, ""].join("~");
    }
    default:
      return assertNever(form);
  }
}

/** RFC 9901 §9.3: 128 bits that nobody can guess. */
function drawSalt(): string {
  return drawBytes(16).toString("base64url");
}

async function show({ clock, projection }: ShowDeps, found: Credential[]): Promise<ShownCredential[]> {
  const now = clock.now();
  const statuses = await readIndexedStatuses(
    projection,
    found.map(({ credId }) => credId),
  );
  return found.map((credential) => {
    const bits = statuses.get(credential.credId) ?? { revoked: false, suspended: false };
    return { credential, status: shownStatus(credential, bits, now) };
  });
}

async function showOne(deps: ShowDeps, credential: Credential): Promise<ShownCredential> {
  const [shown] = await show(deps, [credential]);
  if (shown === undefined) throw credentialUnknown();
  return shown;
}

async function requireHeldBy(
  { credentials, holdingOf }: Pick<CredentialDeps, "credentials" | "holdingOf">,
  { userId, credentialId }: { userId: string; credentialId: string },
): Promise<Credential> {
  const credential = await credentials.find(credentialId);
  if (credential === null) throw credentialUnknown();
  const { subjectDid: did } = credential;
  const holding = await holdingOf({ userId, did });
  if (holding === "deactivated") throw subjectDeactivated(did);
  if (holding === "none") throw credentialUnknown();
  return credential;
}

/** Nothing is issued to a DID that nobody can present for, nor while the index may lack an event that says so. */
async function requireActive(
  { projection }: Pick<CredentialDeps, "projection">,
  { did, identity }: { did: string; identity: string },
): Promise<void> {
  const { state } = await projection.findDid(identity);
  if (state === null) return;
  if (state.unverified !== null) {
    const message = `The index cannot say for certain that ${did} is active: ${state.unverified.reason}.`;
    throw new TransientError("index.unverified", message);
  }
  if (!state.active) throw subjectDeactivated(did);
}

function subjectDeactivated(did: string): DomainError {
  const message = `${did} was deactivated, which is final: nobody holds its credentials any more, and none can be issued to it.`;
  return new DomainError("did.deactivated", "gone", message, { details: { did } });
}

/** Where credentials say that their schema and their status are found. */
function installationOf({ chain, config }: Pick<CredentialDeps, "chain" | "config">): Installation {
  const { chainId, deployment } = chain;
  return { publicUrl: config.http.publicUrl, chainId, registry: deployment.contracts.DIDRegistry.address };
}

function notAccredited(): DomainError {
  const message =
    "The chain does not accredit this issuer, so nobody would accept the credential: ask the registry's owner.";
  return new DomainError("issuer.not_accredited", "forbidden", message);
}
