import { Interface, TypedDataEncoder } from "ethers";
import { DID_REGISTRY_ABI } from "./abi";

const registryInterface = new Interface(DID_REGISTRY_ABI);

/** The DIDRegistry a consent is for: consents count for one contract on one chain. */
export interface RegistryDomain {
  chainId: number;
  /** Address of the DIDRegistry contract. */
  contract: string;
  didMethod: string;
}

/** A write of the DIDRegistry in an identity's name, by the EIP-712 type that its signer signs. */
export type RegistryWrite =
  | { type: "RegisterDID"; values: { identity: string; did: string; documentUri: string; documentHash: string } }
  | { type: "UpdateDocument"; values: { identity: string; documentUri: string; documentHash: string } }
  | { type: "SetCredentialStatus"; values: { credId: string; revoked: boolean } }
  | { type: "SetCredentialStatuses"; values: { credIds: string[]; revoked: boolean } }
  | { type: "SuspendCredential"; values: { credId: string } }
  | { type: "SuspendCredentials"; values: { credIds: string[] } };

/** What limits a consent, beside what it consents to. */
export interface ConsentTerms {
  /** The identity's nonce in the registry. */
  nonce: number | bigint;
  /** The last second at which the signature counts, Unix seconds. */
  deadline: number;
}

/** A signed consent, as the contract's `...For` functions take it. */
export interface Consent extends ConsentTerms {
  signer: string;
  /** `0x` and hexadecimal digits: 65 bytes of a key, or whatever a contract wallet approves. */
  signature: string;
}

/** One member of an EIP-712 struct. */
export interface TypedField {
  name: string;
  type: string;
}

const IDENTITY: TypedField = { name: "identity", type: "address" };
const DOCUMENT: TypedField[] = [
  { name: "documentUri", type: "string" },
  { name: "documentHash", type: "bytes32" },
];
const CREDENTIAL: TypedField = { name: "credId", type: "bytes32" };
const CREDENTIALS: TypedField = { name: "credIds", type: "bytes32[]" };
const REVOKED: TypedField = { name: "revoked", type: "bool" };
const TERMS: TypedField[] = [
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
];

/** Of each type: its members, all of which end with the nonce and the deadline, and the function that takes it. */
export const CONSENT_TYPES = {
  RegisterDID: {
    fields: [IDENTITY, { name: "did", type: "string" }, ...DOCUMENT, ...TERMS],
    method: "registerDIDFor",
  },
  UpdateDocument: { fields: [IDENTITY, ...DOCUMENT, ...TERMS], method: "updateDocumentFor" },
  SetCredentialStatus: { fields: [CREDENTIAL, REVOKED, ...TERMS], method: "setCredentialStatusFor" },
  SetCredentialStatuses: { fields: [CREDENTIALS, REVOKED, ...TERMS], method: "setCredentialStatusesFor" },
  SuspendCredential: { fields: [CREDENTIAL, ...TERMS], method: "suspendCredentialFor" },
  SuspendCredentials: { fields: [CREDENTIALS, ...TERMS], method: "suspendCredentialsFor" },
} as const satisfies Record<RegistryWrite["type"], { fields: TypedField[]; method: string }>;

/** The EIP-712 domain of the registry's consents; the contract's constructor names it the same. */
export function consentDomain({ chainId, contract }: Pick<RegistryDomain, "chainId" | "contract">) {
  return { name: "Cairn DIDRegistry", version: "1", chainId, verifyingContract: contract };
}

/** The digest that a consent's signature is over (EIP-712 §Definition), `0x` and 64 hexadecimal digits. */
export function consentDigest(
  registry: Pick<RegistryDomain, "chainId" | "contract">,
  { type, values }: RegistryWrite,
  { nonce, deadline }: ConsentTerms,
): string {
  const types = { [type]: [...CONSENT_TYPES[type].fields] };
  return TypedDataEncoder.hash(consentDomain(registry), types, { ...values, nonce, deadline });
}

/** The calldata of a write with its consent, `0x` and hexadecimal digits. */
export function encodeWrite({ type, values }: RegistryWrite, consent: Consent): string {
  const { method } = CONSENT_TYPES[type];
  const given: Record<string, unknown> = { ...values, consent };
  const parameters = registryInterface.getFunction(method)?.inputs ?? [];
  return registryInterface.encodeFunctionData(
    method,
    parameters.map(({ name }) => given[name]),
  );
}
