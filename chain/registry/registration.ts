import { ZeroHash, zeroPadValue } from "ethers";
import { formatDid } from "../did/did";
import { didRegistryInterface } from "./abi";
import { consentDigest, type ConsentTerms, consentTypedData, encodeWrite, type RegistryDomain } from "./consents";

const REGISTERED_TOPIC = didRegistryInterface.getEvent("DIDRegistered").topicHash;

/** What a holder consents to when the DID is anchored by the relayer. */
export interface Registration {
  walletAddress: string;
  documentUri: string;
  /** The identity's nonce in the registry (`nonce.ts`), in decimal. */
  nonce: string;
  /** The last moment at which the signature counts; whole seconds. */
  deadline: Date;
}

/** A registration with the holder's signature, in the form that the contract takes. */
export type SignedRegistration = Registration & { signature: string };

/** The typed data by which a holder authorizes the anchoring ({@link consentTypedData}). */
export function registrationTypedData(registry: RegistryDomain, registration: Registration) {
  return consentTypedData(registry, writeOf(registry, registration), termsOf(registration));
}

/** The digest a registration's signature is over (EIP-712 §Definition), `0x` and 64 hexadecimal digits. */
export function registrationDigest(registry: RegistryDomain, registration: Registration): string {
  return consentDigest(registry, writeOf(registry, registration), termsOf(registration));
}

/** The call of `registerDIDWithConsent` with a holder's signature. */
export function registrationCall(registry: RegistryDomain, registration: SignedRegistration) {
  return { to: registry.contract, data: encodeWrite(writeOf(registry, registration), consentOf(registration)) };
}

/** The call that registers several at once (`registerManyWithConsent`); entries that do not hold are skipped. */
export function bulkRegistrationCall(registry: RegistryDomain, registrations: SignedRegistration[]) {
  const entries = registrations.map((registration) => ({
    documentUri: registration.documentUri,
    documentHash: ZeroHash,
    consent: consentOf(registration),
  }));
  return {
    to: registry.contract,
    data: didRegistryInterface.encodeFunctionData("registerManyWithConsent", [entries]),
  };
}

/** Whether one of a transaction's events says that it registered an identity. */
export function registersIdentity(
  { contract }: Pick<RegistryDomain, "contract">,
  logs: readonly { address: string; topics: readonly string[] }[],
  walletAddress: string,
): boolean {
  const identity = zeroPadValue(walletAddress, 32).toLowerCase();
  return logs.some(
    ({ address, topics }) =>
      address.toLowerCase() === contract.toLowerCase() &&
      topics[0] === REGISTERED_TOPIC &&
      topics[1]?.toLowerCase() === identity,
  );
}

function writeOf({ didMethod }: RegistryDomain, { walletAddress, documentUri }: Registration) {
  return {
    type: "RegisterDID" as const,
    // The document is served from the index and changes with every change of the identity: no digest would last.
    values: { did: formatDid(didMethod, walletAddress), documentUri, documentHash: ZeroHash },
  };
}

/** The contract counts deadlines in Unix seconds. */
function termsOf({ walletAddress, nonce, deadline }: Registration): ConsentTerms {
  return { signer: walletAddress, nonce: BigInt(nonce), deadline: Math.floor(deadline.getTime() / 1000) };
}

function consentOf(registration: SignedRegistration) {
  return { ...termsOf(registration), signature: registration.signature };
}
