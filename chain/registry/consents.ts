import { TypedDataEncoder, ZeroHash } from "ethers";
import { formatDid } from "../did/did";

/** The registry a registration is for. */
export interface RegistryDomain {
  chainId: number;
  /** Address of the DIDRegistry contract. */
  contract: string;
  didMethod: string;
}

/** What a holder consents to when the DID is anchored by the relayer. */
export interface Registration {
  walletAddress: string;
  documentUri: string;
  /** The identity's nonce in the registry. */
  nonce: number;
  /** The last moment at which the signature counts; whole seconds. */
  deadline: Date;
}

const DOMAIN_TYPE = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

const TYPES = {
  RegisterDID: [
    { name: "identity", type: "address" },
    { name: "did", type: "string" },
    { name: "documentUri", type: "string" },
    { name: "documentHash", type: "bytes32" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
};

/**
 * The EIP-712 typed data by which a holder authorizes the anchoring, ready for `eth_signTypedData_v4`. Integers are
 * decimal strings. ethers adds the type `EIP712Domain` itself and wants it left out.
 */
export function registrationTypedData(registry: RegistryDomain, registration: Registration) {
  return {
    domain: {
      name: "Cairn DIDRegistry",
      version: "1",
      chainId: registry.chainId,
      verifyingContract: registry.contract,
    },
    types: { EIP712Domain: DOMAIN_TYPE, ...TYPES },
    primaryType: "RegisterDID" as const,
    message: {
      identity: registration.walletAddress,
      did: formatDid(registry.didMethod, registration.walletAddress),
      documentUri: registration.documentUri,
      // The document is served from the index and changes with every change of the identity: no digest would last.
      documentHash: ZeroHash,
      nonce: registration.nonce.toString(),
      deadline: deadlineSeconds(registration).toString(),
    },
  };
}

/** The digest a registration signature is over (EIP-712 §Definition), `0x` and 64 hexadecimal digits. */
export function registrationDigest(registry: RegistryDomain, registration: Registration): string {
  const { domain, message } = registrationTypedData(registry, registration);
  return TypedDataEncoder.hash(domain, TYPES, message);
}

/** The deadline as the contract counts it, Unix seconds. */
export function deadlineSeconds({ deadline }: Registration): number {
  return Math.floor(deadline.getTime() / 1000);
}
