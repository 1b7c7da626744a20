import { expect } from "chai";
import fc from "fast-check";
import type { RegistryEvent } from "../../../chain/registry/events";
import { positionOf, blockOf } from "../../../chain/registry/position";
import { placeOfCredential, wordAfter, wordKey } from "../../../chain/registry/statusWord";
import { type DidState, foldDid, foldIssuer } from "../../../chain/registry/fold";
import { foldWord, wordIdsOf, type WordState } from "../../../chain/registry/foldWord";

const ALICE = `0x${"a1".repeat(20)}`;
const CAROL = `0x${"ca".repeat(20)}`;
const ROLE = `0x${"12".repeat(32)}`;

function event(at: number, name: RegistryEvent["name"], args: object): RegistryEvent {
  const hash = `0x${at.toString(16).padStart(64, "0")}`;
  return {
    blockNumber: at,
    blockHash: hash,
    minedAt: new Date(at * 1000),
    transactionHash: hash,
    logIndex: 0,
    registry: "DIDRegistry",
    subject: ALICE,
    name,
    args,
  } as RegistryEvent;
}

const registered = event(1, "DIDRegistered", {
  identity: ALICE,
  controller: ALICE,
  did: `did:mychain:${ALICE}`,
  documentUri: "https://a.example",
  documentHash: `0x${"00".repeat(32)}`,
  version: 1,
});
const fold = (...events: RegistryEvent[]) => events.reduce<DidState | null>(foldDid, null)!;
const revoke = (index: number, sequence: number, name: RegistryEvent["name"] = "CredentialRevoked") =>
  event(sequence, name, {
    issuer: ALICE,
    credId: `${ALICE}${index.toString(16).padStart(24, "0")}`,
    statusSequence: sequence,
  });

describe("folding events", () => {
  it("takes an identity through its life", () => {
    const state = fold(
      registered,
      event(2, "DelegateAdded", { identity: ALICE, role: ROLE, delegate: CAROL, expiresAt: "4000000000", version: 2 }),
      event(3, "ControllerChanged", { identity: ALICE, previousController: ALICE, newController: CAROL, version: 3 }),
      event(4, "NonceConsumed", { identity: ALICE, signer: CAROL, nonce: 0 }),
      event(5, "DIDDeactivated", { identity: ALICE, version: 4 }),
    );
    expect(state).to.deep.include({ controller: CAROL, active: false, version: 4, nonce: 1, unverified: null });
    expect(state.delegates).to.deep.equal([{ role: ROLE, delegate: CAROL, expiresAt: new Date(4_000_000_000_000) }]);
    expect(state.created?.blockNumber).to.equal(1);
    expect(state.updated?.blockNumber, "a nonce is no change that counts").to.equal(5);
    expect(state.position).to.equal(positionOf(5, 0));
  });

  it("gives a role another end instead of giving it twice, and takes it away", () => {
    const delegate = (at: number, expiresAt: string) =>
      event(at, "DelegateAdded", { identity: ALICE, role: ROLE, delegate: CAROL, expiresAt, version: at });
    const state = fold(registered, delegate(2, "10"), delegate(3, "18446744073709551615"));
    expect(state.delegates).to.deep.equal([{ role: ROLE, delegate: CAROL, expiresAt: new Date(8.64e15) }]);
    const revoked = event(4, "DelegateRevoked", { identity: ALICE, role: ROLE, delegate: CAROL, version: 4 });
    expect(foldDid(state, revoked).delegates).to.deep.equal([]);
  });

  const update = (version: number) =>
    event(9, "DocumentUpdated", { identity: ALICE, documentUri: "https://b.example", documentHash: ROLE, version });
  for (const [what, skipping] of [
    ["a version", update(3)],
    ["a version that was before", update(1)],
    ["a status sequence", revoke(0, 2)],
    ["a nonce", event(9, "NonceConsumed", { identity: ALICE, signer: ALICE, nonce: 1 })],
  ] as const) {
    it(`takes an identity for unverified when ${what} does not follow, and says since when`, () => {
      const state = fold(registered, skipping);
      expect(state.unverified?.sinceBlock).to.equal(skipping.blockNumber);
      expect(foldDid(state, update(state.version + 1)).unverified, "it stays so").to.equal(state.unverified);
    });
  }

  it("takes an issuer for unverified whose version does not follow", () => {
    const accredited = (version: number) => event(2, "IssuerAccredited", { issuer: ALICE, metadataUri: "", version });
    expect(foldIssuer(null, accredited(1))).to.deep.include({ accredited: true, unverified: null });
    expect(foldIssuer(null, accredited(2))?.unverified?.reason).to.equal("version 2 follows 0");
  });

  it("sets and clears bits as a set of indices does, the lowest index first in the word", () => {
    const steps = fc.array(fc.tuple(fc.nat(255), fc.boolean()), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (changes) => {
        const id = `${ALICE}:suspension:${wordKey(0)}`;
        const suspended = new Set<number>();
        let word: WordState | null = null;
        changes.forEach(([index, on], at) => {
          if (on) suspended.add(index);
          else suspended.delete(index);
          word = foldWord(id, word, revoke(index, at + 1, on ? "CredentialSuspended" : "CredentialReinstated"));
        });
        const bits = Array.from({ length: 256 }, (_, index) => (suspended.has(index) ? "1" : "0")).join("");
        const expected = `0x${BigInt(`0b${bits}`).toString(16).padStart(64, "0")}`;
        expect((word as WordState | null)?.bits ?? `0x${"0".repeat(64)}`).to.equal(expected);
      }),
    );
  });

  it("takes whole words as they come, each in its place", () => {
    const words = [`0x${"11".repeat(32)}`, `0x${"22".repeat(32)}`];
    const set = event(3, "RevocationWordsSet", { issuer: ALICE, firstWord: wordKey(255), words, statusSequence: 1 });
    const ids = wordIdsOf(set);
    expect(ids).to.deep.equal([`${ALICE}:revocation:${wordKey(255)}`, `${ALICE}:revocation:${wordKey(256)}`]);
    expect(ids.map((id) => foldWord(id, null, set)?.bits)).to.deep.equal(words);
  });

  it("places credentials and positions without loss up to their limits", () => {
    const last = `${ALICE}${"f".repeat(24)}`;
    expect(placeOfCredential(last)).to.deep.equal({ word: "f".repeat(22), bit: 255 });
    expect(wordAfter(wordKey(15), 1)).to.equal(wordKey(16));
    expect(blockOf(positionOf(2 ** 32 - 1, 2 ** 21 - 1))).to.equal(2 ** 32 - 1);
    expect(positionOf(2 ** 32 - 1, 2 ** 21 - 1)).to.equal(Number.MAX_SAFE_INTEGER);
    expect(() => positionOf(2 ** 32, 0)).to.throw(RangeError);
    expect(() => positionOf(0, 2 ** 21)).to.throw(RangeError);
  });
});
