import { time } from "@nomicfoundation/hardhat-network-helpers";
import { type Signer, type TypedDataDomain, type TypedDataField } from "ethers";
import { ethers } from "hardhat";
import type { DIDRegistry } from "../../../typechain-types";

function fields(text: string): TypedDataField[] {
  return text.split(",").map((field) => {
    const [type = "", name = ""] = field.split(" ");
    return { type, name };
  });
}

/** The messages that can be signed, as a wallet is shown them. */
export const CONSENT_TYPES = {
  RegisterDID: fields(
    "address identity,string did,string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline",
  ),
  UpdateDocument: fields("address identity,string documentUri,bytes32 documentHash,uint256 nonce,uint256 deadline"),
  ChangeController: fields("address identity,address newController,uint256 nonce,uint256 deadline"),
  AddDelegate: fields("address identity,bytes32 role,address delegate,uint64 expiresAt,uint256 nonce,uint256 deadline"),
  RevokeDelegate: fields("address identity,bytes32 role,address delegate,uint256 nonce,uint256 deadline"),
  DeactivateDID: fields("address identity,uint256 nonce,uint256 deadline"),
  BurnNonce: fields("address identity,uint256 nonce,uint256 deadline"),
  SetCredentialStatus: fields("bytes32 credId,bool revoked,uint256 nonce,uint256 deadline"),
  SuspendCredential: fields("bytes32 credId,uint256 nonce,uint256 deadline"),
  SetCredentialStatuses: fields("bytes32[] credIds,bool revoked,uint256 nonce,uint256 deadline"),
  SuspendCredentials: fields("bytes32[] credIds,uint256 nonce,uint256 deadline"),
  SetStatusWords: fields(
    "address issuer,uint8 purpose,uint256 firstWord,uint256[] words,uint256 nonce,uint256 deadline",
  ),
};

export type ConsentType = keyof typeof CONSENT_TYPES;

export interface Consent {
  signer: string;
  nonce: bigint;
  deadline: bigint;
  signature: string;
}

export interface ConsentOptions {
  registry: DIDRegistry;
  /** Whose key signs. */
  signer: Signer;
  type: ConsentType;
  /** The message without nonce and deadline. */
  message: Record<string, unknown>;
  /** Whose nonce counts. */
  identity: string;
  /** The account that the consent names; a contract wallet differs from the key that signs for it. */
  account?: string;
  nonce?: bigint;
  deadline?: bigint;
  domain?: TypedDataDomain;
}

/** The domain that signatures for a registry are bound to. */
export async function domainOf(registry: DIDRegistry): Promise<TypedDataDomain> {
  const { chainId } = await ethers.provider.getNetwork();
  return { name: "Cairn DIDRegistry", version: "1", chainId, verifyingContract: await registry.getAddress() };
}

/** A signed consent: for the current nonce and an hour from now, unless told otherwise. */
export async function consent(options: ConsentOptions): Promise<Consent> {
  const { registry, signer, type, message, identity } = options;
  const nonce = options.nonce ?? (await registry.nonceOf(identity));
  const deadline = options.deadline ?? BigInt((await time.latest()) + 3600);
  const domain = options.domain ?? (await domainOf(registry));
  const signature = await signer.signTypedData(
    domain,
    { [type]: CONSENT_TYPES[type] },
    { ...message, nonce, deadline },
  );
  return { signer: options.account ?? (await signer.getAddress()), nonce, deadline, signature };
}
