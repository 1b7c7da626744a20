import { type ContractTransactionResponse, ZeroHash } from "ethers";
import type { DIDRegistry } from "../../../typechain-types";
import type { Consent, ConsentType } from "./consents";
import { type Accounts, credIdOf, didOf, DOCUMENT_HASH, FOREVER, REVOCATION, STATUS_ROLE, URI } from "./registry";

/** A registry and who acts in it. */
export type World = { registry: DIDRegistry } & Accounts;

export const NEW_URI = "https://example.org/new/did.json";
/** A `...For` function, with what is signed and how it is sent. */
export interface SignedCall {
  type: ConsentType;
  /** Whose nonce the call consumes. */
  identity: (world: World) => string;
  message: (world: World) => Record<string, unknown>;
  send: (world: World, consent: Consent) => Promise<ContractTransactionResponse>;
  event: string;
}

/** Every `...For` function, by an account that may sign for it: the issuer, except for a registration. */
export const CALLS: SignedCall[] = [
  {
    type: "UpdateDocument",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address, documentUri: NEW_URI, documentHash: ZeroHash }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).updateDocumentFor(issuer.address, NEW_URI, ZeroHash, by),
    event: "DocumentUpdated",
  },
  {
    type: "ChangeController",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, stranger }) => ({ identity: issuer.address, newController: stranger.address }),
    send: ({ registry, issuer, stranger, relayer }, by) =>
      registry.connect(relayer).changeControllerFor(issuer.address, stranger.address, by),
    event: "ControllerChanged",
  },
  {
    type: "AddDelegate",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, stranger }) => ({
      identity: issuer.address,
      role: STATUS_ROLE,
      delegate: stranger.address,
      expiresAt: FOREVER,
    }),
    send: ({ registry, issuer, stranger, relayer }, by) =>
      registry.connect(relayer).addDelegateFor(issuer.address, STATUS_ROLE, stranger.address, FOREVER, by),
    event: "DelegateAdded",
  },
  {
    type: "RevokeDelegate",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer, delegate }) => ({ identity: issuer.address, role: STATUS_ROLE, delegate: delegate.address }),
    send: ({ registry, issuer, delegate, relayer }, by) =>
      registry.connect(relayer).revokeDelegateFor(issuer.address, STATUS_ROLE, delegate.address, by),
    event: "DelegateRevoked",
  },
  {
    type: "DeactivateDID",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address }),
    send: ({ registry, issuer, relayer }, by) => registry.connect(relayer).deactivateDIDFor(issuer.address, by),
    event: "DIDDeactivated",
  },
  {
    type: "BurnNonce",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ identity: issuer.address }),
    send: ({ registry, issuer, relayer }, by) => registry.connect(relayer).burnNonceFor(issuer.address, by),
    event: "NonceConsumed",
  },
  {
    type: "SetCredentialStatus",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credId: credIdOf(issuer, 7), revoked: true }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setCredentialStatusFor(credIdOf(issuer, 7), true, by),
    event: "CredentialRevoked",
  },
  {
    type: "SuspendCredential",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credId: credIdOf(issuer, 7) }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).suspendCredentialFor(credIdOf(issuer, 7), by),
    event: "CredentialSuspended",
  },
  {
    type: "SetCredentialStatuses",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credIds: [credIdOf(issuer, 7), credIdOf(issuer, 300)], revoked: true }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setCredentialStatusesFor([credIdOf(issuer, 7), credIdOf(issuer, 300)], true, by),
    event: "StatusWordChanged",
  },
  {
    type: "SuspendCredentials",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ credIds: [credIdOf(issuer, 7), credIdOf(issuer, 300)] }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).suspendCredentialsFor([credIdOf(issuer, 7), credIdOf(issuer, 300)], by),
    event: "StatusWordChanged",
  },
  {
    type: "SetStatusWords",
    identity: ({ issuer }) => issuer.address,
    message: ({ issuer }) => ({ issuer: issuer.address, purpose: REVOCATION, firstWord: 3, words: [1n, 2n] }),
    send: ({ registry, issuer, relayer }, by) =>
      registry.connect(relayer).setStatusWordsFor(issuer.address, REVOCATION, 3, [1n, 2n], by),
    event: "RevocationWordsSet",
  },
];

/** Those that a status delegate may sign for. */
export const STATUS_CALLS = CALLS.filter(({ type }) => /Status|Suspend/.test(type));
/** Those that only the controller may sign for. */
export const CONTROLLER_CALLS = CALLS.filter((call) => !STATUS_CALLS.includes(call));

/** A registration is signed by the identity that is to be. */
export const REGISTER: SignedCall = {
  type: "RegisterDID",
  identity: ({ stranger }) => stranger.address,
  message: ({ stranger }) => ({
    identity: stranger.address,
    did: didOf(stranger.address),
    documentUri: URI,
    documentHash: DOCUMENT_HASH,
  }),
  send: ({ registry, stranger, relayer }, by) =>
    registry.connect(relayer).registerDIDFor(didOf(stranger.address), URI, DOCUMENT_HASH, by),
  event: "DIDRegistered",
};
