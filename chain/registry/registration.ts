import { ZeroHash } from "ethers";
import { formatDid } from "../did/did";
import {
  CONSENT_TYPES,
  consentDigest,
  consentDomain,
  encodeWrite,
  type RegistryDomain,
  type RegistryWrite,
} from "./consents";

/** What a holder consents to when the DID is anchored by the relayer. */
export interface Registration {
  walletAddress: string;
  documentUri: string;
  /** The identity's nonce in the registry. */
  nonce: number;
  /** The last moment at which the signature counts; whole seconds. */
  deadline: Date;
}

/** A registration with the holder's signature, in the form that the contract takes. */
export type SignedRegistration = Registration & { signature: string };

const DOMAIN_FIELDS = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

/**
 * The EIP-712 typed data by which a holder authorizes the anchoring, ready for `eth_signTypedData_v4`. Integers are
 * decimal strings. ethers adds the type `EIP712Domain` itself and wants it left out.
 */
export function registrationTypedData(registry: RegistryDomain, registration: Registration) {
  const { type, values } = writeOf(registry, registration);
  const { nonce, deadline } = termsOf(registration);
  return {
    domain: consentDomain(registry),
    types: { EIP712Domain: DOMAIN_FIELDS, [type]: [...CONSENT_TYPES[type].fields] },
    primaryType: type,
    message: { ...values, nonce: nonce.toString(), deadline: deadline.toString() },
  };
}

/** The digest a registration's signature is over (EIP-712 §Definition), `0x` and 64 hexadecimal digits. */
export function registrationDigest(registry: RegistryDomain, registration: Registration): string {
  return consentDigest(registry, writeOf(registry, registration), termsOf(registration));
}

/** The call of `registerDIDFor` with a holder's signature. */
export function registrationCall(registry: RegistryDomain, registration: SignedRegistration) {
  const consent = { ...termsOf(registration), signer: registration.walletAddress, signature: registration.signature };
  return { to: registry.contract, data: encodeWrite(writeOf(registry, registration), consent) };
}

function writeOf({ didMethod }: RegistryDomain, { walletAddress, documentUri }: Registration) {
  return {
    type: "RegisterDID",
    values: {
      identity: walletAddress,
      did: formatDid(didMethod, walletAddress),
      documentUri,
      // The document is served from the index and changes with every change of the identity: no digest would last.
      documentHash: ZeroHash,
    },
  } as const satisfies RegistryWrite;
}

/** The contract counts deadlines in Unix seconds. */
function termsOf({ nonce, deadline }: Registration) {
  return { nonce, deadline: Math.floor(deadline.getTime() / 1000) };
}
