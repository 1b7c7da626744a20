import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { FunctionFragment } from "ethers";
import fc from "fast-check";
import { ethers } from "hardhat";
import { getBit, wordsToBytes } from "../../chain/status/bitstring";
import { ecdsaKeyAccount, type TestAccount } from "./support/accounts";
import { type Consent, consentTo } from "./support/consents";
import { eventTexts } from "./support/outcome";
import {
  ANCHOR_ROLE,
  credIdOf,
  didOf,
  DOCUMENT_HASH,
  emptyRegistry,
  REVOCATION,
  STATUS_ROLE,
  SUSPENSION,
  URI,
  usedRegistry,
  type World,
} from "./support/registry";
import { namedKey } from "./support/secp256k1";

/** How many examples each property has. */
const RUNS = 25;
const WORDS = 4;

/** One write of any form, in one direction: what it sets or clears, as positions in the list. */
interface Merge {
  form: "one" | "words" | "masks";
  positions: number[];
}

const merges = fc.array(
  fc.record({
    form: fc.constantFrom<Merge["form"]>("one", "words", "masks"),
    positions: fc.array(fc.nat(WORDS * 256 - 1), { maxLength: 12 }),
  }),
  { maxLength: 6 },
);

/** A reader without masks: one boolean for each credential. */
function naiveList(positions: number[]): boolean[] {
  const list = Array.from({ length: WORDS * 256 }, () => false);
  for (const position of positions) list[position] = true;
  return list;
}

function masksOf(positions: number[]): bigint[] {
  const list = naiveList(positions);
  return Array.from({ length: WORDS }, (_, word) =>
    BigInt(
      `0b${list
        .slice(word * 256, (word + 1) * 256)
        .map(Number)
        .join("")}`,
    ),
  );
}

async function carryOut({ registry, issuer }: World, purpose: bigint, { form, positions }: Merge, on: boolean) {
  const asIssuer = registry.connect(issuer);
  const { address } = issuer;
  if (form === "one") {
    for (const position of positions) await asIssuer.setStatus(credIdOf(issuer, position), purpose, on);
    return;
  }
  const masks = masksOf(positions);
  if (form === "words") {
    await asIssuer.setStatusWords(address, purpose, 0, masks, on);
    return;
  }
  const words = masks.flatMap((mask, word) => (mask === 0n ? [] : [word])).reverse();
  await asIssuer.setStatusMasks(
    address,
    purpose,
    words,
    words.map((word) => masks[word] ?? 0n),
    on,
  );
}

async function listOf({ registry, issuer }: World, purpose: bigint): Promise<boolean[]> {
  const bytes = wordsToBytes([...(await registry.statusWords(issuer.address, purpose, 0, WORDS))]);
  return Array.from({ length: WORDS * 256 }, (_, position) => getBit(bytes, position));
}

describe("merges of status words", () => {
  it("of one direction leave the same in any order and any form, which is what a naive reader has", async () => {
    await fc.assert(
      fc.asyncProperty(merges, merges, fc.constantFrom(REVOCATION, SUSPENSION, 255n), async (sets, clears, purpose) => {
        const results: boolean[][] = [];
        for (const inOrder of [(all: Merge[]) => all, (all: Merge[]) => [...all].reverse()]) {
          const world = await loadFixture(emptyRegistry);
          for (const merge of inOrder(sets)) await carryOut(world, purpose, merge, true);
          if (purpose !== REVOCATION) for (const merge of inOrder(clears)) await carryOut(world, purpose, merge, false);
          results.push(await listOf(world, purpose));
        }
        const cleared = new Set(purpose === REVOCATION ? [] : clears.flatMap(({ positions }) => positions));
        const expected = naiveList(sets.flatMap(({ positions }) => positions).filter((each) => !cleared.has(each)));
        expect(results).to.deep.equal([expected, expected]);
      }),
      { numRuns: RUNS, seed: 12 },
    );
  });

  it("have an event exactly when a bit changes, and touch no other purpose and no other issuer", async () => {
    await fc.assert(
      fc.asyncProperty(merges, async (all) => {
        const world = await loadFixture(emptyRegistry);
        const { registry, issuer, holder } = world;
        const seen = new Set<number>();
        let sequence = 0n;
        for (const { positions } of all) {
          const masks = masksOf(positions);
          const sent = await registry.connect(issuer).setStatusWords(issuer.address, SUSPENSION, 0, masks, true);
          const changes = positions.some((position) => !seen.has(position));
          if (changes) sequence++;
          expect((await sent.wait())?.logs).to.have.length(changes ? 1 : 0);
          positions.forEach((position) => seen.add(position));
          expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(sequence);
        }
        for (const [address, purpose] of [
          [issuer.address, REVOCATION],
          [issuer.address, 2n],
          [holder.address, SUSPENSION],
        ] as const) {
          expect(await registry.statusWords(address, purpose, 0, WORDS)).to.deep.equal([0n, 0n, 0n, 0n]);
        }
      }),
      { numRuns: RUNS, seed: 12 },
    );
  });
});

describe("a bulk registration", () => {
  /** What is wrong with an entry, and in which order they come: identities are few, so that they come twice. */
  const entries = fc.array(
    fc.record({
      account: fc.nat(4),
      wrong: fc.constantFrom("nothing", "nothing", "nonce", "deadline", "signature", "document", "uri"),
    }),
    { maxLength: 8 },
  );

  it("leaves what its valid entries leave, one after the other", async () => {
    const key = namedKey("bulk property");
    await fc.assert(
      fc.asyncProperty(entries, async (plan) => {
        const outcomes: unknown[] = [];
        for (const bulk of [true, false]) {
          const world = await loadFixture(emptyRegistry);
          const { registry, relayer } = world;
          const verifier = await (await ethers.deployContract("EcdsaVerifier")).getAddress();
          const accounts: TestAccount[] = [0, 1, 2, 3].map((position) => namedKey(`bulk ${position}`));
          accounts.push(ecdsaKeyAccount(verifier, key));
          const deadline = BigInt((await ethers.provider.getBlock("latest"))?.timestamp ?? 0) + 3600n;
          const registrations = [];
          for (const { account, wrong } of plan) {
            const signer = accounts[account] ?? namedKey("nobody");
            const documentUri = wrong === "uri" ? "" : URI;
            const write = {
              name: "registerDID",
              did: didOf(signer.address),
              documentUri,
              documentHash: DOCUMENT_HASH,
            } as const;
            const consent: Consent = await consentTo(
              registry,
              write,
              wrong === "signature" ? namedKey("forger") : signer,
              {
                account: signer.address,
                nonce: wrong === "nonce" ? 1n : 0n,
                deadline: wrong === "deadline" ? 1n : deadline,
              },
            );
            const documentHash = wrong === "document" ? ethers.ZeroHash : DOCUMENT_HASH;
            registrations.push({ documentUri, documentHash, consent });
          }
          const asRelayer = registry.connect(relayer);
          const events: string[] = [];
          if (bulk) {
            const sent = await asRelayer.registerManyWithConsent(registrations);
            events.push(...eventTexts(registry.interface, (await sent.wait())?.logs ?? []));
          } else {
            for (const { documentUri, documentHash, consent } of registrations) {
              try {
                const did = didOf(consent.signer);
                const sent = await asRelayer.registerDIDWithConsent(did, documentUri, documentHash, consent);
                events.push(...eventTexts(registry.interface, (await sent.wait())?.logs ?? []));
              } catch {
                // An entry that cannot be registered alone is left out by the bulk.
              }
            }
          }
          // Headers without their times, which differ from one transaction to the next.
          const timeless = (header: bigint) => header & ~((2n ** 80n - 1n) << 136n);
          const headers = await registry.headers(accounts.map(({ address }) => address));
          const documents = await Promise.all(
            accounts.map(async ({ address }) => {
              const record = await registry.resolveDID(address);
              return [record.documentUri, record.documentHash];
            }),
          );
          outcomes.push({ events, headers: headers.map(timeless), documents });
        }
        expect(outcomes[0]).to.deep.equal(outcomes[1]);
      }),
      { numRuns: RUNS, seed: 12 },
    );
  });
});

describe("calldata of any kind", () => {
  it("changes nothing of another's identity", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, issuer, holder, delegate } = world;
    const player = await ethers.deployContract("HistoryPlayer");
    const attacker = await player.getAddress();
    const selectors = registry.interface.fragments.flatMap((fragment) =>
      fragment instanceof FunctionFragment ? [fragment.selector] : [],
    );
    const victims = [issuer, holder, delegate].map(({ address }) => address);
    const word = (value: bigint | string) => ethers.toBeHex(value, 32);
    // Offsets and lengths that fit somewhere, addresses, ids, roles, and what is out of every range.
    const words = fc.oneof(
      fc.constantFrom(...Array.from({ length: 20 }, (_, position) => word(BigInt(position) * 32n))),
      fc.constantFrom(...[0n, 1n, 2n, 23n, 65n, 2n ** 64n, 2n ** 255n, 2n ** 256n - 1n].map(word)),
      fc.constantFrom(...[...victims, attacker].map(word), STATUS_ROLE, ANCHOR_ROLE),
      fc.constantFrom(...victims.map((address) => credIdOf({ address }, 1)), credIdOf({ address: attacker }, 1)),
    );
    const calls = fc.tuple(fc.constantFrom(...selectors), fc.array(words, { maxLength: 24 }));
    const samples = fc.sample(calls, { numRuns: 4000, seed: 12 }).map(([selector, rest]) => ({
      account: ethers.ZeroAddress,
      data: ethers.concat([selector, ...rest]),
    }));
    const before = await registry.headers(victims);
    let succeeded = 0;
    for (let start = 0; start < samples.length; start += 100) {
      const sent = await player.play(await registry.getAddress(), samples.slice(start, start + 100));
      for (const log of (await sent.wait())?.logs ?? []) {
        const ended = player.interface.parseLog(log);
        if (ended?.args["success"] === true) succeeded++;
        if (!ended) expect(log.topics[1]).to.equal(word(attacker));
      }
    }
    expect(await registry.headers(victims)).to.deep.equal(before);
    // Or nothing was tried at all.
    expect(succeeded).to.be.greaterThan(300);
  });
});
