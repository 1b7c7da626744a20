import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import fc from "fast-check";
import { ethers } from "hardhat";
import { wordsToBytes, getBit } from "../../core/status/bitstring";
import { formatCredId } from "../../core/status/credId";
import type { DIDRegistry } from "../../typechain-types";
import { Refusal, RegistryModel, type Way, type Wish } from "./support/model";
import { fieldsOf, outcomeOf } from "./support/outcome";
import { didOf, emptyRegistry, REVOCATION, STATUS_ROLE, SUSPENSION, URI } from "./support/registry";
import { consentTo, send, sendFor } from "./support/wishes";

/** How many random histories are played. `CONTRACT_PROPERTY_RUNS=1000` for a night of them. */
const RUNS = Number(process.env["CONTRACT_PROPERTY_RUNS"] ?? 40);
const STEPS = 40;

/** Accounts 0 to 2 are identities now and then; 3 is only ever a stranger or a delegate. */
const ACCOUNTS = 4;
const LAST_INDEX = 2n ** 96n - 1n;
const LAST_WORD = LAST_INDEX >> 8n;
const WORDS_WATCHED = [0n, 1n, LAST_WORD];

interface Step {
  account: number;
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

function at(accounts: HardhatEthersSigner[], position: number): HardhatEthersSigner {
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
  account: who,
  wish: wishes,
  secondsLater: fc.integer({ min: 1, max: 20 }),
  consent: fc.option(
    fc.record({
      nonceOffset: fc.constantFrom(0n, 0n, 0n, 0n, -1n, 1n),
      secondsLeft: fc.constantFrom(1000, 1000, 1000, 0, -1),
      genuine: fc.constantFrom(true, true, true, true, false),
    }),
    { nil: undefined },
  ),
});

function credIdOf(accounts: HardhatEthersSigner[], position: number, index: bigint): string {
  return formatCredId({ issuer: at(accounts, position).address, index });
}

function shifted(nonce: bigint, offset: bigint): bigint {
  return nonce + offset < 0n ? nonce : nonce + offset;
}

/** Whose nonce a consent to this wish must carry. */
function identityOf(wish: Wish, account: string): string {
  if (wish.kind === "register") return account;
  if ("identity" in wish) return wish.identity;
  if ("issuer" in wish) return wish.issuer;
  return ethers.getAddress(("credId" in wish ? wish.credId : (wish.credIds[0] ?? "")).slice(0, 42));
}

function expectedOf(model: RegistryModel, wish: Wish, way: Way): { events: string[] } | { error: string } {
  try {
    return { events: model.apply(wish, way) };
  } catch (thrown) {
    if (thrown instanceof Refusal) return { error: thrown.error };
    throw thrown;
  }
}

async function expectSameState(registry: DIDRegistry, model: RegistryModel, accounts: HardhatEthersSigner[]) {
  for (const { address } of accounts) {
    const expected = model.of(address);
    const record = await registry.resolveDID(address);
    const registered = expected.stage !== "unregistered";
    expect(fieldsOf(record)).to.include({
      did: registered ? didOf(address) : "",
      documentUri: expected.documentUri,
      controller: registered ? expected.controller : ethers.ZeroAddress,
      version: expected.version,
      statusSequence: expected.statusSequence,
      nonce: expected.nonce,
      active: expected.stage === "active",
    });
    for (const purpose of [REVOCATION, SUSPENSION]) {
      for (const word of WORDS_WATCHED) {
        const [stored = 0n] = await registry.statusWords(address, purpose, word, 1);
        expect(stored).to.equal(expected.words[purpose === REVOCATION ? 0 : 1].get(word) ?? 0n);
      }
    }
    for (const { address: delegate } of accounts) {
      const expiresAt = await registry.delegateExpiresAt(address, STATUS_ROLE, delegate);
      expect(expiresAt).to.equal(expected.delegates.get(delegate) ?? 0n);
    }
  }
}

/** What no history may ever do, whatever the model says: end a revocation, a deactivation, or leave a gap. */
class Witness {
  private readonly revoked = new Map<string, bigint>();
  private readonly counters = new Map<string, bigint>();

  async look(registry: DIDRegistry, account: HardhatEthersSigner): Promise<void> {
    const record = await registry.resolveDID(account.address);
    if (this.counters.get(`${account.address} deactivated`) === 1n) expect(record.active).to.equal(false);
    if (record.version > 0n && !record.active) this.counters.set(`${account.address} deactivated`, 1n);
    for (const word of WORDS_WATCHED) {
      const [bits = 0n] = await registry.statusWords(account.address, REVOCATION, word, 1);
      const before = this.revoked.get(`${account.address} ${word}`) ?? 0n;
      expect(bits & before).to.equal(before);
      this.revoked.set(`${account.address} ${word}`, bits);
    }
  }

  /** Every counted event is exactly one more than the last of its identity and kind. */
  count(registry: DIDRegistry, logs: readonly { topics: readonly string[]; data: string }[]): void {
    for (const log of logs) {
      const parsed = registry.interface.parseLog(log);
      if (!parsed) throw new Error("The registry emitted an event that is not in its interface.");
      const counter = parsed.name === "NonceConsumed" ? "nonce" : parsed.args["version"] ? "version" : "statusSequence";
      const key = `${String(parsed.args[0])} ${counter}`;
      const last = this.counters.get(key) ?? (counter === "nonce" ? -1n : 0n);
      expect(parsed.args[counter], parsed.name).to.equal(last + 1n);
      this.counters.set(key, last + 1n);
    }
  }
}

describe("under every history of calls", () => {
  it("the registry does what its model does: same events, same refusals, same state", async function () {
    this.timeout(RUNS * 5000);
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: STEPS, maxLength: STEPS, size: "max" }), async (history) => {
        const { registry } = await loadFixture(emptyRegistry);
        const accounts = (await ethers.getSigners()).slice(0, ACCOUNTS);
        const relayer = at(await ethers.getSigners(), ACCOUNTS);
        const model = new RegistryModel();
        const witness = new Witness();
        let nowSeconds = BigInt(await time.latest());
        for (const step of history) {
          nowSeconds += BigInt(step.secondsLater);
          const account = at(accounts, step.account);
          const wish = step.wish(accounts, nowSeconds, (address) => model.of(address).nonce);
          const way: Way = { account: account.address, nowSeconds };
          let sending;
          await time.setNextBlockTimestamp(nowSeconds);
          if (step.consent) {
            const { nonceOffset, secondsLeft, genuine } = step.consent;
            const nonce = shifted(model.of(identityOf(wish, account.address)).nonce, nonceOffset);
            const deadline = nowSeconds + BigInt(secondsLeft);
            way.consent = { nonce, deadline, genuine };
            const key = genuine ? account : relayer;
            const by = await consentTo(registry, wish, account, { nonce, deadline, key });
            sending = sendFor(registry.connect(relayer), wish, by);
          } else {
            sending = send(registry.connect(account), wish);
          }
          const actual = await outcomeOf(registry.interface, sending);
          const expected = expectedOf(model, wish, way);
          expect({ ...actual, gasUsed: undefined }, wish.kind).to.deep.equal({ ...expected, gasUsed: undefined });
        }
        await expectSameState(registry, model, accounts);
        witness.count(
          registry,
          await ethers.provider.getLogs({ address: await registry.getAddress(), fromBlock: 0 }),
        );
      }),
      { numRuns: RUNS },
    );
  });

  it("nothing revoked or deactivated ever comes back", async function () {
    this.timeout(RUNS * 5000);
    await fc.assert(
      fc.asyncProperty(
        fc.array(steps, { minLength: STEPS / 2, maxLength: STEPS / 2, size: "max" }),
        async (history) => {
          const { registry } = await loadFixture(emptyRegistry);
          const accounts = (await ethers.getSigners()).slice(0, ACCOUNTS);
          const [first] = accounts;
          if (!first) throw new Error("The network has no accounts.");
          await send(registry, { kind: "register", did: didOf(first.address), documentUri: URI });
          const witness = new Witness();
          for (const step of history) {
            const now = BigInt(await time.latest());
            // Each wish is the first account's own, so that most come true.
            await outcomeOf(
              registry.interface,
              send(
                registry,
                step.wish([first, first, first, first], now, () => 0n),
              ),
            );
            await witness.look(registry, first);
          }
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("a batch leaves what its singles leave, and the bits lie where the bitstring has them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(1023), { minLength: 1, maxLength: 30 }),
        fc.array(fc.nat(1023), { maxLength: 10 }),
        fc.constantFrom<"revoke" | "suspend" | "reinstate">("revoke", "suspend", "reinstate"),
        async (indexes, suspendedBefore, change) => {
          const words = async (batch: boolean) => {
            const { registry, issuer } = await loadFixture(emptyRegistry);
            const ids = (all: number[]) => all.map((index) => formatCredId({ issuer: issuer.address, index }));
            const asIssuer = registry.connect(issuer);
            await asIssuer["registerDID(string,string)"](didOf(issuer.address), URI);
            if (suspendedBefore.length > 0) await asIssuer.suspendCredentials(ids(suspendedBefore));
            if (batch && change === "suspend") await asIssuer.suspendCredentials(ids(indexes));
            else if (batch) await asIssuer.setCredentialStatuses(ids(indexes), change === "revoke");
            else {
              for (const credId of ids(indexes)) {
                if (change === "suspend") await asIssuer.suspendCredential(credId);
                else await asIssuer.setCredentialStatus(credId, change === "revoke");
              }
            }
            const purpose = change === "revoke" ? REVOCATION : SUSPENSION;
            return [...(await registry.statusWords(issuer.address, purpose, 0, 4))];
          };
          const together = await words(true);
          expect(together).to.deep.equal(await words(false));
          const wanted = new Set(change === "suspend" ? [...indexes, ...suspendedBefore] : indexes);
          const bytes = wordsToBytes(together);
          for (let index = 0; index < 1024; index++) {
            const on =
              change === "reinstate" ? suspendedBefore.includes(index) && !wanted.has(index) : wanted.has(index);
            expect(getBit(bytes, index), `index ${index}`).to.equal(on);
          }
        },
      ),
      { numRuns: Math.ceil(RUNS / 2) },
    );
  });
});
