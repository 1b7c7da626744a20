import type { DID_REGISTRY_ABI, ISSUER_REGISTRY_ABI } from "./abi";
import type { AccreditationEffect, Effect, IdentityEffect, NoEffect, StatusEffect } from "./effects";
import { bit, range, scattered } from "./statusEffects";
import { PURPOSE } from "./statusPurpose";
import type { WordKey } from "./statusWord";

/**
 * The events of both registries, each once, with all that is to be decided about it. An event that the contracts have
 * and this table has not does not compile; nor does a new kind of argument, effect or projection that is not handled
 * wherever it has to be. Everything else that depends on an event asks this table.
 */

/** The contracts whose events are indexed. */
export type RegistryName = "DIDRegistry" | "IssuerRegistry";

/** The kinds of arguments, each with the type it is stored as. Hexadecimal is in lower case, with `0x`. */
export interface ArgumentTypes {
  address: string;
  bytes32: string;
  text: string;
  /** A number that stays below 2^53. */
  counter: number;
  /** 0 to 255 (`statusPurpose.ts`). */
  purpose: number;
  /** Of a consent, in decimal (`nonce.ts`). */
  nonce: string;
  word: WordKey;
  wordList: WordKey[];
  /** The 256 bits of a status word in hexadecimal; the first is of the lowest index. */
  bits: string;
  bitsList: string[];
  /** Unix seconds in decimal, up to 2^64 - 1. */
  seconds: string;
}
export type ArgumentKind = keyof ArgumentTypes;

/** What the projection consists of, by the names of its collections (`RegistryCollections`). */
export type ProjectionKind = "dids" | "issuers" | "words";

type Form = Readonly<Record<string, ArgumentKind | `indexed ${ArgumentKind}`>>;

type ArgumentsOf<EventForm extends Form> = {
  -readonly [Name in keyof EventForm]: EventForm[Name] extends `indexed ${infer Kind extends ArgumentKind}`
    ? ArgumentTypes[Kind]
    : EventForm[Name] extends ArgumentKind
      ? ArgumentTypes[EventForm[Name]]
      : never;
};

type EventRow<EventForm extends Form> = {
  registry: RegistryName;
  /** The arguments in the order of the ABI; `indexed` ones are topics of the log. */
  form: EventForm;
  /** The argument that names the identity or issuer the event is about; for a change of owner, the owner before. */
  subject: (keyof EventForm & string) | null;
} & (
  | { effect: (args: ArgumentsOf<EventForm>) => IdentityEffect; projection: readonly ["dids"] }
  | { effect: (args: ArgumentsOf<EventForm>) => StatusEffect; projection: readonly ["dids", "words"] }
  | { effect: (args: ArgumentsOf<EventForm>) => AccreditationEffect; projection: readonly ["issuers"] }
  | { effect: (args: ArgumentsOf<EventForm>) => NoEffect; projection: readonly [] }
);

/** The names of all events of the contracts. */
type AbiEventName = Extract<
  (typeof DID_REGISTRY_ABI)[number] | (typeof ISSUER_REGISTRY_ABI)[number],
  { type: "event" }
>["name"];

export const EVENTS = {
  DIDRegistered: event({
    registry: "DIDRegistry",
    // `documentHash` is the SHA-256 of the hosted document; zero when none was given.
    form: { identity: "indexed address", documentUri: "text", documentHash: "bytes32", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "registered", ...args }),
    projection: ["dids"],
  }),
  DocumentUpdated: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", documentUri: "text", documentHash: "bytes32", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "documentUpdated", ...args }),
    projection: ["dids"],
  }),
  ControllerChanged: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", controller: "indexed address", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "controllerChanged", ...args }),
    projection: ["dids"],
  }),
  SuccessorNamed: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", commitment: "bytes32", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "successorNamed", ...args }),
    projection: ["dids"],
  }),
  ControllerRotated: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", controller: "indexed address", commitment: "bytes32", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "controllerRotated", ...args }),
    projection: ["dids"],
  }),
  DelegateAdded: event({
    registry: "DIDRegistry",
    form: {
      identity: "indexed address",
      role: "indexed bytes32",
      delegate: "indexed address",
      expiresAt: "seconds",
      version: "counter",
    },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "delegateAdded", ...args }),
    projection: ["dids"],
  }),
  DelegateRevoked: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", role: "indexed bytes32", delegate: "indexed address", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "delegateRevoked", ...args }),
    projection: ["dids"],
  }),
  DIDDeactivated: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", version: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "deactivated", ...args }),
    projection: ["dids"],
  }),
  NonceConsumed: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", signer: "indexed address", nonce: "nonce" },
    subject: "identity",
    effect: ({ signer, nonce }) => ({
      on: "identity",
      kind: "noncesSpent",
      signer,
      firstNonce: BigInt(nonce),
      nextNonce: BigInt(nonce) + 1n,
    }),
    projection: ["dids"],
  }),
  NoncesCancelled: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", signer: "indexed address", firstNonce: "nonce", nextNonce: "nonce" },
    subject: "identity",
    effect: ({ signer, firstNonce, nextNonce }) => ({
      on: "identity",
      kind: "noncesSpent",
      signer,
      firstNonce: BigInt(firstNonce),
      nextNonce: BigInt(nextNonce),
    }),
    projection: ["dids"],
  }),
  DigestAnchored: event({
    registry: "DIDRegistry",
    form: { identity: "indexed address", digest: "indexed bytes32", anchorSequence: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "digestAnchored", ...args }),
    projection: ["dids"],
  }),
  CredentialRevoked: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => bit({ ...args, purpose: PURPOSE.revocation, value: true }),
    projection: ["dids", "words"],
  }),
  StatusSet: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", purpose: "purpose", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => bit({ ...args, value: true }),
    projection: ["dids", "words"],
  }),
  StatusCleared: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", purpose: "purpose", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => bit({ ...args, value: false }),
    projection: ["dids", "words"],
  }),
  RevocationWordsSet: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", firstWord: "word", masks: "bitsList", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => range({ ...args, purpose: PURPOSE.revocation, value: true }),
    projection: ["dids", "words"],
  }),
  StatusWordsSet: event({
    registry: "DIDRegistry",
    form: {
      issuer: "indexed address",
      purpose: "indexed purpose",
      firstWord: "word",
      masks: "bitsList",
      statusSequence: "counter",
    },
    subject: "issuer",
    effect: (args) => range({ ...args, value: true }),
    projection: ["dids", "words"],
  }),
  StatusWordsCleared: event({
    registry: "DIDRegistry",
    form: {
      issuer: "indexed address",
      purpose: "indexed purpose",
      firstWord: "word",
      masks: "bitsList",
      statusSequence: "counter",
    },
    subject: "issuer",
    effect: (args) => range({ ...args, value: false }),
    projection: ["dids", "words"],
  }),
  RevocationMasksSet: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", words: "wordList", masks: "bitsList", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => scattered({ ...args, purpose: PURPOSE.revocation, value: true }),
    projection: ["dids", "words"],
  }),
  StatusMasksSet: event({
    registry: "DIDRegistry",
    form: {
      issuer: "indexed address",
      purpose: "indexed purpose",
      words: "wordList",
      masks: "bitsList",
      statusSequence: "counter",
    },
    subject: "issuer",
    effect: (args) => scattered({ ...args, value: true }),
    projection: ["dids", "words"],
  }),
  StatusMasksCleared: event({
    registry: "DIDRegistry",
    form: {
      issuer: "indexed address",
      purpose: "indexed purpose",
      words: "wordList",
      masks: "bitsList",
      statusSequence: "counter",
    },
    subject: "issuer",
    effect: (args) => scattered({ ...args, value: false }),
    projection: ["dids", "words"],
  }),
  IssuerAccredited: event({
    registry: "IssuerRegistry",
    form: { issuer: "indexed address", metadataUri: "text", version: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "accreditation", accredited: true, ...args }),
    projection: ["issuers"],
  }),
  IssuerDiscredited: event({
    registry: "IssuerRegistry",
    form: { issuer: "indexed address", metadataUri: "text", version: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "accreditation", accredited: false, ...args }),
    projection: ["issuers"],
  }),
  OwnershipTransferStarted: event({
    registry: "IssuerRegistry",
    form: { previousOwner: "indexed address", newOwner: "indexed address" },
    subject: "previousOwner",
    effect: () => ({ on: "nothing" }),
    projection: [],
  }),
  OwnershipTransferred: event({
    registry: "IssuerRegistry",
    form: { previousOwner: "indexed address", newOwner: "indexed address" },
    subject: "previousOwner",
    effect: () => ({ on: "nothing" }),
    projection: [],
  }),
  EIP712DomainChanged: event({
    registry: "DIDRegistry",
    form: {},
    subject: null,
    effect: () => ({ on: "nothing" }),
    projection: [],
  }),
} satisfies Record<AbiEventName, unknown>;

function event<const EventForm extends Form>(row: EventRow<EventForm>): EventRow<EventForm> {
  return row;
}

export type EventName = keyof typeof EVENTS;

/** All events, in the order of the table. */
export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** Arguments of every event, by its name. */
export type EventArguments = { [Name in EventName]: ArgumentsOf<(typeof EVENTS)[Name]["form"]> };

/** Where on the chain something happened. */
export interface EventPlace {
  blockNumber: number;
  blockHash: string;
  /** The block's time. */
  minedAt: Date;
  transactionHash: string;
  logIndex: number;
}

/** One event, decoded, with its place. */
export type RegistryEvent = {
  [Name in EventName]: EventPlace & {
    registry: RegistryName;
    name: Name;
    /** The identity or issuer the event is about; for a change of owner, the owner before. */
    subject: string;
    args: EventArguments[Name];
  };
}[EventName];

/** What an event does to the projection. */
export function effectOf({ name, args }: RegistryEvent): Effect {
  // An event's arguments are those of its row, which TypeScript does not follow through a look-up.
  const effect = EVENTS[name].effect as (args: EventArguments[EventName]) => Effect;
  return effect(args);
}

/** Whether an event changes documents of a kind. */
export function affects(event: Pick<RegistryEvent, "name">, kind: ProjectionKind): boolean {
  return projectionOf(event.name).includes(kind);
}

/** The events that change documents of a kind, in the order of the table. */
export function eventsAffecting(kind: ProjectionKind): EventName[] {
  return EVENT_NAMES.filter((name) => projectionOf(name).includes(kind));
}

function projectionOf(name: EventName): readonly ProjectionKind[] {
  return EVENTS[name].projection;
}

/** An argument of an event. */
export interface EventArgument {
  name: string;
  kind: ArgumentKind;
  indexed: boolean;
}

/** The arguments of an event, in the order of the ABI. */
export function argumentsOf(name: EventName): EventArgument[] {
  return Object.entries<ArgumentKind | `indexed ${ArgumentKind}`>(EVENTS[name].form).map(([argument, kind]) => {
    const indexed = kind.startsWith("indexed ");
    return { name: argument, kind: kind.replace("indexed ", "") as ArgumentKind, indexed };
  });
}
