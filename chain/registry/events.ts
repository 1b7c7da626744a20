import type { DID_REGISTRY_ABI, ISSUER_REGISTRY_ABI } from "./abi";
import type { AccreditationEffect, Effect, IdentityEffect, NoEffect, StatusEffect } from "./effects";
import { purposeAt, type WordKey } from "./statusWord";

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
  /** Index into `STATUS_PURPOSES`. */
  purpose: number;
  word: WordKey;
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
    form: {
      identity: "indexed address",
      controller: "indexed address",
      did: "text",
      documentUri: "text",
      // SHA-256 of the hosted document; zero when none was given.
      documentHash: "bytes32",
      version: "counter",
    },
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
    form: {
      identity: "indexed address",
      previousController: "indexed address",
      newController: "indexed address",
      version: "counter",
    },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "controllerChanged", ...args }),
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
    form: {
      identity: "indexed address",
      role: "indexed bytes32",
      delegate: "indexed address",
      version: "counter",
    },
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
    form: { identity: "indexed address", signer: "indexed address", nonce: "counter" },
    subject: "identity",
    effect: (args) => ({ on: "identity", kind: "nonceConsumed", ...args }),
    projection: ["dids"],
  }),
  CredentialRevoked: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "bit", purpose: "revocation", value: true, ...args }),
    projection: ["dids", "words"],
  }),
  CredentialSuspended: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "bit", purpose: "suspension", value: true, ...args }),
    projection: ["dids", "words"],
  }),
  CredentialReinstated: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", credId: "indexed bytes32", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "bit", purpose: "suspension", value: false, ...args }),
    projection: ["dids", "words"],
  }),
  StatusWordChanged: event({
    registry: "DIDRegistry",
    form: {
      issuer: "indexed address",
      purpose: "indexed purpose",
      word: "indexed word",
      bits: "bits",
      changed: "bits",
      statusSequence: "counter",
    },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "word", ...args, purpose: purposeAt(args.purpose) }),
    projection: ["dids", "words"],
  }),
  RevocationWordsSet: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", firstWord: "word", words: "bitsList", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "words", purpose: "revocation", ...args }),
    projection: ["dids", "words"],
  }),
  SuspensionWordsSet: event({
    registry: "DIDRegistry",
    form: { issuer: "indexed address", firstWord: "word", words: "bitsList", statusSequence: "counter" },
    subject: "issuer",
    effect: (args) => ({ on: "status", kind: "words", purpose: "suspension", ...args }),
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
