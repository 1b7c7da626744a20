import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import fc from "fast-check";
import { ethers } from "hardhat";
import { formatCredId } from "../../../chain/status/credId";
import type { RegistryModel, Wish } from "./model";
import { didOf, REVOCATION, SUSPENSION, URI } from "./registry";

/** Accounts 0 to 2 are identities now and then; 3 is only ever a stranger, a controller or a delegate. */
export const ACCOUNTS = 4;
const LAST_INDEX = 2n ** 96n - 1n;
const LAST_WORD = LAST_INDEX >> 8n;
/** The words that a history can touch. */
export const WORDS_WATCHED = [0n, 1n, LAST_WORD];

/** One step of a history: somebody wants something, by a call or by a consent. */
export interface Step {
  actor: { is: "account"; position: number } | { is: "controller" } | { is: "delegate" };
  wish: (accounts: HardhatEthersSigner[], nowSeconds: bigint, nonceOf: (address: string) => bigint) => Wish;
  secondsLater: number;
  consent: { nonceOffset: bigint; secondsLeft: number; genuine: boolean } | undefined;
}

const who = fc.nat(ACCOUNTS - 1);
const identity = fc.nat(2);
const index = fc.constantFrom(0n, 1n, 2n, 255n, 256n, 257n, 511n, LAST_INDEX);
const uri = fc.constantFrom(URI, "https://example.org/a", "https://example.org/b");
const bits = fc.oneof(
  fc.constantFrom(0n, 1n, 1n << 255n, 2n ** 256n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }),
);

/** The account at a position. */
export function at(accounts: HardhatEthersSigner[], position: number): HardhatEthersSigner {
  const account = accounts[position];
  if (!account) throw new Error(`There is no account ${position}.`);
  return account;
}

/** A wish of nobody yet: accounts are known only when the history is played. */
const wishes: fc.Arbitrary<Step["wish"]> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(who, uri).map(([i, documentUri]): Step["wish"] => (accounts) => ({
      kind: "register",
      did: didOf(at(accounts, i).address),
      documentUri,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(identity, uri).map(([i, documentUri]): Step["wish"] => (accounts) => ({
      kind: "update",
      identity: at(accounts, i).address,
      documentUri,
    })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(identity, who).map(([i, j]): Step["wish"] => (accounts) => ({
      kind: "changeController",
      identity: at(accounts, i).address,
      newController: at(accounts, j).address,
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(identity, who, fc.integer({ min: -1, max: 60 }))
      .map(([i, j, seconds]): Step["wish"] => (accounts, now) => ({
        kind: "addDelegate",
        identity: at(accounts, i).address,
        delegate: at(accounts, j).address,
        expiresAt: now + BigInt(seconds),
      })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(identity, who).map(([i, j]): Step["wish"] => (accounts) => ({
      kind: "revokeDelegate",
      identity: at(accounts, i).address,
      delegate: at(accounts, j).address,
    })),
  },
  {
    weight: 1,
    arbitrary: identity.map((i): Step["wish"] => (accounts) => ({
      kind: "deactivate",
      identity: at(accounts, i).address,
    })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(identity, fc.bigInt(-1n, 1n)).map(([i, offset]): Step["wish"] => (accounts, _now, nonceOf) => ({
      kind: "burnNonce",
      identity: at(accounts, i).address,
      nonce: shifted(nonceOf(at(accounts, i).address), offset),
    })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(identity, index, fc.boolean()).map(([i, n, revoked]): Step["wish"] => (accounts) => ({
      kind: "setStatus",
      credId: credIdOf(accounts, i, n),
      revoked,
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(identity, index)
      .map(([i, n]): Step["wish"] => (accounts) => ({ kind: "suspend", credId: credIdOf(accounts, i, n) })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(batchOf(), fc.boolean()).map(([ids, revoked]): Step["wish"] => (accounts) => ({
      kind: "setStatuses",
      credIds: ids.map(([i, n]) => credIdOf(accounts, i, n)),
      revoked,
    })),
  },
  {
    weight: 3,
    arbitrary: batchOf().map((ids): Step["wish"] => (accounts) => ({
      kind: "suspendMany",
      credIds: ids.map(([i, n]) => credIdOf(accounts, i, n)),
    })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        identity,
        fc.constantFrom(REVOCATION, SUSPENSION),
        fc.constantFrom(0n, 1n, LAST_WORD),
        fc.array(bits, { maxLength: 2 }),
      )
      .map(([i, purpose, firstWord, words]): Step["wish"] => (accounts) => ({
        kind: "setWords",
        issuer: at(accounts, i).address,
        purpose,
        firstWord,
        words,
      })),
  },
);

/** Ids of mostly one issuer. */
function batchOf(): fc.Arbitrary<[number, bigint][]> {
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc
        .tuple(identity, fc.array(index, { minLength: 1, maxLength: 6 }))
        .map(([i, all]) => all.map((n): [number, bigint] => [i, n])),
    },
    { weight: 1, arbitrary: fc.array(fc.tuple(identity, index), { minLength: 2, maxLength: 4 }) },
  );
}

const steps: fc.Arbitrary<Step> = fc.record({
  // Left to chance alone, nearly all of a history would be refused.
  actor: fc.oneof(
    { weight: 2, arbitrary: who.map((position) => ({ is: "account" as const, position })) },
    { weight: 4, arbitrary: fc.constant({ is: "controller" as const }) },
    { weight: 2, arbitrary: fc.constant({ is: "delegate" as const }) },
  ),
  wish: wishes,
  secondsLater: fc.integer({ min: 1, max: 20 }),
  consent: fc.option(
    fc.record({
      nonceOffset: fc.constantFrom(0n, 0n, 0n, 0n, 0n, 0n, -1n, 1n),
      secondsLeft: fc.constantFrom(1000, 1000, 1000, 1000, 0, -1),
      genuine: fc.constantFrom(true, true, true, true, true, true, false),
    }),
    { nil: undefined },
  ),
});

function credIdOf(accounts: HardhatEthersSigner[], position: number, index: bigint): string {
  return formatCredId({ issuer: at(accounts, position).address, index });
}

/** A nonce near another one, and never below zero. */
export function shifted(nonce: bigint, offset: bigint): bigint {
  return nonce + offset < 0n ? nonce : nonce + offset;
}

/** Whose nonce a consent to this wish must carry. */
export function identityOf(wish: Wish, account: string): string {
  if (wish.kind === "register") return account;
  if ("identity" in wish) return wish.identity;
  if ("issuer" in wish) return wish.issuer;
  return ethers.getAddress(("credId" in wish ? wish.credId : (wish.credIds[0] ?? "")).slice(0, 42));
}

/** Histories of so many steps, most of which begin with identities that are registered. */
export function histories(length: number): fc.Arbitrary<Step[]> {
  const registered = fc.constantFrom(0, 1, 2, 2, 3, 3);
  const rest = fc.array(steps, { minLength: length, maxLength: length, size: "max" });
  return fc.tuple(registered, rest).map(([count, later]) => [...registrations.slice(0, count), ...later]);
}

const registrations: Step[] = [0, 1, 2].map((position) => ({
  actor: { is: "account", position },
  wish: (accounts) => ({ kind: "register", did: didOf(at(accounts, position).address), documentUri: URI }),
  secondsLater: 1,
  consent: undefined,
}));

/** Who has the wish of a step. */
export function actorOf(
  step: Step,
  wish: Wish,
  model: RegistryModel,
  accounts: HardhatEthersSigner[],
): HardhatEthersSigner {
  if (step.actor.is === "account") return at(accounts, step.actor.position);
  const own = accounts.find(({ address }) => wish.kind === "register" && wish.did === didOf(address));
  if (own) return own;
  const identity = model.of(identityOf(wish, at(accounts, 0).address));
  const [delegate] = identity.delegates.keys();
  const wanted = step.actor.is === "delegate" ? delegate : identity.controller;
  return accounts.find(({ address }) => address === wanted) ?? at(accounts, 0);
}
