import { type ContractTransactionResponse, ZeroHash } from "ethers";
import type { DIDRegistry } from "../../../typechain-types";
import { networkAccount, type TestAccount } from "./accounts";
import { type Consent, consentTo, type ConsentOptions, type SignedWrite } from "./consents";
import {
  type Accounts,
  ANCHOR_ROLE,
  commitmentOf,
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  FOREVER,
  NEW_URI,
  OTHER_ROLE,
  saltOf,
  STATUS_ROLE,
  SUSPENSION,
  URI,
  type World,
} from "./registry";
import { encodeWithConsent, roleOf } from "./writes";

/** Who acts, by address alone: an example can be made for accounts of any kind. */
export type Actors = Record<keyof Accounts, { address: string }>;

/** A function with a twin named `...WithConsent`, with an example of what is signed. */
export interface SignedCall {
  name: SignedWrite["name"];
  /** In whose name it is: the issuer's, save where that is not possible. */
  identity: (actors: Actors) => { address: string };
  /** Who may sign it. */
  signer: (actors: Actors) => TestAccount;
  write: (actors: Actors) => SignedWrite;
  event: string;
  /** The same with another value, for each argument but the identity's. */
  otherValues: (actors: Actors) => Record<string, unknown>;
  /** What must have happened before. */
  prepare?: (world: World) => Promise<unknown>;
}

const issuer = ({ issuer: account }: Actors) => account;
const issuerSigns = (actors: Actors) => networkAccount(actors.issuer);

/** Every function that takes a consent. */
export const SIGNED_CALLS: SignedCall[] = [
  {
    name: "registerDID",
    identity: ({ stranger }) => stranger,
    signer: ({ stranger }) => networkAccount(stranger),
    write: ({ stranger }) => ({
      name: "registerDID",
      did: didOf(stranger.address),
      documentUri: URI,
      documentHash: DOCUMENT_HASH,
    }),
    event: "DIDRegistered",
    otherValues: () => ({ documentUri: NEW_URI, documentHash: ZeroHash }),
  },
  {
    name: "updateDocument",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "updateDocument",
      identity: actors.issuer.address,
      documentUri: NEW_URI,
      documentHash: ZeroHash,
    }),
    event: "DocumentUpdated",
    otherValues: () => ({ documentUri: URI, documentHash: DOCUMENT_HASH }),
  },
  {
    name: "changeController",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "changeController",
      identity: actors.issuer.address,
      newController: actors.stranger.address,
    }),
    event: "ControllerChanged",
    otherValues: ({ holder }) => ({ newController: holder.address }),
  },
  {
    name: "nameSuccessor",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "nameSuccessor",
      identity: actors.issuer.address,
      commitment: commitmentOf(actors.issuer.address, actors.stranger.address, saltOf(0)),
    }),
    event: "SuccessorNamed",
    otherValues: () => ({ commitment: saltOf(1) }),
  },
  {
    name: "rotateController",
    identity: issuer,
    signer: ({ stranger }) => networkAccount(stranger),
    write: (actors) => ({
      name: "rotateController",
      identity: actors.issuer.address,
      salt: saltOf(0),
      nextCommitment: saltOf(1),
    }),
    event: "ControllerRotated",
    otherValues: () => ({ nextCommitment: saltOf(2) }),
    prepare: ({ registry, issuer: account, stranger }) =>
      registry
        .connect(account)
        .nameSuccessor(account.address, commitmentOf(account.address, stranger.address, saltOf(0))),
  },
  {
    name: "addDelegate",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "addDelegate",
      identity: actors.issuer.address,
      role: STATUS_ROLE,
      delegate: actors.stranger.address,
      expiresAt: FOREVER,
    }),
    event: "DelegateAdded",
    otherValues: ({ holder }) => ({ role: OTHER_ROLE, delegate: holder.address, expiresAt: FOREVER - 1n }),
  },
  {
    name: "revokeDelegate",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "revokeDelegate",
      identity: actors.issuer.address,
      role: STATUS_ROLE,
      delegate: actors.delegate.address,
    }),
    event: "DelegateRevoked",
    otherValues: ({ holder }) => ({ role: ANCHOR_ROLE, delegate: holder.address }),
  },
  {
    name: "deactivateDID",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({ name: "deactivateDID", identity: actors.issuer.address }),
    event: "DIDDeactivated",
    otherValues: () => ({}),
  },
  {
    name: "cancelNonces",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({ name: "cancelNonces", identity: actors.issuer.address, role: STATUS_ROLE, nextNonce: 5n }),
    event: "NoncesCancelled",
    otherValues: () => ({ role: ANCHOR_ROLE, nextNonce: 6n }),
  },
  {
    name: "setStatus",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({ name: "setStatus", credId: credIdOf(actors.issuer, 7), purpose: SUSPENSION, on: true }),
    event: "StatusSet",
    otherValues: (actors) => ({ credId: credIdOf(actors.issuer, 8), purpose: 2n, on: false }),
  },
  {
    name: "setStatusWords",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "setStatusWords",
      issuer: actors.issuer.address,
      purpose: SUSPENSION,
      firstWord: 3n,
      masks: [1n, 2n],
      on: true,
    }),
    event: "StatusWordsSet",
    otherValues: () => ({ purpose: 2n, firstWord: 4n, masks: [2n, 1n], on: false }),
  },
  {
    name: "setStatusMasks",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({
      name: "setStatusMasks",
      issuer: actors.issuer.address,
      purpose: SUSPENSION,
      words: [9n, 3n],
      masks: [1n, 2n],
      on: true,
    }),
    event: "StatusMasksSet",
    otherValues: () => ({ purpose: 2n, words: [3n, 9n], masks: [2n, 1n], on: false }),
  },
  {
    name: "anchorDigest",
    identity: issuer,
    signer: issuerSigns,
    write: (actors) => ({ name: "anchorDigest", identity: actors.issuer.address, digest: DOCUMENT_HASH }),
    event: "DigestAnchored",
    otherValues: () => ({ digest: ZeroHash }),
  },
];

/** Those that a delegate may sign for, each with its role. */
export const DELEGATE_CALLS = SIGNED_CALLS.filter(({ name }) => /^(set|anchor|cancel)/.test(name));
/** Those that the controller alone may sign for. */
export const CONTROLLER_CALLS = SIGNED_CALLS.filter(
  (call) => !DELEGATE_CALLS.includes(call) && !/^(registerDID|rotateController)$/.test(call.name),
);

/** A consent to what a call signs. A rotation's nonce has no count. */
export async function consentFor(
  call: SignedCall,
  world: Actors & { registry: DIDRegistry },
  options: ConsentOptions & { write?: SignedWrite; signer?: TestAccount } = {},
): Promise<Consent> {
  const { write = call.write(world), signer = call.signer(world), ...rest } = options;
  const nonce = rest.nonce ?? (await nonceFor(call, world, write, rest.account ?? signer.address));
  return consentTo(world.registry, write, signer, { ...rest, nonce });
}

async function nonceFor(
  call: SignedCall,
  world: Actors & { registry: DIDRegistry },
  write: SignedWrite,
  account: string,
): Promise<bigint> {
  const { registry } = world;
  const { address } = call.identity(world);
  if (call.name === "rotateController") return (await registry.resolveDID(address)).controlVersion << 64n;
  try {
    return await registry.nonceOfSigner(address, roleOf(write) ?? ZeroHash, account);
  } catch {
    // Nobody's nonce is asked for who may not sign: what such a consent carries does not matter.
    return 0n;
  }
}

/** Sends a write with a consent, as a relayer does. */
export function sendWithConsent(world: World, write: SignedWrite, by: object): Promise<ContractTransactionResponse> {
  return sendData(world, encodeWithConsent(world.registry.interface, write, by));
}

async function sendData({ registry, relayer }: World, data: string): Promise<ContractTransactionResponse> {
  return (await relayer.sendTransaction({ to: await registry.getAddress(), data })) as ContractTransactionResponse;
}
