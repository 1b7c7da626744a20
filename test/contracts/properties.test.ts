import type { HardhatEthersSigner } from "@nomicfoundation/hardhat-ethers/signers";
import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import fc from "fast-check";
import { ethers } from "hardhat";
import { wordsToBytes, getBit } from "../../chain/status/bitstring";
import { formatCredId } from "../../chain/status/credId";
import type { DIDRegistry } from "../../typechain-types";
import { ACCOUNTS, actorOf, at, identityOf, shifted, histories, WORDS_WATCHED } from "./support/histories";
import { Refusal, RegistryModel, type Way, type Wish } from "./support/model";
import { fieldsOf, outcomeOf } from "./support/outcome";
import { didOf, emptyRegistry, REVOCATION, STATUS_ROLE, SUSPENSION, URI } from "./support/registry";
import { consentTo, send, sendFor } from "./support/wishes";

/** How many random histories are played. `CONTRACT_PROPERTY_RUNS=1000` for a night of them. */
const RUNS = Number(process.env["CONTRACT_PROPERTY_RUNS"] ?? 25);
const STEPS = 40;

/** Whether a history that fails is shrunk to a short one, which takes minutes. `CONTRACT_PROPERTY_SHRINK=no` spares it. */
const endOnFailure = process.env["CONTRACT_PROPERTY_SHRINK"] === "no";

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
    this.timeout(RUNS * 20_000);
    await fc.assert(
      fc.asyncProperty(histories(STEPS), async (history) => {
        const { registry } = await loadFixture(emptyRegistry);
        const accounts = (await ethers.getSigners()).slice(0, ACCOUNTS);
        const relayer = at(await ethers.getSigners(), ACCOUNTS);
        const model = new RegistryModel();
        const witness = new Witness();
        let nowSeconds = BigInt(await time.latest());
        for (const step of history) {
          nowSeconds += BigInt(step.secondsLater);
          const wish = step.wish(accounts, nowSeconds, (address) => model.of(address).nonce);
          const account = actorOf(step, wish, model, accounts);
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
        witness.count(registry, await ethers.provider.getLogs({ address: await registry.getAddress(), fromBlock: 0 }));
      }),
      { numRuns: RUNS, endOnFailure },
    );
  });

  it("nothing revoked or deactivated ever comes back", async function () {
    this.timeout(RUNS * 20_000);
    await fc.assert(
      fc.asyncProperty(histories(STEPS / 2), async (history) => {
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
      }),
      { numRuns: RUNS, endOnFailure },
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
          const all = Array.from({ length: 1024 }, (_, index) => index);
          const expected = change === "reinstate" ? suspendedBefore.filter((index) => !wanted.has(index)) : [...wanted];
          expect(all.filter((index) => getBit(bytes, index))).to.have.members([...new Set(expected)]);
        },
      ),
      { numRuns: Math.ceil(RUNS / 2), endOnFailure },
    );
  });
});
