import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import { ethers } from "hardhat";
import { accountAt, networkAccount, p256Account, type TestAccount } from "./support/accounts";
import { consentTo, type SignedWrite } from "./support/consents";
import {
  commitmentOf,
  credIdOf,
  FOREVER,
  NEW_URI,
  saltOf,
  STATUS_ROLE,
  usedRegistry,
  type World,
} from "./support/registry";

const SALT = saltOf(0);

/** A registry in which the holder named the stranger as its successor. */
async function guardedRegistry(): Promise<World> {
  const world = await usedRegistry();
  const { registry, holder, stranger } = world;
  await registry.nameSuccessor(holder.address, commitmentOf(holder.address, stranger.address, SALT));
  return world;
}

async function rotation(
  { registry, holder }: World,
  successor: TestAccount,
  options: { nonce: bigint; nextCommitment?: string; deadline?: bigint },
) {
  const nextCommitment = options.nextCommitment ?? ZeroHash;
  const write: SignedWrite = { name: "rotateController", identity: holder.address, salt: SALT, nextCommitment };
  return consentTo(registry, write, successor, options);
}

describe("naming a successor", () => {
  it("stores a commitment that tells nothing of who it is", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    const commitment = commitmentOf(holder.address, stranger.address, SALT);
    await expect(registry.nameSuccessor(holder.address, commitment))
      .to.emit(registry, "SuccessorNamed")
      .withArgs(holder.address, commitment, 2);
    const record = await registry.resolveDID(holder.address);
    expect([record.successor, record.controller, record.controlVersion]).to.deep.equal([
      commitment,
      holder.address,
      0n,
    ]);
  });

  it("is final until the successor takes control, for the same commitment too", async () => {
    const { registry, holder, stranger } = await loadFixture(guardedRegistry);
    for (const commitment of [saltOf(1), commitmentOf(holder.address, stranger.address, SALT)]) {
      await expect(registry.nameSuccessor(holder.address, commitment))
        .to.be.revertedWithCustomError(registry, "SuccessorAlreadyNamed")
        .withArgs(holder.address);
    }
  });

  it("of nobody is refused", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    await expect(registry.nameSuccessor(holder.address, ZeroHash)).to.be.revertedWithCustomError(
      registry,
      "ZeroCommitment",
    );
  });

  it("ends the controller's power over control and life, by call and by consent, and nothing else", async () => {
    const { registry, holder, delegate, relayer } = await loadFixture(guardedRegistry);
    const identity = holder.address;
    const asRelayer = registry.connect(relayer);
    const signer = networkAccount(holder);
    const change = { name: "changeController", identity, newController: relayer.address } as const;
    const naming = { name: "nameSuccessor", identity, commitment: saltOf(1) } as const;
    const end = { name: "deactivateDID", identity } as const;
    const byChange = await consentTo(registry, change, signer);
    const byNaming = await consentTo(registry, naming, signer);
    const byEnd = await consentTo(registry, end, signer);
    for (const [error, attempt] of [
      ["SuccessorRequired", () => registry.changeController(identity, relayer.address)],
      ["SuccessorRequired", () => registry.changeController(identity, identity)],
      ["SuccessorRequired", () => registry.deactivateDID(identity)],
      ["SuccessorRequired", () => asRelayer.changeControllerWithConsent(identity, relayer.address, byChange)],
      ["SuccessorRequired", () => asRelayer.deactivateDIDWithConsent(identity, byEnd)],
      ["SuccessorAlreadyNamed", () => asRelayer.nameSuccessorWithConsent(identity, saltOf(1), byNaming)],
    ] as const) {
      await expect(attempt()).to.be.revertedWithCustomError(registry, error).withArgs(identity);
    }
    await registry.updateDocument(identity, NEW_URI, ZeroHash);
    await registry.addDelegate(identity, STATUS_ROLE, delegate.address, FOREVER);
    await registry.setCredentialStatus(credIdOf(holder, 1), true);
    await registry.anchorDigest(identity, ZeroHash);
    await registry.cancelNonces(identity, ZeroHash, 1);
  });
});

describe("rotating to the successor", () => {
  it("hands over control at once, ends every delegation, and the guard with it", async () => {
    const { registry, holder, delegate, stranger } = await loadFixture(guardedRegistry);
    const identity = holder.address;
    await registry.addDelegate(identity, STATUS_ROLE, delegate.address, FOREVER);
    await expect(registry.connect(stranger).rotateController(identity, SALT, ZeroHash))
      .to.emit(registry, "ControllerRotated")
      .withArgs(identity, stranger.address, ZeroHash, 4);
    const record = await registry.resolveDID(identity);
    expect([record.controller, record.successor, record.controlVersion]).to.deep.equal([
      stranger.address,
      ZeroHash,
      4n,
    ]);
    expect(await registry.isDelegate(identity, STATUS_ROLE, delegate.address)).to.equal(false);
    await expect(registry.updateDocument(identity, NEW_URI, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(identity, identity);
    await registry.connect(stranger).changeController(identity, identity);
    await registry.deactivateDID(identity);
  });

  it("can name the next successor in the same transaction, and go on so", async () => {
    const { registry, holder, stranger, relayer } = await loadFixture(guardedRegistry);
    const identity = holder.address;
    const next = commitmentOf(identity, relayer.address, saltOf(1));
    await registry.connect(stranger).rotateController(identity, SALT, next);
    expect((await registry.resolveDID(identity)).successor).to.equal(next);
    await expect(registry.connect(stranger).changeController(identity, identity))
      .to.be.revertedWithCustomError(registry, "SuccessorRequired")
      .withArgs(identity);
    const back = commitmentOf(identity, identity, saltOf(2));
    await registry.connect(relayer).rotateController(identity, saltOf(1), back);
    await registry.rotateController(identity, saltOf(2), ZeroHash);
    expect(await registry.controllerOf(identity)).to.equal(identity);
    expect((await registry.resolveDID(identity)).version).to.equal(5);
  });

  it("is for the account committed to, with its salt, for this identity", async () => {
    const { registry, holder, stranger, relayer, issuer } = await loadFixture(guardedRegistry);
    const identity = holder.address;
    for (const [account, salt] of [
      [holder, SALT],
      [relayer, SALT],
      [stranger, saltOf(1)],
      [stranger, ZeroHash],
    ] as const) {
      await expect(registry.connect(account).rotateController(identity, salt, ZeroHash))
        .to.be.revertedWithCustomError(registry, "NotSuccessor")
        .withArgs(identity, account.address);
    }
    await expect(registry.connect(stranger).rotateController(issuer.address, SALT, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotSuccessor")
      .withArgs(issuer.address, stranger.address);
  });

  it("happens once for a commitment", async () => {
    const { registry, holder, stranger } = await loadFixture(guardedRegistry);
    await registry.connect(stranger).rotateController(holder.address, SALT, ZeroHash);
    await registry.connect(stranger).changeController(holder.address, holder.address);
    await expect(registry.connect(stranger).rotateController(holder.address, SALT, ZeroHash))
      .to.be.revertedWithCustomError(registry, "NotSuccessor")
      .withArgs(holder.address, stranger.address);
  });

  it("by consent is not blocked by a thief who consumes and cancels the controller's nonces", async () => {
    const world = await loadFixture(guardedRegistry);
    const { registry, holder, stranger, relayer } = world;
    const identity = holder.address;
    const by = await rotation(world, networkAccount(stranger), { nonce: 0n, nextCommitment: saltOf(5) });
    const thief = { name: "anchorDigest", identity, digest: ZeroHash } as const;
    const consumed = await consentTo(registry, thief, networkAccount(holder));
    await registry.connect(relayer).anchorDigestWithConsent(identity, ZeroHash, consumed);
    await registry.cancelNonces(identity, ZeroHash, 65_537);
    await registry.updateDocument(identity, NEW_URI, ZeroHash);
    await expect(registry.connect(relayer).rotateControllerWithConsent(identity, SALT, saltOf(5), by))
      .to.emit(registry, "ControllerRotated")
      .withArgs(identity, stranger.address, saltOf(5), 4);
    const record = await registry.resolveDID(identity);
    // What the thief used up was its own: nonces are counted anew, and none was consumed yet.
    expect(record.nonce).to.equal(4n << 64n);
  });

  it("by consent does not count again when the same successor is named once more", async () => {
    const world = await loadFixture(guardedRegistry);
    const { registry, holder, stranger, relayer } = world;
    const identity = holder.address;
    const by = await rotation(world, networkAccount(stranger), { nonce: 0n });
    const asRelayer = registry.connect(relayer);
    await asRelayer.rotateControllerWithConsent(identity, SALT, ZeroHash, by);
    await registry.connect(stranger).changeController(identity, identity);
    await registry.nameSuccessor(identity, commitmentOf(identity, stranger.address, SALT));
    await expect(asRelayer.rotateControllerWithConsent(identity, SALT, ZeroHash, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(identity, stranger.address, 0, 4n << 64n);
  });

  it("by consent has a nonce without count, whatever the controller's is", async () => {
    const world = await loadFixture(guardedRegistry);
    const { registry, holder, stranger, relayer } = world;
    await registry.cancelNonces(holder.address, ZeroHash, 3);
    const by = await rotation(world, networkAccount(stranger), { nonce: 3n });
    await expect(registry.connect(relayer).rotateControllerWithConsent(holder.address, SALT, ZeroHash, by))
      .to.be.revertedWithCustomError(registry, "NonceMismatch")
      .withArgs(holder.address, stranger.address, 3, 0);
  });

  it("is possible for contracts and for key accounts", async () => {
    const world = await loadFixture(usedRegistry);
    const { registry, holder, stranger, relayer } = world;
    const identity = holder.address;
    const wallet = await (await ethers.deployContract("ContractWallet", [stranger.address])).getAddress();
    const verifier = await (await ethers.deployContract("ERC7913P256Verifier")).getAddress();
    const key = p256Account(verifier, "successor");
    await registry.nameSuccessor(identity, commitmentOf(identity, wallet, SALT));
    const next = commitmentOf(identity, key.address, SALT);
    const byWallet = await rotation(world, accountAt(wallet, networkAccount(stranger)), {
      nonce: 0n,
      nextCommitment: next,
    });
    await registry.connect(relayer).rotateControllerWithConsent(identity, SALT, next, byWallet);
    expect(await registry.controllerOf(identity)).to.equal(wallet);
    const byKey = await rotation(world, key, { nonce: 3n << 64n });
    await registry.connect(relayer).rotateControllerWithConsent(identity, SALT, ZeroHash, byKey);
    expect(await registry.controllerOf(identity)).to.equal(key.address);
  });
});
