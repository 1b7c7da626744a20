import { loadFixture, time } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { accountAt, networkAccount, p256Account, type TestAccount } from "./support/accounts";
import { type Consent, consentTo, type ConsentOptions } from "./support/consents";
import { eventTexts } from "./support/outcome";
import { didOf, DOCUMENT_HASH, emptyRegistry, NEW_URI, register, URI, type World } from "./support/registry";
import { namedKey } from "./support/secp256k1";

interface Entry {
  documentUri: string;
  documentHash: string;
  consent: Consent;
}

async function entryOf(
  { registry }: World,
  account: TestAccount,
  options: ConsentOptions & { documentUri?: string } = {},
): Promise<Entry> {
  const { documentUri = URI, ...rest } = options;
  const did = didOf(options.account ?? account.address);
  const write = { name: "registerDID", did, documentUri, documentHash: DOCUMENT_HASH } as const;
  return { documentUri, documentHash: DOCUMENT_HASH, consent: await consentTo(registry, write, account, rest) };
}

/** Sends a bulk and says what it returned and which events it had. */
async function sendBulk({ registry, relayer }: World, entries: Entry[]) {
  const asRelayer = registry.connect(relayer);
  const registered = await asRelayer.registerManyWithConsent.staticCall(entries);
  const receipt = await (await asRelayer.registerManyWithConsent(entries)).wait();
  return { registered, events: eventTexts(registry.interface, receipt?.logs ?? []), gasUsed: receipt?.gasUsed ?? 0n };
}

const accounts = (count: number) => Array.from({ length: count }, (_, position) => namedKey(`bulk ${position}`));

describe("registering many by their consents", () => {
  it("does for each what its own registration would", async () => {
    const world = await loadFixture(emptyRegistry);
    const { registry } = world;
    const entries = await Promise.all(accounts(20).map((account) => entryOf(world, account)));
    const { registered, events } = await sendBulk(world, entries);
    expect(registered).to.equal(20);
    const expected = entries.flatMap(({ consent: { signer } }) => [
      `NonceConsumed(${signer}, ${signer}, 0)`,
      `DIDRegistered(${signer}, ${URI}, ${DOCUMENT_HASH}, 1)`,
    ]);
    expect(events.map((text) => text.toLowerCase())).to.deep.equal(expected.map((text) => text.toLowerCase()));
    for (const { consent } of entries) {
      const record = await registry.resolveDID(consent.signer);
      expect([record.registered, record.nonce, record.documentUri]).to.deep.equal([true, 1n, URI]);
    }
  });

  it("of none does nothing", async () => {
    const world = await loadFixture(emptyRegistry);
    expect(await sendBulk(world, [])).to.include({ registered: 0n });
  });

  it("leaves out what could not be registered, keeps its nonce, and registers the rest", async () => {
    const world = await loadFixture(emptyRegistry);
    const { registry, holder, issuer, delegate, stranger, relayer } = world;
    await register(registry, holder);
    await registry.connect(issuer).changeController(issuer.address, stranger.address);
    await registry.connect(delegate).deactivateDID(delegate.address);
    const [early, forged, tooLong, empty, late, other, altered] = accounts(7);
    if (!early || !forged || !tooLong || !empty || !late || !other || !altered) throw new Error("There are seven.");
    const now = BigInt(await time.latest());
    const bad = [
      await entryOf(world, networkAccount(holder)),
      await entryOf(world, networkAccount(issuer), { nonce: 2n ** 64n }),
      await entryOf(world, networkAccount(delegate), { nonce: 0n }),
      await entryOf(world, early, { nonce: 1n }),
      await entryOf(world, networkAccount(stranger), { account: forged.address }),
      await entryOf(world, tooLong, { documentUri: "u".repeat(2049) }),
      await entryOf(world, empty, { documentUri: "" }),
      await entryOf(world, late, { deadline: now - 1n }),
      { ...(await entryOf(world, other)), documentUri: NEW_URI },
      { ...(await entryOf(world, altered)), documentHash: ZeroHash },
    ];
    const good = await entryOf(world, networkAccount(relayer));
    const before = await registry.headers(bad.map(({ consent }) => consent.signer));
    const { registered, events } = await sendBulk(world, [...bad.slice(0, 5), good, ...bad.slice(5)]);
    expect(registered).to.equal(1);
    expect(events).to.have.length(2);
    expect(await registry.headers(bad.map(({ consent }) => consent.signer))).to.deep.equal(before);
    // What was left out writes nothing at all: no document either.
    for (const { consent } of bad.slice(3)) {
      const record = await registry.resolveDID(consent.signer);
      expect([record.documentUri, record.documentHash, record.nonce]).to.deep.equal(["", ZeroHash, 0n]);
    }
  });

  it("registers an identity once, though it comes twice", async () => {
    const world = await loadFixture(emptyRegistry);
    const [account] = accounts(1);
    if (!account) throw new Error("There is one.");
    const first = await entryOf(world, account);
    const second = await entryOf(world, account, { documentUri: NEW_URI });
    expect((await sendBulk(world, [first, second])).registered).to.equal(1);
    expect((await world.registry.resolveDID(account.address)).documentUri).to.equal(URI);
  });

  it("is not voided by somebody who registers one of them first", async () => {
    const world = await loadFixture(emptyRegistry);
    const entries = await Promise.all(accounts(5).map((account) => entryOf(world, account)));
    const [front] = entries;
    if (!front) throw new Error("There are five.");
    const { signer } = front.consent;
    await world.registry
      .connect(world.stranger)
      .registerDIDWithConsent(didOf(signer), front.documentUri, front.documentHash, front.consent);
    expect((await sendBulk(world, entries)).registered).to.equal(4);
  });

  it("takes contract wallets and key accounts along", async () => {
    const world = await loadFixture(emptyRegistry);
    const { holder } = world;
    const wallet = await (await ethers.deployContract("ContractWallet", [holder.address])).getAddress();
    const verifier = await (await ethers.deployContract("ERC7913P256Verifier")).getAddress();
    const entries = [
      await entryOf(world, accountAt(wallet, networkAccount(holder))),
      await entryOf(world, p256Account(verifier, "bulk")),
    ];
    expect((await sendBulk(world, entries)).registered).to.equal(2);
  });

  it("gives a contract that burns all its gas no more than 400,000", async () => {
    const world = await loadFixture(emptyRegistry);
    const wallet = await ethers.deployContract("GasBurningWallet");
    const burning = { address: await wallet.getAddress(), sign: () => "0x" };
    const [account] = accounts(1);
    if (!account) throw new Error("There is one.");
    const entries = [await entryOf(world, burning), await entryOf(world, account), await entryOf(world, burning)];
    const { registered, gasUsed } = await sendBulk(world, entries);
    expect(registered).to.equal(1);
    expect(Number(gasUsed)).to.be.within(800_000, 1_000_000);
  });
});
