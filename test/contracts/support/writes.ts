import { getAddress, type Interface, ZeroHash } from "ethers";
import { ANCHOR_ROLE, STATUS_ROLE } from "./registry";

/** A write to the registry, by the function's name and the names of its arguments. Addresses are in checksum case. */
export type Write =
  | { name: "registerDID"; did: string; documentUri: string; documentHash: string }
  | { name: "updateDocument"; identity: string; documentUri: string; documentHash: string }
  | { name: "changeController"; identity: string; newController: string }
  | { name: "nameSuccessor"; identity: string; commitment: string }
  | { name: "rotateController"; identity: string; salt: string; nextCommitment: string }
  | { name: "addDelegate"; identity: string; role: string; delegate: string; expiresAt: bigint }
  | { name: "revokeDelegate"; identity: string; role: string; delegate: string }
  | { name: "deactivateDID"; identity: string }
  | { name: "cancelNonces"; identity: string; role: string; nextNonce: bigint }
  | { name: "setCredentialStatus"; credId: string; revoked: boolean }
  | { name: "setStatus"; credId: string; purpose: bigint; on: boolean }
  | { name: "setStatusWords"; issuer: string; purpose: bigint; firstWord: bigint; masks: bigint[]; on: boolean }
  | { name: "setStatusMasks"; issuer: string; purpose: bigint; words: bigint[]; masks: bigint[]; on: boolean }
  | { name: "anchorDigest"; identity: string; digest: string };

/** The identity that a write is to. @param account Whose call or consent it is */
export function identityOf(write: Write, account: string): string {
  switch (write.name) {
    case "registerDID":
      return account;
    case "setCredentialStatus":
    case "setStatus":
      return getAddress(write.credId.slice(0, 42));
    case "setStatusWords":
    case "setStatusMasks":
      return write.issuer;
    case "updateDocument":
    case "changeController":
    case "nameSuccessor":
    case "rotateController":
    case "addDelegate":
    case "revokeDelegate":
    case "deactivateDID":
    case "cancelNonces":
    case "anchorDigest":
      return write.identity;
  }
}

/** The role whose delegates may do this beside the controller. */
export function roleOf(write: Write): string | undefined {
  switch (write.name) {
    case "setCredentialStatus":
    case "setStatus":
    case "setStatusWords":
    case "setStatusMasks":
      return STATUS_ROLE;
    case "anchorDigest":
      return ANCHOR_ROLE;
    case "cancelNonces":
      return write.role;
    case "registerDID":
    case "updateDocument":
    case "changeController":
    case "nameSuccessor":
    case "rotateController":
    case "addDelegate":
    case "revokeDelegate":
    case "deactivateDID":
      return undefined;
  }
}

/** The calldata of a write as the account's own call. */
export function encodeCall(abi: Interface, write: Write): string {
  return encode(abi, callNameOf(write), { ...write });
}

/** The function that does a write as the account's own call: a registration with a digest has one of its own. */
export function callNameOf(write: Write): string {
  const withHash = write.name === "registerDID" && write.documentHash !== ZeroHash;
  return withHash ? "registerDIDWithHash" : write.name;
}

/** The calldata of a write with the consent of the account that may do it. */
export function encodeWithConsent(abi: Interface, write: Write, consent: object): string {
  return encode(abi, `${write.name}WithConsent`, { ...write, consent });
}

function encode(abi: Interface, name: string, values: Record<string, unknown>): string {
  const fragment = abi.getFunction(name);
  if (!fragment) throw new Error(`The registry has no function ${name}.`);
  return abi.encodeFunctionData(
    fragment,
    fragment.inputs.map((input) => values[input.name]),
  );
}
