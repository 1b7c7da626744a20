import { decodeBytes32String, getAddress } from "ethers";
import { CONTEXT, OWN_CONTEXT_PATH } from "./contexts";
import { formatDid } from "./did";
import { isUri } from "./uri";

/** A role an account holds for an identity, by the registry's events. */
export interface Delegation {
  /** 32 bytes, `0x` and 64 hexadecimal digits; by convention a left-aligned ASCII name such as `status`. */
  role: string;
  /** `0x` and 40 hexadecimal digits. */
  delegate: string;
  /** The first moment at which the role no longer holds. */
  expiresAt: Date;
}

/** What a DID document is made of: one version of an active identity. */
export interface DidSubject {
  method: string;
  chainId: number;
  /** The identity's address. */
  address: string;
  controller: string;
  documentUri: string;
  delegations: Delegation[];
  /** The signing keys of the document whose digest the chain has; none where that document is not at hand. */
  keys: PublishedKey[];
}

/** A key of a hosted DID document that may assert. */
export interface PublishedKey {
  /** `<did>#<name>` */
  id: string;
  /** RFC 7517. */
  publicKeyJwk: object;
}

/** An account, by which the chain knows who controls or acts for an identity. */
export interface AccountMethod {
  id: string;
  /**
   * For every account, though contracts and the accounts of other keys (ERC-7913) have no key of secp256k1: the chain
   * does not say how an account signs. By it nothing is accepted wrongly: nobody can make a signature that recovers to
   * such an account.
   */
  type: "EcdsaSecp256k1RecoveryMethod2020";
  controller: string;
  /** CAIP-10 account: `eip155:<chain id>:<address with checksum>`. */
  blockchainAccountId: string;
}

/** A key that signs credentials. */
export interface KeyMethod {
  id: string;
  /** The name under which libraries know a key in JWK form. */
  type: "JsonWebKey2020";
  controller: string;
  publicKeyJwk: object;
}

export type VerificationMethod = AccountMethod | KeyMethod;

export interface Service {
  id: string;
  type: string;
  serviceEndpoint: string;
}

/** A DID document (DID 1.0 §4, §5) in its abstract data model; {@link withContext} makes it JSON-LD. */
export interface DidDocument {
  id: string;
  controller?: string;
  verificationMethod: VerificationMethod[];
  authentication: string[];
  assertionMethod: string[];
  capabilityInvocation?: string[];
  capabilityDelegation?: string[];
  service?: Service[];
}

/** Roles that are verification relationships by their names (DID 1.0 §5.3). */
type Relationship = "authentication" | "assertionMethod" | "capabilityInvocation" | "capabilityDelegation";

/**
 * The DID document of an active identity.
 *
 * The controller's account authenticates and asserts. A delegate has the relationship its role names; under any other
 * role, `status` among them, it is listed as a verification method and given no relationship. The keys of the hosted
 * document assert, unless one takes the id of an account. Where the identity keeps its document it has a service of type
 * `DidDocument`.
 *
 * @param now delegations that end at or before this moment are left out
 */
export function buildDidDocument(subject: DidSubject, now: Date): DidDocument {
  const id = formatDid(subject.method, subject.address);
  const controlling = `${id}#controller`;
  const live = subject.delegations.filter(({ expiresAt }) => expiresAt > now);
  const holders = (role: Relationship) =>
    live.filter((delegation) => roleName(delegation.role) === role).map(({ delegate }) => delegateId(id, delegate));
  const invocation = unique(holders("capabilityInvocation"));
  const delegation = unique(holders("capabilityDelegation"));
  const accounts = [
    accountMethod(controlling, id, subject.chainId, subject.controller),
    ...unique(live.map(({ delegate }) => delegate.toLowerCase()))
      .sort()
      .map((delegate) => accountMethod(delegateId(id, delegate), id, subject.chainId, delegate)),
  ];
  const keys = keyMethods(id, subject.keys, accounts);

  return {
    id,
    // DID 1.0 §5.1.2: absent when the subject controls itself.
    ...(!sameAddress(subject.controller, subject.address) && {
      controller: formatDid(subject.method, subject.controller),
    }),
    verificationMethod: [...accounts, ...keys],
    authentication: unique([controlling, ...holders("authentication")]),
    assertionMethod: unique([controlling, ...holders("assertionMethod"), ...keys.map((key) => key.id)]),
    ...(invocation.length > 0 && { capabilityInvocation: invocation }),
    ...(delegation.length > 0 && { capabilityDelegation: delegation }),
    // The registry takes any text; a service endpoint has to be a URI (DID 1.0 §5.4).
    ...(isUri(subject.documentUri) && {
      service: [{ id: `${id}#document`, type: "DidDocument", serviceEndpoint: subject.documentUri }],
    }),
  };
}

/**
 * The document as JSON-LD.
 *
 * @param form.publicUrl where the context of our own terms is served
 * @param form.version which DID context comes first: `v1` for `application/did+ld+json` (DID 1.0), `v1.1` for
 * `application/did` (DID 1.1)
 */
export function withContext(
  document: DidDocument,
  { version, publicUrl }: { version: "v1" | "v1.1"; publicUrl: string },
): DidDocument & { "@context": string[] } {
  const hasKeys = document.verificationMethod.some(({ type }) => type === "JsonWebKey2020");
  const contexts = [
    CONTEXT.did[version],
    CONTEXT.recoveryMethod,
    ...(hasKeys ? [CONTEXT.jsonWebKey] : []),
    ...(document.service ? [`${publicUrl}${OWN_CONTEXT_PATH}`] : []),
  ];
  return { "@context": contexts, ...document };
}

/** The name in a role, or the role itself where it holds none. */
export function roleName(role: string): string {
  try {
    return decodeBytes32String(role);
  } catch {
    // Any 32 bytes may be a role; only those that are text have a name.
    return role;
  }
}

function accountMethod(id: string, did: string, chainId: number, address: string): AccountMethod {
  const blockchainAccountId = `eip155:${chainId}:${getAddress(address)}`;
  return { id, type: "EcdsaSecp256k1RecoveryMethod2020", controller: did, blockchainAccountId };
}

/** What the chain says comes first: a hosted key neither replaces an account nor speaks for another DID. */
function keyMethods(did: string, keys: PublishedKey[], accounts: AccountMethod[]): KeyMethod[] {
  const taken = new Set(accounts.map(({ id }) => id));
  return keys
    .filter(({ id }) => id.startsWith(`${did}#`) && !taken.has(id))
    .map(({ id, publicKeyJwk }) => ({ id, type: "JsonWebKey2020", controller: did, publicKeyJwk }));
}

function delegateId(did: string, delegate: string): string {
  return `${did}#${delegate.toLowerCase()}`;
}

function sameAddress(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

function unique(values: string[]): string[] {
  return [...new Set(values)];
}
