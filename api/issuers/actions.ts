import { formatDid } from "../../chain/did/did";
import { DomainError } from "../../core/errors";
import { sha256Hex } from "../../core/hash";
import { enqueueLater } from "../../core/jobs/enqueueLater";
import { createApiKey, hashApiKey, requireApiKey } from "../../core/keys/apiKeys";
import { signCompact, thumbprintOf } from "../../core/keys/jws";
import type { LruCache } from "../../core/lruCache";
import type { Context } from "../../process/context";
import {
  afterRotation,
  afterWithdrawal,
  type AssertionKey,
  issuerUnknown,
  pickSigningKey,
  type PublishedDocument,
  readAssertionKeys,
  type SigningAlgorithm,
  type SigningKey,
  writeDocument,
} from "./rules";
import type { IssuerAccount, IssuerStore } from "./store";

export interface IssuerDeps extends Pick<Context, "chain" | "clock" | "keys" | "logger"> {
  issuers: IssuerStore;
  /** The keys of documents, by `<address>/<document hash>`: a document never changes under its digest. */
  assertionKeys: LruCache<AssertionKey[]>;
  /** Asks the worker to bring the chain in line with the account; asking twice is harmless. */
  enqueueAnchoring(address: string, requestId?: string): Promise<void>;
}

/** Who signs a credential, and how the signature is found again. */
export interface CredentialSigner {
  did: string;
  name: string;
  algorithm: SigningAlgorithm;
  /** The signing key's id in the DID document. */
  kid: string;
  /** Signs a payload as compact JWS, `typ` as given. */
  sign(typ: string, payload: object): Promise<string>;
}

/**
 * Registers an issuer: creates its controller and signing keys and its DID document, and asks for both to be put on the
 * chain.
 *
 * @returns the account and its API key, which is shown this once
 */
export async function addIssuer(
  deps: Omit<IssuerDeps, "assertionKeys">,
  input: { name: string; algorithm: SigningAlgorithm; metadataUri: string; requestId?: string },
): Promise<{ account: IssuerAccount; apiKey: string }> {
  const { issuers, keys, clock } = deps;
  const [controller, signing] = await Promise.all([keys.create("ethereum"), createSigningKey(deps, input.algorithm)]);
  if (controller.address === null) throw new RangeError("the key store gave no address for the controller's key");
  const { key: apiKey, record } = createApiKey("issuer", clock.now());
  const { address } = controller;
  const did = formatDid(deps.chain.deployment.didMethod, address);
  const account: IssuerAccount = {
    address,
    did,
    name: input.name,
    metadataUri: input.metadataUri,
    controllerKeyId: controller.keyId,
    keys: [signing],
    documents: [documentOf(deps, { did, address }, [signing])],
    anchoredHash: null,
    accredited: false,
    anchoringError: null,
    nextIndex: 0,
    apiKeys: [record],
    createdAt: clock.now(),
  };
  if (!(await issuers.insert(account))) throw new RangeError(`the fresh key ${address} is an issuer already`);
  enqueueLater(deps.enqueueAnchoring(address, input.requestId), deps.logger);
  return { account, apiKey };
}

/** @throws DomainError `issuer.unknown` */
export async function getIssuer({ issuers }: Pick<IssuerDeps, "issuers">, address: string): Promise<IssuerAccount> {
  const account = await issuers.find(address);
  if (account === null) throw issuerUnknown();
  return account;
}

/**
 * Lets the issuer sign with a new key as soon as the chain names the document that shows it. Credentials signed before
 * stay good: their key stays in the document.
 *
 * @throws DomainError `issuer.unknown`, `issuer.key_contended`
 */
export async function rotateKey(
  deps: Omit<IssuerDeps, "assertionKeys">,
  { address, algorithm, requestId }: { address: string; algorithm: SigningAlgorithm; requestId?: string },
): Promise<SigningKey> {
  const account = await getIssuer(deps, address);
  const added = await createSigningKey(deps, algorithm);
  await publish(deps, account, { keys: afterRotation(account.keys, added), requestId });
  return added;
}

/**
 * Takes a key out of the document, because it is in wrong hands. Every credential it signed fails verification.
 *
 * @throws DomainError `issuer.unknown`, `issuer.key_unknown`, `issuer.key_last`, `issuer.key_contended`
 */
export async function withdrawKey(
  deps: Omit<IssuerDeps, "assertionKeys" | "keys">,
  { address, kid, requestId }: { address: string; kid: string; requestId?: string },
): Promise<void> {
  const account = await getIssuer(deps, address);
  await publish(deps, account, { keys: afterWithdrawal(account.keys, kid, deps.clock.now()), requestId });
}

/**
 * Gives the issuer a further API key.
 *
 * @returns the key, which is shown this once
 * @throws DomainError `issuer.unknown`
 */
export async function addApiKey(
  { issuers, clock }: Pick<IssuerDeps, "issuers" | "clock">,
  address: string,
): Promise<{ id: string; apiKey: string }> {
  const { key, record } = createApiKey("issuer", clock.now());
  if (!(await issuers.addApiKey(address, record))) throw issuerUnknown();
  return { id: record.id, apiKey: key };
}

/** @throws DomainError `api_key.not_found` */
export async function revokeApiKey(
  { issuers, clock }: Pick<IssuerDeps, "issuers" | "clock">,
  { address, id }: { address: string; id: string },
): Promise<void> {
  if (await issuers.revokeApiKey(address, id, clock.now())) return;
  throw new DomainError("api_key.not_found", "not_found", "The issuer has no API key of this id.");
}

/**
 * The issuer whose API key this is.
 *
 * @throws DomainError `api_key.unknown`, `api_key.revoked`
 */
export async function authenticateIssuer(
  { issuers }: Pick<IssuerDeps, "issuers">,
  key: string,
): Promise<{ accountId: string; keyId: string }> {
  const account = await issuers.findByApiKey(hashApiKey(key));
  const record = requireApiKey(account?.apiKeys, key);
  return { accountId: account?.address ?? "", keyId: record.id };
}

/**
 * The document with this digest; digests are the only names documents have, so it never changes.
 *
 * @throws DomainError `issuer.unknown`, `issuer.document_unknown`
 */
export async function getDocument(
  deps: Pick<IssuerDeps, "issuers">,
  { address, hash }: { address: string; hash: string },
): Promise<PublishedDocument> {
  const { documents } = await getIssuer(deps, address);
  const found = documents.find((document) => document.hash === hash);
  if (found !== undefined) return found;
  const message = "The issuer never had a DID document of this digest.";
  throw new DomainError("issuer.document_unknown", "not_found", message);
}

/**
 * The keys that may sign credentials by the document the chain names; none when that document is not known here.
 *
 * @param documentHash as the registry holds it
 */
export async function getAssertionKeys(
  { issuers, assertionKeys }: Pick<IssuerDeps, "issuers" | "assertionKeys">,
  { address, documentHash }: { address: string; documentHash: string },
): Promise<AssertionKey[]> {
  const cacheKey = `${address}/${documentHash}`;
  const known = assertionKeys.get(cacheKey);
  if (known !== undefined) return known;
  const account = await issuers.find(address);
  const document = account?.documents.find(({ hash }) => hash === documentHash);
  // The digest on the chain is what the keys rest on, not the name under which the database holds them.
  if (document === undefined || `0x${sha256Hex(document.body)}` !== documentHash) return [];
  const read = readAssertionKeys(document.body);
  assertionKeys.set(cacheKey, read);
  return read;
}

/**
 * Who signs for an issuer now.
 *
 * @throws DomainError `issuer.unknown`, `issuer.not_ready`
 */
export async function getCredentialSigner(
  deps: Pick<IssuerDeps, "issuers" | "keys">,
  address: string,
): Promise<CredentialSigner> {
  const { did, name, keys, documents, anchoredHash } = await getIssuer(deps, address);
  const key = pickSigningKey(keys, documents, anchoredHash);
  const kid = `${did}#${key.kid}`;
  return {
    did,
    name,
    algorithm: key.algorithm,
    kid,
    sign: (typ, payload) => signCompact(deps.keys, key.keyId, { alg: key.algorithm, typ, kid }, payload),
  };
}

/**
 * Reserves an index for a credential, which nobody else gets.
 *
 * @throws DomainError `issuer.unknown`
 */
export async function takeIndex({ issuers }: Pick<IssuerDeps, "issuers">, address: string): Promise<number> {
  const index = await issuers.takeIndex(address);
  if (index === null) throw issuerUnknown();
  return index;
}

async function createSigningKey(
  { keys, clock }: Pick<IssuerDeps, "keys" | "clock">,
  algorithm: SigningAlgorithm,
): Promise<SigningKey> {
  const { keyId, publicJwk } = await keys.create(algorithm);
  if (publicJwk === null) throw new RangeError(`the key store gave no public key for ${algorithm}`);
  const kid = thumbprintOf(publicJwk);
  return { kid, algorithm, keyId, publicJwk, createdAt: clock.now(), retiredAt: null, withdrawnAt: null };
}

function documentOf(
  { chain: { chainId }, clock }: Pick<IssuerDeps, "chain" | "clock">,
  { did, address }: Pick<IssuerAccount, "did" | "address">,
  keys: SigningKey[],
): PublishedDocument {
  const body = writeDocument({ did, address, chainId, keys });
  return { hash: `0x${sha256Hex(body)}`, body, createdAt: clock.now() };
}

async function publish(
  deps: Omit<IssuerDeps, "assertionKeys" | "keys">,
  account: IssuerAccount,
  { keys, requestId }: { keys: SigningKey[]; requestId: string | undefined },
): Promise<void> {
  if (!(await deps.issuers.publish(account, keys, documentOf(deps, account, keys)))) {
    const message = "The issuer's keys were changed by someone else at the same time: look at them, then try again.";
    throw new DomainError("issuer.key_contended", "conflict", message);
  }
  enqueueLater(deps.enqueueAnchoring(account.address, requestId), deps.logger);
}
