import { hashApiKey, createApiKey, requireApiKey } from "../../core/keys/apiKeys";
import type { Clock } from "../../core/clock";
import { sha256Hex } from "../../core/hash";
import { formatDid } from "../../chain/did/did";
import { DomainError } from "../../core/errors";
import { signCompact, thumbprintOf } from "../../core/keys/jws";
import type { KeyStore } from "../../core/keys/keyStore";
import {
  type AssertionKey,
  type PublishedDocument,
  type SigningAlgorithm,
  type SigningKey,
  afterRotation,
  afterWithdrawal,
  issuerUnknown,
  pickSigningKey,
  readAssertionKeys,
  writeDocument,
} from "./rules";
import type { IssuerAccount, IssuerStore } from "./store";

/** What the use cases of issuers need from around them. */
export interface IssuerParts {
  store: IssuerStore;
  keys: KeyStore;
  clock: Clock;
  chainId: number;
  didMethod: string;
  /** Asks the worker to make the chain say what the account says; asking twice is harmless. */
  requestAnchoring(address: string, requestId?: string): Promise<void>;
}

/** Who signs a credential, and how the signature is found again. */
export interface CredentialSigner {
  did: string;
  name: string;
  /** The signing key's id in the DID document. */
  kid: string;
  /** Signs a payload as compact JWS, `typ` as given. */
  sign(typ: string, payload: object): Promise<string>;
}

/** The use cases of issuers. */
export type IssuerActions = ReturnType<typeof issuerActions>;

/** Makes the use cases of issuers. */
export function issuerActions({ store, keys, clock, chainId, didMethod, requestAnchoring }: IssuerParts) {
  /** Documents never change under their digest, so what was read once stays read. */
  const assertionKeys = new Map<string, AssertionKey[]>();

  async function requireIssuer(address: string): Promise<IssuerAccount> {
    const account = await store.find(address);
    if (account === null) throw issuerUnknown();
    return account;
  }

  async function makeSigningKey(algorithm: SigningAlgorithm): Promise<SigningKey> {
    const { keyId, publicJwk } = await keys.create(algorithm);
    if (publicJwk === null) throw new RangeError(`the key store gave no public key for ${algorithm}`);
    const kid = thumbprintOf(publicJwk);
    return { kid, algorithm, keyId, publicJwk, createdAt: clock.now(), retiredAt: null, withdrawnAt: null };
  }

  function documentOf(account: Pick<IssuerAccount, "did" | "address">, signing: SigningKey[]): PublishedDocument {
    const body = writeDocument({ did: account.did, address: account.address, chainId, keys: signing });
    return { hash: `0x${sha256Hex(body)}`, body, createdAt: clock.now() };
  }

  async function publish(account: IssuerAccount, changed: SigningKey[], requestId?: string): Promise<void> {
    if (!(await store.publish(account, changed, documentOf(account, changed)))) {
      const message = "The issuer's keys were changed by someone else at the same time: look at them, then try again.";
      throw new DomainError("issuer.key_contended", "conflict", message);
    }
    await requestAnchoring(account.address, requestId);
  }

  return {
    /**
     * Registers an issuer: makes its controller and signing keys and its DID document, and asks for both to be put on
     * the chain.
     *
     * @returns the account and its API key, which is shown this once
     */
    async add(input: {
      name: string;
      algorithm: SigningAlgorithm;
      metadataUri: string;
      requestId?: string;
    }): Promise<{ account: IssuerAccount; apiKey: string }> {
      const [controller, signing] = await Promise.all([keys.create("ethereum"), makeSigningKey(input.algorithm)]);
      if (controller.address === null) throw new RangeError("the key store gave no address for the controller's key");
      const { key: apiKey, record } = createApiKey("issuer", clock.now());
      const identity = { address: controller.address, did: formatDid(didMethod, controller.address) };
      const account: IssuerAccount = {
        ...identity,
        name: input.name,
        metadataUri: input.metadataUri,
        controllerKeyId: controller.keyId,
        keys: [signing],
        documents: [documentOf(identity, [signing])],
        anchoredHash: null,
        accredited: false,
        fault: null,
        nextIndex: 0,
        apiKeys: [record],
        createdAt: clock.now(),
      };
      if (!(await store.insert(account))) throw new RangeError(`the fresh key ${account.address} is an issuer already`);
      await requestAnchoring(account.address, input.requestId);
      return { account, apiKey };
    },

    /** @throws DomainError `issuer.unknown` */
    get: requireIssuer,

    list: () => store.list(),

    /**
     * Lets the issuer sign with a new key as soon as the chain names the document that shows it. Credentials signed
     * before stay good: their key stays in the document.
     *
     * @throws DomainError `issuer.unknown`, `issuer.key_contended`
     */
    async rotateKey(address: string, algorithm: SigningAlgorithm, requestId?: string): Promise<SigningKey> {
      const account = await requireIssuer(address);
      const added = await makeSigningKey(algorithm);
      await publish(account, afterRotation(account.keys, added), requestId);
      return added;
    },

    /**
     * Takes a key out of the document, because it is in wrong hands. Every credential it signed becomes worthless.
     *
     * @throws DomainError `issuer.unknown`, `issuer.key_unknown`, `issuer.key_last`, `issuer.key_contended`
     */
    async withdrawKey(address: string, kid: string, requestId?: string): Promise<void> {
      const account = await requireIssuer(address);
      await publish(account, afterWithdrawal(account.keys, kid, clock.now()), requestId);
    },

    /**
     * Gives the issuer a further API key, shown this once.
     *
     * @throws DomainError `issuer.unknown`
     */
    async addApiKey(address: string): Promise<{ id: string; apiKey: string }> {
      const { key, record } = createApiKey("issuer", clock.now());
      if (!(await store.addApiKey(address, record))) throw issuerUnknown();
      return { id: record.id, apiKey: key };
    },

    /** @throws DomainError `api_key.not_found` */
    async revokeApiKey(address: string, id: string): Promise<void> {
      if (await store.revokeApiKey(address, id, clock.now())) return;
      throw new DomainError("api_key.not_found", "not_found", "The issuer has no API key of this id.");
    },

    /**
     * Whose API key this is.
     *
     * @throws DomainError `api_key.unknown`, `api_key.revoked`
     */
    async authenticate(key: string): Promise<{ accountId: string; keyId: string }> {
      const account = await store.findByApiKey(hashApiKey(key));
      const record = requireApiKey(account?.apiKeys, key);
      return { accountId: account?.address ?? "", keyId: record.id };
    },

    /**
     * The document with this digest; digests are the only names documents have, so it never changes.
     *
     * @throws DomainError `issuer.unknown`, `issuer.document_unknown`
     */
    async document(address: string, hash: string): Promise<PublishedDocument> {
      const { documents } = await requireIssuer(address);
      const found = documents.find((document) => document.hash === hash);
      if (found !== undefined) return found;
      throw new DomainError(
        "issuer.document_unknown",
        "not_found",
        "The issuer never had a DID document of this digest.",
      );
    },

    /**
     * The keys that may sign credentials by the document the chain names; none when that document is not known here.
     *
     * @param documentHash as the registry holds it
     */
    async assertionKeys(address: string, documentHash: string): Promise<AssertionKey[]> {
      const cacheKey = `${address}/${documentHash}`;
      const known = assertionKeys.get(cacheKey);
      if (known !== undefined) return known;
      const account = await store.find(address);
      const document = account?.documents.find(({ hash }) => hash === documentHash);
      if (document === undefined) return [];
      const read = readAssertionKeys(document.body);
      if (assertionKeys.size >= MAX_CACHED_DOCUMENTS) assertionKeys.clear();
      assertionKeys.set(cacheKey, read);
      return read;
    },

    /**
     * Who signs for an issuer now.
     *
     * @throws DomainError `issuer.unknown`, `issuer.not_ready`
     */
    async signerOf(address: string): Promise<CredentialSigner> {
      const account = await requireIssuer(address);
      const key = pickSigningKey(account.keys, account.documents, account.anchoredHash);
      const kid = `${account.did}#${key.kid}`;
      const { did, name } = account;
      return {
        did,
        name,
        kid,
        sign: (typ, payload) => signCompact(keys, key.keyId, { alg: key.algorithm, typ, kid }, payload),
      };
    },

    /** Reserves an index for a credential. @throws DomainError `issuer.unknown` */
    async takeIndex(address: string): Promise<number> {
      const index = await store.takeIndex(address);
      if (index === null) throw issuerUnknown();
      return index;
    },
  };
}

/** Far more than an installation's issuers have documents; only a bound. */
const MAX_CACHED_DOCUMENTS = 10_000;
