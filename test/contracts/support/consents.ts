import { time } from "@nomicfoundation/hardhat-network-helpers";
import { concat, keccak256, TypedDataEncoder, type TypedDataDomain, type TypedDataField, ZeroHash } from "ethers";
import { ethers } from "hardhat";
import type { DIDRegistry } from "../../../typechain-types";
import type { TestAccount } from "./accounts";
import { identityOf, roleOf, type Write } from "./writes";

/** A write that has a twin named `...WithConsent`. */
export type SignedWrite = Exclude<Write, { name: "setCredentialStatus" }>;

const LAST = "uint256 nonce,uint256 deadline";

/** The messages that can be signed, in full, as a wallet is shown them. */
export const CONSENT_TYPES: Record<SignedWrite["name"], string> = {
  registerDID: `RegisterDID(address signer,string did,string documentUri,bytes32 documentHash,${LAST})`,
  updateDocument: `UpdateDocument(address signer,address identity,string documentUri,bytes32 documentHash,${LAST})`,
  changeController: `ChangeController(address signer,address identity,address newController,${LAST})`,
  nameSuccessor: `NameSuccessor(address signer,address identity,bytes32 commitment,${LAST})`,
  rotateController: `RotateController(address signer,address identity,bytes32 salt,bytes32 nextCommitment,${LAST})`,
  addDelegate: `AddDelegate(address signer,address identity,bytes32 role,address delegate,uint64 expiresAt,${LAST})`,
  revokeDelegate: `RevokeDelegate(address signer,address identity,bytes32 role,address delegate,${LAST})`,
  deactivateDID: `DeactivateDID(address signer,address identity,${LAST})`,
  cancelNonces: `CancelNonces(address signer,address identity,bytes32 role,uint256 nextNonce,${LAST})`,
  setStatus: `SetStatus(address signer,bytes32 credId,uint8 purpose,bool on,${LAST})`,
  setStatusWords: `SetStatusWords(address signer,address issuer,uint8 purpose,uint256 firstWord,uint256[] masks,bool on,${LAST})`,
  setStatusMasks: `SetStatusMasks(address signer,address issuer,uint8 purpose,uint256[] words,uint256[] masks,bool on,${LAST})`,
  anchorDigest: `AnchorDigest(address signer,address identity,bytes32 digest,${LAST})`,
};

export interface Consent {
  signer: string;
  nonce: bigint;
  deadline: bigint;
  signature: string;
}

/** What a consent's signature is over, beside the write itself. */
export type Terms = Omit<Consent, "signature">;

export interface ConsentOptions {
  /** The account that the consent names; otherwise the one that signs. */
  account?: string;
  nonce?: bigint;
  deadline?: bigint;
  domain?: TypedDataDomain;
}

const encoders = new Map<string, TypedDataEncoder>();

/** The name and the fields of the EIP-712 type of a write. */
export function consentTypeOf(name: SignedWrite["name"]): { type: string; fields: TypedDataField[] } {
  const [type = "", rest = ""] = CONSENT_TYPES[name].split("(");
  const fields = rest
    .slice(0, -1)
    .split(",")
    .map((field) => {
      const [fieldType = "", fieldName = ""] = field.split(" ");
      return { type: fieldType, name: fieldName };
    });
  return { type, fields };
}

/** The digest that is signed, in a domain that is given by its separator (EIP-712, section "encode"). */
export function digestOf(domainSeparator: string, write: SignedWrite, terms: Terms): string {
  let encoder = encoders.get(write.name);
  if (!encoder) {
    const { type, fields } = consentTypeOf(write.name);
    encoder = TypedDataEncoder.from({ [type]: fields });
    encoders.set(write.name, encoder);
  }
  return keccak256(concat(["0x1901", domainSeparator, encoder.hash({ ...write, ...terms })]));
}

/** The domain that signatures for a registry are bound to. */
export async function domainOf(registry: DIDRegistry): Promise<TypedDataDomain> {
  const { chainId } = await ethers.provider.getNetwork();
  return { name: "Cairn DIDRegistry", version: "2", chainId, verifyingContract: await registry.getAddress() };
}

/** A signed consent: with the current nonce and for an hour from now, unless told otherwise. */
export async function consentTo(
  registry: DIDRegistry,
  write: SignedWrite,
  signer: TestAccount,
  options: ConsentOptions = {},
): Promise<Consent> {
  const account = options.account ?? signer.address;
  const role = roleOf(write) ?? ZeroHash;
  const terms: Terms = {
    signer: account,
    nonce: options.nonce ?? (await registry.nonceOfSigner(identityOf(write, account), role, account)),
    deadline: options.deadline ?? BigInt((await time.latest()) + 3600),
  };
  const domain = options.domain ?? (await domainOf(registry));
  const digest = digestOf(TypedDataEncoder.hashDomain(domain), write, terms);
  return { ...terms, signature: signer.sign(digest) };
}
