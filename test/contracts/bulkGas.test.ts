import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ethers } from "hardhat";
import { accountAt, networkAccount, p256Account, type TestAccount } from "./support/accounts";
import { consentTo } from "./support/consents";
import { didOf, DOCUMENT_HASH, emptyRegistry, URI } from "./support/registry";
import { namedKey } from "./support/secp256k1";

/** A registry and a bulk of three accounts, the last of which takes nearly as much gas as a signer may. */
async function bulkWorld() {
  const world = await emptyRegistry();
  const { registry, holder } = world;
  const wallet = await (await ethers.deployContract("CostlyWallet", [holder.address])).getAddress();
  const verifier = await (await ethers.deployContract("ERC7913P256Verifier")).getAddress();
  const accounts: TestAccount[] = [
    namedKey("bulk gas"),
    p256Account(verifier, "bulk gas"),
    accountAt(wallet, networkAccount(holder)),
  ];
  const registrations = await Promise.all(
    accounts.map(async (account) => {
      const did = didOf(account.address);
      const write = { name: "registerDID", did, documentUri: URI, documentHash: DOCUMENT_HASH } as const;
      return { documentUri: URI, documentHash: DOCUMENT_HASH, consent: await consentTo(registry, write, account) };
    }),
  );
  return { ...world, registrations };
}

describe("the gas of a bulk registration", () => {
  it("that a node estimates registers every good entry", async () => {
    const { registry, relayer, registrations } = await loadFixture(bulkWorld);
    const asRelayer = registry.connect(relayer);
    const gasLimit = await asRelayer.registerManyWithConsent.estimateGas(registrations);
    await asRelayer.registerManyWithConsent(registrations, { gasLimit });
    for (const { consent } of registrations) {
      expect((await registry.resolveDID(consent.signer)).registered).to.equal(true);
    }
  });

  it("is either enough for every good entry, or the whole call reverts", async () => {
    const { registry, relayer, registrations } = await loadFixture(bulkWorld);
    const asRelayer = registry.connect(relayer);
    const outcomes = new Set<string>();
    for (let gasLimit = 60_000; gasLimit <= 900_000; gasLimit += 1_000) {
      const call = asRelayer.registerManyWithConsent.staticCall(registrations, { gasLimit });
      outcomes.add(await call.then(String, () => "reverts"));
    }
    expect([...outcomes]).to.deep.equal(["reverts", "3"]);
  });
});
