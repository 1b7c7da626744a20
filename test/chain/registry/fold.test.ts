import { expect } from "chai";
import fc from "fast-check";
import type { RegistryEvent } from "../../../chain/registry/events";
import { positionOf, blockOf } from "../../../chain/registry/position";
import { placeOfCredential, wordAfter, wordKey } from "../../../chain/registry/statusWord";
import { formatNonce } from "../../../chain/registry/nonce";
import { type DidState, foldDid, foldIssuer } from "../../../chain/registry/fold";
import { foldWord, wordMergesOf, type WordState } from "../../../chain/registry/foldWord";

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
  documentUri: "https://a.example",
  documentHash: `0x${"00".repeat(32)}`,
  version: 1,
});
const fold = (...events: RegistryEvent[]) => events.reduce<DidState | null>(foldDid, null)!;
const nonceOf = (grant: number, count: number) => formatNonce({ grant, count }).toString();
const credIdOf = (index: number) => `${ALICE}${index.toString(16).padStart(24, "0")}`;
const delegateAdded = (at: number, version: number, expiresAt = "4000000000") =>
  event(at, "DelegateAdded", { identity: ALICE, role: ROLE, delegate: CAROL, expiresAt, version });
const consumed = (at: number, signer: string, nonce: string) =>
  event(at, "NonceConsumed", { identity: ALICE, signer, nonce });
const revoke = (index: number, sequence: number) =>
  event(sequence, "CredentialRevoked", { issuer: ALICE, credId: credIdOf(index), statusSequence: sequence });

describe("folding events", () => {
  it("takes an identity through its life", () => {
    const state = fold(
      registered,
      event(2, "ControllerChanged", { identity: ALICE, controller: CAROL, version: 2 }),
      delegateAdded(3, 3),
      consumed(4, CAROL, nonceOf(2, 0)),
      event(5, "DigestAnchored", { identity: ALICE, digest: ROLE, anchorSequence: 1 }),
      event(6, "DIDDeactivated", { identity: ALICE, version: 4 }),
    );
    expect(state).to.deep.include({ controller: CAROL, active: false, version: 4, controlVersion: 2, nonceCount: 1 });
    expect(state).to.deep.include({ anchorSequence: 1, unverified: null });
    const expiresAt = new Date(4_000_000_000_000);
    expect(state.delegates).to.deep.equal([{ role: ROLE, delegate: CAROL, expiresAt, grantVersion: 3, nonceCount: 0 }]);
    expect(state.created?.blockNumber).to.equal(1);
    expect(state.registration?.blockNumber).to.equal(1);
    expect(state.updated?.blockNumber, "a nonce is no change that counts").to.equal(6);
    expect(state.position).to.equal(positionOf(6, 0));
  });

  it("knows of an identity before its first change that it controls itself, and publishes nothing", () => {
    const state = fold(revoke(0, 1));
    expect(state).to.deep.include({ controller: ALICE, active: true, version: 0, registration: null, created: null });
    const args = { identity: ALICE, documentUri: "ipfs://a", documentHash: ROLE, version: 1 };
    const updated = event(2, "DocumentUpdated", args);
    expect(foldDid(state, updated).registration?.blockNumber, "an update registers as well").to.equal(2);
  });

  it("ends every delegation with a change of control, and follows successors", () => {
    const named = event(3, "SuccessorNamed", { identity: ALICE, commitment: ROLE, version: 3 });
    const commitment = `0x${"00".repeat(32)}`;
    const rotated = event(4, "ControllerRotated", { identity: ALICE, controller: CAROL, commitment, version: 4 });
    const guarded = fold(registered, delegateAdded(2, 2), named);
    expect(guarded).to.deep.include({ successor: ROLE, controlVersion: 0 });
    expect(guarded.delegates).to.have.length(1);
    const state = foldDid(guarded, rotated);
    expect(state).to.deep.include({ controller: CAROL, successor: null, controlVersion: 4, delegates: [] });
  });

  it("gives a role another end instead of giving it twice, and takes it away", () => {
    const state = fold(registered, delegateAdded(2, 2, "10"), delegateAdded(3, 3, "18446744073709551615"));
    const expiresAt = new Date(8.64e15);
    expect(state.delegates).to.deep.equal([{ role: ROLE, delegate: CAROL, expiresAt, grantVersion: 2, nonceCount: 0 }]);
    const revoked = event(4, "DelegateRevoked", { identity: ALICE, role: ROLE, delegate: CAROL, version: 4 });
    expect(foldDid(state, revoked).delegates).to.deep.equal([]);
  });

  it("counts a delegate's nonces with its role, which begins anew once it expired", () => {
    const spent = fold(registered, delegateAdded(2, 2, "10"), consumed(3, CAROL, nonceOf(2, 0)));
    expect(spent).to.deep.include({ nonceCount: 0, unverified: null });
    expect(spent.delegates[0]).to.deep.include({ grantVersion: 2, nonceCount: 1 });
    expect(foldDid(spent, delegateAdded(9, 3)).delegates[0], "prolonged in time").to.deep.include({ grantVersion: 2 });
    const anew = foldDid(spent, delegateAdded(10, 3));
    expect(anew.delegates[0], "after its end").to.deep.include({ grantVersion: 3, nonceCount: 0 });
    expect(foldDid(anew, consumed(11, CAROL, nonceOf(2, 1))).unverified?.reason).to.include("version 2");
  });

  it("skips the nonces that were cancelled", () => {
    const range = { firstNonce: nonceOf(0, 1), nextNonce: nonceOf(0, 7) };
    const cancelled = event(3, "NoncesCancelled", { identity: ALICE, signer: ALICE, ...range });
    const state = fold(registered, consumed(2, ALICE, nonceOf(0, 0)), cancelled, consumed(4, ALICE, nonceOf(0, 7)));
    expect(state).to.deep.include({ nonceCount: 8, unverified: null });
  });

  const update = (version: number) =>
    event(9, "DocumentUpdated", { identity: ALICE, documentUri: "https://b.example", documentHash: ROLE, version });
  for (const [what, skipping] of [
    ["a version", update(3)],
    ["a version that was before", update(1)],
    ["a status sequence", revoke(0, 2)],
    ["an anchor", event(9, "DigestAnchored", { identity: ALICE, digest: ROLE, anchorSequence: 2 })],
    ["a nonce", consumed(9, ALICE, nonceOf(0, 1))],
    ["a nonce of a role that nobody has", consumed(9, CAROL, nonceOf(1, 0))],
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
        const suspended = new Set<number>();
        let word: WordState | null = null;
        changes.forEach(([index, on], at) => {
          if (on) suspended.add(index);
          else suspended.delete(index);
          const args = { issuer: ALICE, credId: credIdOf(index), purpose: 1, statusSequence: at + 1 };
          const changed = event(at + 1, on ? "StatusSet" : "StatusCleared", args);
          for (const merge of wordMergesOf(changed)) word = foldWord(word, merge, changed);
        });
        const bits = Array.from({ length: 256 }, (_, index) => (suspended.has(index) ? "1" : "0")).join("");
        const expected = `0x${BigInt(`0b${bits}`).toString(16).padStart(64, "0")}`;
        expect((word as WordState | null)?.bits ?? `0x${"0".repeat(64)}`).to.equal(expected);
      }),
    );
  });

  it("merges masks into words: of a range each in its place, of scattered words where they say", () => {
    const masks = [`0x${"11".repeat(32)}`, `0x${"22".repeat(32)}`];
    const range = event(3, "RevocationWordsSet", { issuer: ALICE, firstWord: wordKey(255), masks, statusSequence: 1 });
    const idsOf = (purpose: number, words: number[]) => words.map((word) => `${ALICE}:${purpose}:${wordKey(word)}`);
    expect(wordMergesOf(range).map(({ id }) => id)).to.deep.equal(idsOf(0, [255, 256]));
    expect(wordMergesOf(range).map((merge) => foldWord(null, merge, range).bits)).to.deep.equal(masks);
    const words = [wordKey(9), wordKey(9)];
    const set = event(4, "StatusMasksSet", { issuer: ALICE, purpose: 200, words, masks, statusSequence: 2 });
    expect(wordMergesOf(set).map(({ id }) => id)).to.deep.equal(idsOf(200, [9, 9]));
    const twice = wordMergesOf(set).reduce<WordState | null>((before, merge) => foldWord(before, merge, set), null)!;
    expect(twice).to.deep.include({ purpose: 200, bits: `0x${"33".repeat(32)}` });
    const args = { issuer: ALICE, purpose: 200, firstWord: wordKey(9), masks: masks.slice(0, 1), statusSequence: 3 };
    const cleared = event(5, "StatusWordsCleared", args);
    expect(foldWord(twice, wordMergesOf(cleared)[0]!, cleared).bits).to.equal(masks[1]);
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
