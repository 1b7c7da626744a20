import fc from "fast-check";
import type { KeyName } from "./cast";

/** How many accounts a history has; see `createCast`. Those up to the last but one have the same key behind them. */
export const MEMBERS = 7;

const LAST_INDEX = 2n ** 96n - 1n;
const LAST_WORD = LAST_INDEX >> 8n;

/** The words of a list that a history can touch. */
export const WORDS_WATCHED = [0n, 1n, LAST_WORD - 1n, LAST_WORD];
export const PURPOSES_WATCHED = [0n, 1n, 255n];

/** An account: by its position, or by what it is to the identity that is written to. */
export type Who = { is: "member"; position: number } | { is: "controller" } | { is: "delegate" } | { is: "successor" };

/** A write by positions instead of addresses: `identity` and `to` count accounts, `salt` and `role` a few values. */
export type PlannedWrite =
  | { name: "registerDID"; uri: number; hash: boolean; foreign: boolean }
  | { name: "updateDocument"; identity: number; uri: number; hash: boolean }
  | { name: "changeController"; identity: number; to: number }
  | { name: "nameSuccessor"; identity: number; to: number; salt: number }
  | { name: "rotateController"; identity: number; salt: number; next: { to: number; salt: number } | null }
  | { name: "addDelegate"; identity: number; role: number; to: number; seconds: number }
  | { name: "revokeDelegate"; identity: number; role: number; to: number; existing: boolean }
  | { name: "deactivateDID"; identity: number }
  | { name: "cancelNonces"; identity: number; role: number; ahead: number; otherGrant: boolean }
  | { name: "setCredentialStatus"; identity: number; index: bigint; revoked: boolean }
  | { name: "setStatus"; identity: number; index: bigint; purpose: bigint; on: boolean }
  | { name: "setStatusWords"; identity: number; purpose: bigint; firstWord: bigint; masks: bigint[]; on: boolean }
  | { name: "setStatusMasks"; identity: number; purpose: bigint; words: bigint[]; masks: bigint[]; on: boolean }
  | { name: "anchorDigest"; identity: number; digest: number };

/**
 * Which nonce a consent carries: the current one moved by `ahead`; the first of the next grant, which anyone can
 * foresee; or a count without its grant.
 */
export type PlannedNonce = { is: "current"; ahead: number } | { is: "next grant" } | { is: "without grant" };

/** A consent that is signed. */
export interface PlannedConsent {
  who: Who;
  write: PlannedWrite;
  nonce: PlannedNonce;
  /** From the time of signing to the deadline. */
  secondsLeft: number;
  /** Whose key signs: one that the account accepts, or another. */
  key: "own" | "second" | KeyName;
  /** Whether the signature has the form of the account's kind. */
  formed: boolean;
}

/** What is changed about a consent between signing and sending; its signature stays. */
export type Relabelling =
  | { is: "nothing" }
  | { is: "signer"; to: number }
  | { is: "identity"; to: number }
  | { is: "function" }
  | { is: "argument" }
  | { is: "nonce" }
  | { is: "deadline" };

/** One step of a history: a transaction, or a signature that is made and kept. */
export interface Step {
  secondsLater: number;
  act:
    | { kind: "call"; who: Who; write: PlannedWrite }
    | { kind: "calls"; who: Who; writes: PlannedWrite[] }
    | { kind: "sign"; consent: PlannedConsent }
    | { kind: "sign and send"; consent: PlannedConsent }
    | { kind: "send"; signed: number; unsent: boolean; relabelling: Relabelling }
    | { kind: "bulk"; entries: BulkPlan[] };
}

export interface BulkPlan {
  position: number;
  uri: number;
  hash: boolean;
  nonce: PlannedNonce;
  secondsLeft: number;
  key: PlannedConsent["key"];
}

const rarely = fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

// Histories are dense: three of the accounts are written to nearly always.
const identity = fc.oneof({ weight: 12, arbitrary: fc.nat(2) }, { weight: 1, arbitrary: fc.nat(MEMBERS - 1) });
const member = fc.nat(MEMBERS - 1);
const index = fc.constantFrom(0n, 0n, 1n, 255n, 256n, LAST_INDEX);
const purpose = fc.constantFrom(0n, 0n, 1n, 1n, 1n, 1n, 1n, 255n);
const word = fc.oneof(
  { weight: 15, arbitrary: fc.constantFrom(0n, 0n, 0n, 1n, LAST_WORD) },
  { weight: 1, arbitrary: fc.constantFrom(LAST_WORD + 1n, 2n ** 256n - 1n) },
);
const mask = fc.oneof(
  fc.constantFrom(0n, 1n, 1n << 255n, 2n ** 256n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
);
const role = fc.constantFrom(0, 0, 0, 1, 1, 2);
const uri = fc.nat(2);
const hash = fc.boolean();
const salt = fc.nat(1);
const on = fc.constantFrom(true, true, true, false, false);

const writes: fc.Arbitrary<PlannedWrite> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant("registerDID" as const),
      uri,
      hash,
      foreign: rarely,
    }),
  },
  { weight: 4, arbitrary: fc.record({ name: fc.constant("updateDocument" as const), identity, uri, hash }) },
  { weight: 5, arbitrary: fc.record({ name: fc.constant("changeController" as const), identity, to: member }) },
  { weight: 3, arbitrary: fc.record({ name: fc.constant("nameSuccessor" as const), identity, to: member, salt }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant("rotateController" as const),
      identity,
      salt,
      next: fc.option(fc.record({ to: member, salt }), { nil: null }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      name: fc.constant("addDelegate" as const),
      identity,
      role,
      to: member,
      seconds: fc.constantFrom(-1, 0, 1, 30, 60, 100, 300, 300, 3000, 3000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant("revokeDelegate" as const),
      identity,
      role,
      to: member,
      existing: fc.constantFrom(true, true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ name: fc.constant("deactivateDID" as const), identity }) },
  {
    weight: 4,
    arbitrary: fc.record({
      name: fc.constant("cancelNonces" as const),
      identity,
      role,
      ahead: fc.constantFrom(-1, 0, 1, 1, 1, 2, 3, 65_536, 65_537),
      otherGrant: rarely,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      name: fc.constant("setCredentialStatus" as const),
      identity,
      index,
      revoked: fc.boolean(),
    }),
  },
  { weight: 9, arbitrary: fc.record({ name: fc.constant("setStatus" as const), identity, index, purpose, on }) },
  {
    weight: 6,
    arbitrary: fc.record({
      name: fc.constant("setStatusWords" as const),
      identity,
      purpose,
      firstWord: word,
      masks: fc.array(mask, { maxLength: 2 }),
      on,
    }),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({
        name: fc.constant("setStatusMasks" as const),
        identity,
        purpose,
        words: fc.array(word, { maxLength: 3 }),
        masks: fc.array(mask, { minLength: 3, maxLength: 3 }),
        on,
        unfitting: rarely,
      })
      .map(({ unfitting, masks, ...rest }) => ({
        ...rest,
        masks: unfitting ? masks : masks.slice(0, rest.words.length),
      })),
  },
  {
    weight: 6,
    arbitrary: fc.record({ name: fc.constant("anchorDigest" as const), identity, digest: fc.nat(2) }),
  },
);

// Left to chance alone, nearly all of a history would be refused.
const who: fc.Arbitrary<Who> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ is: fc.constant("member" as const), position: member }) },
  { weight: 6, arbitrary: fc.constant({ is: "controller" as const }) },
  { weight: 3, arbitrary: fc.constant({ is: "delegate" as const }) },
  { weight: 1, arbitrary: fc.constant({ is: "successor" as const }) },
);

const nonce: fc.Arbitrary<PlannedNonce> = fc.oneof(
  { weight: 16, arbitrary: fc.constant({ is: "current" as const, ahead: 0 }) },
  {
    weight: 3,
    arbitrary: fc.record({ is: fc.constant("current" as const), ahead: fc.constantFrom(1, 1, 2, -1) }),
  },
  { weight: 1, arbitrary: fc.constant({ is: "next grant" as const }) },
  { weight: 1, arbitrary: fc.constant({ is: "without grant" as const }) },
);

const key: fc.Arbitrary<PlannedConsent["key"]> = fc.oneof(
  { weight: 12, arbitrary: fc.constant("own" as const) },
  { weight: 3, arbitrary: fc.constant("second" as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("shared" as const, "delegated" as const, "covered" as const, "stranger" as const),
  },
);

const secondsLeft = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(1000, 1000, 200, 60) },
  { weight: 1, arbitrary: fc.constantFrom(0, -1) },
);

const consent: fc.Arbitrary<PlannedConsent> = fc.record({
  who,
  write: writes,
  nonce,
  secondsLeft,
  key,
  formed: rarely.map((rare) => !rare),
});

const relabelling: fc.Arbitrary<Relabelling> = fc.oneof(
  { weight: 14, arbitrary: fc.constant({ is: "nothing" as const }) },
  { weight: 5, arbitrary: fc.record({ is: fc.constant("signer" as const), to: member }) },
  { weight: 3, arbitrary: fc.record({ is: fc.constant("identity" as const), to: member }) },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom("function" as const, "argument" as const, "nonce" as const, "deadline" as const)
      .map((is) => ({ is })),
  },
);

const steps: fc.Arbitrary<Step> = fc.record({
  // Steps at one time are one transaction, which is what makes thousands of histories bearable.
  secondsLater: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.constantFrom(1, 1, 5, 20, 60) },
  ),
  act: fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant("call" as const), who, write: writes }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("calls" as const),
        who,
        writes: fc.array(writes, { minLength: 2, maxLength: 3 }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("sign" as const), consent }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("sign and send" as const), consent }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("send" as const),
        signed: fc.nat(30),
        unsent: fc.constantFrom(true, true, false),
        relabelling,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("bulk" as const),
        entries: fc.array(fc.record({ position: member, uri: fc.nat(3), hash, nonce, secondsLeft, key }), {
          maxLength: 4,
        }),
      }),
    },
  ),
});

/** Random histories of so many steps. */
export function histories(length: number): fc.Arbitrary<Step[]> {
  return fc.array(steps, { minLength: length, maxLength: length, size: "max" });
}
