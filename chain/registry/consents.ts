import { type FunctionFragment, type Interface, TypedDataEncoder } from "ethers";
import { didRegistryInterface } from "./abi";

/** Without the names that its type knows: functions are found by the names of consents. */
const registryInterface: Interface = didRegistryInterface;

/** The DIDRegistry a consent is for: consents count for one contract on one chain. */
export interface RegistryDomain {
  chainId: number;
  /** Address of the DIDRegistry contract. */
  contract: string;
  didMethod: string;
}

/**
 * The values that each EIP-712 type of the registry signs, beside the signer, the nonce and the deadline: the arguments
 * of the function of the same name. Addresses and `bytes32` are hexadecimal with `0x`, times Unix seconds.
 */
export interface ConsentValues {
  RegisterDID: { did: string; documentUri: string; documentHash: string };
  UpdateDocument: { identity: string; documentUri: string; documentHash: string };
  ChangeController: { identity: string; newController: string };
  NameSuccessor: { identity: string; commitment: string };
  RotateController: { identity: string; salt: string; nextCommitment: string };
  AddDelegate: { identity: string; role: string; delegate: string; expiresAt: number };
  RevokeDelegate: { identity: string; role: string; delegate: string };
  DeactivateDID: { identity: string };
  CancelNonces: { identity: string; role: string; nextNonce: bigint };
  SetStatus: { credId: string; purpose: number; on: boolean };
  SetStatusWords: { issuer: string; purpose: number; firstWord: bigint; masks: bigint[]; on: boolean };
  SetStatusMasks: { issuer: string; purpose: number; words: bigint[]; masks: bigint[]; on: boolean };
  AnchorDigest: { identity: string; digest: string };
}

/** The name of an EIP-712 type of the registry. */
export type ConsentType = keyof ConsentValues;

/** A write of the DIDRegistry in an account's name. */
export type RegistryWrite = { [Type in ConsentType]: { type: Type; values: ConsentValues[Type] } }[ConsentType];

/** Who consents, and what limits the consent, beside what it consents to. */
export interface ConsentTerms {
  /** The account that signs. */
  signer: string;
  /** The signer's nonce in the registry (`nonce.ts`). */
  nonce: bigint;
  /** The last second at which the signature counts, Unix seconds. */
  deadline: number;
}

/** A signed consent, as the contract's `...WithConsent` functions take it. */
export interface Consent extends ConsentTerms {
  /** `0x` and hexadecimal digits: 65 bytes of a key, a key with its signature (ERC-7913), or what a contract approves. */
  signature: string;
}

/** One member of an EIP-712 struct. */
export interface TypedField {
  name: string;
  type: string;
}

/**
 * The members of a type: the signer, the arguments of its function without the consent, the nonce and the deadline.
 */
export function consentFields(type: ConsentType): TypedField[] {
  const values = methodOf(type).inputs.slice(0, -1);
  return [
    { name: "signer", type: "address" },
    ...values.map((parameter) => ({ name: parameter.name, type: parameter.type })),
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ];
}

/** The EIP-712 domain of the registry's consents; the contract's constructor names it the same. */
export function consentDomain({ chainId, contract }: Pick<RegistryDomain, "chainId" | "contract">) {
  return { name: "Cairn DIDRegistry", version: "2", chainId, verifyingContract: contract };
}

/** The digest that a consent's signature is over (EIP-712 §Definition), `0x` and 64 hexadecimal digits. */
export function consentDigest(
  registry: Pick<RegistryDomain, "chainId" | "contract">,
  { type, values }: RegistryWrite,
  { signer, nonce, deadline }: ConsentTerms,
): string {
  const message = { ...values, signer, nonce, deadline };
  return TypedDataEncoder.hash(consentDomain(registry), { [type]: consentFields(type) }, message);
}

const DOMAIN_FIELDS: TypedField[] = [
  { name: "name", type: "string" },
  { name: "version", type: "string" },
  { name: "chainId", type: "uint256" },
  { name: "verifyingContract", type: "address" },
];

/**
 * The EIP-712 typed data of a consent, ready for `eth_signTypedData_v4`: as JSON, integers in decimal. ethers adds the
 * type `EIP712Domain` itself and wants it left out.
 */
export function consentTypedData(
  registry: Pick<RegistryDomain, "chainId" | "contract">,
  { type, values }: RegistryWrite,
  { signer, nonce, deadline }: ConsentTerms,
) {
  return {
    domain: consentDomain(registry),
    types: { EIP712Domain: DOMAIN_FIELDS, [type]: consentFields(type) },
    primaryType: type,
    message: inJson({ signer, ...values, nonce, deadline }),
  };
}

/** The calldata of a write with its consent, `0x` and hexadecimal digits. */
export function encodeWrite({ type, values }: RegistryWrite, consent: Consent): string {
  const method = methodOf(type);
  const given: Record<string, unknown> = { ...values, consent };
  return registryInterface.encodeFunctionData(
    method,
    method.inputs.map(({ name }) => given[name]),
  );
}

/** The function that takes a type's consent: `RegisterDID` is taken by `registerDIDWithConsent`. */
function methodOf(type: ConsentType): FunctionFragment {
  const method = registryInterface.getFunction(`${type.charAt(0).toLowerCase()}${type.slice(1)}WithConsent`);
  if (method === null) throw new RangeError(`the registry takes no consent to ${type}`);
  return method;
}

function inJson(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, jsonOf(value)]));
}

function jsonOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(jsonOf);
  return typeof value === "bigint" || typeof value === "number" ? value.toString() : value;
}
