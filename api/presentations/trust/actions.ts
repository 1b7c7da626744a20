import { createPublicKey, type KeyObject } from "node:crypto";
import type { CredentialFacts, CredentialQuestion } from "../../../chain/registry/credentialFacts";
import type { Chain } from "../../../chain/client";
import { type RegistryDid, parseRegistryDid } from "../../../chain/did/did";
import type { Clock } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { type IssuerChain, issuerKeyOf } from "../certificates/issuerChain";
import type { Json, JsonObject } from "../../../core/json";
import type { IssuerKey } from "../formats/rules";
import { unproven } from "../rejection";

/** A signing key of an issuer of the registry, as its DID document shows it. */
interface AssertionKey {
  /** `<did>#<kid>` */
  id: string;
  publicKeyJwk: { kty: string; crv: string; x: string; y?: string; alg: string };
}

/** Asks the chain about credentials, their issuers and subjects. */
export interface FactReader {
  /** @throws TransientError when the facts cannot be had */
  read(question: CredentialQuestion): Promise<CredentialFacts>;
}

export interface TrustDeps {
  chain: Pick<Chain, "deployment">;
  facts: FactReader;
  clock: Clock;
  /** The keys that may sign for an issuer by the DID document of this digest. */
  assertionKeys(issuer: string, documentHash: string): Promise<AssertionKey[]>;
  /**
   * The certificates of an `x5c` and where they lead.
   *
   * @throws PresentationRejection `issuer_unknown`
   */
  issuerChain(x5c: Json): Promise<IssuerChain>;
  /** The key of an issuer that is trusted by its name; null when it is not listed. */
  listedIssuerKey(issuer: string, header: JsonObject): Promise<KeyObject | null>;
}

/**
 * Finds the key of an issuer: by the certificates that a credential brings, by the DID document whose digest the
 * registry has, or by the metadata of an issuer that the operator lists.
 *
 * @throws PresentationRejection `issuer_unknown` when none leads to a key
 * @throws TransientError when the chain or the issuer cannot be asked
 */
export async function findIssuerKey(
  deps: TrustDeps,
  issuer: string | undefined,
  header: JsonObject,
): Promise<IssuerKey> {
  if (header["x5c"] !== undefined) {
    return issuerKeyOf(await deps.issuerChain(header["x5c"]), issuer, deps.clock.now());
  }
  if (issuer === undefined)
    throw unproven("issuer_unknown", "The credential names no issuer, and brings no certificate.");
  const did = registryDidOf(deps, issuer);
  if (did !== null) return registryKey(deps, did, header);
  const key = await deps.listedIssuerKey(issuer, header);
  if (key !== null) return { key, authorityKeyIds: [], distrust: null };
  throw unproven("issuer_unknown", "The issuer is none of this registry's, is not listed, and brings no certificate.");
}

async function registryKey(deps: TrustDeps, { address }: RegistryDid, header: JsonObject): Promise<IssuerKey> {
  const { accredited, documentHash } = await deps.facts.read({ issuer: address, index: 0, subject: address });
  const keys = await deps.assertionKeys(address, documentHash);
  const kid = header["kid"];
  const key = keys.find(({ id, publicKeyJwk }) => id === kid && publicKeyJwk.alg === header["alg"]);
  if (key === undefined) throw unproven("issuer_unknown", "The issuer's DID document has no such key (kid, alg).");
  return {
    key: createPublicKey({ key: { ...key.publicKeyJwk }, format: "jwk" }),
    authorityKeyIds: [],
    distrust: accredited ? null : "The chain does not accredit the issuer.",
  };
}

/** The address that controls a DID of this registry now; null when it is another's, or deactivated. */
export async function controllerOf(deps: Pick<TrustDeps, "chain" | "facts">, did: string): Promise<string | null> {
  const parts = registryDidOf(deps, did);
  if (parts === null) return null;
  const { holder } = await deps.facts.read({ issuer: parts.address, index: 0, subject: parts.address });
  return holder;
}

function registryDidOf({ chain }: Pick<TrustDeps, "chain">, did: string): RegistryDid | null {
  try {
    return parseRegistryDid(did, chain.deployment.didMethod);
  } catch (error) {
    // Another method's, or malformed: not this registry's.
    if (error instanceof DomainError) return null;
    throw error;
  }
}
