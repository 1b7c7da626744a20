import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import type { ContractTransactionResponse } from "ethers";
import type { DIDRegistry } from "../../../typechain-types";
import { consent, type Consent, type ConsentType } from "./consents";
import type { Wish } from "./model";
import { DOCUMENT_HASH, STATUS_ROLE } from "./registry";

type Sending = Promise<ContractTransactionResponse>;

/** Sends a wish as the account's own call. */
export function send(registry: DIDRegistry, wish: Wish): Sending {
  switch (wish.kind) {
    case "register":
      return registry["registerDID(string,string,bytes32)"](wish.did, wish.documentUri, DOCUMENT_HASH);
    case "update":
      return registry.updateDocument(wish.identity, wish.documentUri, DOCUMENT_HASH);
    case "changeController":
      return registry.changeController(wish.identity, wish.newController);
    case "addDelegate":
      return registry.addDelegate(wish.identity, STATUS_ROLE, wish.delegate, wish.expiresAt);
    case "revokeDelegate":
      return registry.revokeDelegate(wish.identity, STATUS_ROLE, wish.delegate);
    case "deactivate":
      return registry.deactivateDID(wish.identity);
    case "burnNonce":
      return registry.burnNonce(wish.identity, wish.nonce);
    case "setStatus":
      return registry.setCredentialStatus(wish.credId, wish.revoked);
    case "suspend":
      return registry.suspendCredential(wish.credId);
    case "setStatuses":
      return registry.setCredentialStatuses(wish.credIds, wish.revoked);
    case "suspendMany":
      return registry.suspendCredentials(wish.credIds);
    case "setWords":
      return registry.setStatusWords(wish.issuer, wish.purpose, wish.firstWord, wish.words);
  }
}

/** Sends a wish with the consent of the account that has it. */
export function sendFor(registry: DIDRegistry, wish: Wish, by: Consent): Sending {
  switch (wish.kind) {
    case "register":
      return registry.registerDIDFor(wish.did, wish.documentUri, DOCUMENT_HASH, by);
    case "update":
      return registry.updateDocumentFor(wish.identity, wish.documentUri, DOCUMENT_HASH, by);
    case "changeController":
      return registry.changeControllerFor(wish.identity, wish.newController, by);
    case "addDelegate":
      return registry.addDelegateFor(wish.identity, STATUS_ROLE, wish.delegate, wish.expiresAt, by);
    case "revokeDelegate":
      return registry.revokeDelegateFor(wish.identity, STATUS_ROLE, wish.delegate, by);
    case "deactivate":
      return registry.deactivateDIDFor(wish.identity, by);
    case "burnNonce":
      return registry.burnNonceFor(wish.identity, by);
    case "setStatus":
      return registry.setCredentialStatusFor(wish.credId, wish.revoked, by);
    case "suspend":
      return registry.suspendCredentialFor(wish.credId, by);
    case "setStatuses":
      return registry.setCredentialStatusesFor(wish.credIds, wish.revoked, by);
    case "suspendMany":
      return registry.suspendCredentialsFor(wish.credIds, by);
    case "setWords":
      return registry.setStatusWordsFor(wish.issuer, wish.purpose, wish.firstWord, wish.words, by);
  }
}

const TYPES: Record<Wish["kind"], ConsentType> = {
  register: "RegisterDID",
  update: "UpdateDocument",
  changeController: "ChangeController",
  addDelegate: "AddDelegate",
  revokeDelegate: "RevokeDelegate",
  deactivate: "DeactivateDID",
  burnNonce: "BurnNonce",
  setStatus: "SetCredentialStatus",
  suspend: "SuspendCredential",
  setStatuses: "SetCredentialStatuses",
  suspendMany: "SuspendCredentials",
  setWords: "SetStatusWords",
};

/** The consent of an account to a wish; one that is not genuine is signed by another key. */
export function consentTo(
  registry: DIDRegistry,
  wish: Wish,
  account: HardhatEthersSigner,
  options: { nonce: bigint; deadline: bigint; key: HardhatEthersSigner },
): Promise<Consent> {
  return consent({
    registry,
    type: TYPES[wish.kind],
    message: { identity: account.address, documentHash: DOCUMENT_HASH, role: STATUS_ROLE, ...wish },
    identity: account.address,
    account: account.address,
    signer: options.key,
    nonce: options.nonce,
    deadline: options.deadline,
  });
}
