import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ZeroHash } from "ethers";
import { networkAccount } from "./support/accounts";
import { consentTo } from "./support/consents";
import { eventTexts, textOf } from "./support/outcome";
import { credIdOf, NEW_URI, saltOf, usedRegistry } from "./support/registry";
import { encodeCall, encodeWithConsent, type Write } from "./support/writes";

describe("many calls in one transaction", () => {
  it("are the sender's own, in their order: document, successor and controller at once", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    const identity = holder.address;
    const writes: Write[] = [
      { name: "updateDocument", identity, documentUri: NEW_URI, documentHash: ZeroHash },
      { name: "changeController", identity, newController: stranger.address },
    ];
    const sent = await registry.multicall(writes.map((write) => encodeCall(registry.interface, write)));
    expect(eventTexts(registry.interface, (await sent.wait())?.logs ?? [])).to.deep.equal([
      textOf("DocumentUpdated", [identity, NEW_URI, ZeroHash, 2]),
      textOf("ControllerChanged", [identity, stranger.address, 3]),
    ]);
  });

  it("all happen or none, and the first error is told", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    const identity = holder.address;
    const writes: Write[] = [
      { name: "changeController", identity, newController: stranger.address },
      { name: "nameSuccessor", identity, commitment: saltOf(0) },
    ];
    const before = await registry.headers([identity]);
    await expect(registry.multicall(writes.map((write) => encodeCall(registry.interface, write))))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(identity, identity);
    expect(await registry.headers([identity])).to.deep.equal(before);
  });

  it("carry consents of others beside, each once", async () => {
    const { registry, holder, issuer, relayer } = await loadFixture(usedRegistry);
    const revoke = { name: "setStatus", credId: credIdOf(issuer, 1), purpose: 0n, on: true } as const;
    const anchor = { name: "anchorDigest", identity: holder.address, digest: saltOf(1) } as const;
    const byIssuer = await consentTo(registry, revoke, networkAccount(issuer));
    const byHolder = await consentTo(registry, anchor, networkAccount(holder));
    const abi = registry.interface;
    const calls = [encodeWithConsent(abi, revoke, byIssuer), encodeWithConsent(abi, anchor, byHolder)];
    await registry.connect(relayer).multicall(calls);
    expect(await registry.isCredentialRevoked(revoke.credId)).to.equal(true);
    const twice = [calls[0] ?? "0x", calls[0] ?? "0x"];
    await expect(registry.connect(relayer).multicall(twice)).to.be.revertedWithCustomError(registry, "NonceMismatch");
  });

  it("give no power that a call of its own would not have", async () => {
    const { registry, holder, stranger } = await loadFixture(usedRegistry);
    const write: Write = { name: "deactivateDID", identity: holder.address };
    const inner = registry.interface.encodeFunctionData("multicall", [[encodeCall(registry.interface, write)]]);
    await expect(registry.connect(stranger).multicall([inner]))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, stranger.address);
    // Nor with an address appended, as forwarders do.
    const forwarded = encodeCall(registry.interface, write) + holder.address.slice(2);
    await expect(registry.connect(stranger).multicall([forwarded]))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, stranger.address);
    await expect(stranger.sendTransaction({ to: await registry.getAddress(), data: forwarded }))
      .to.be.revertedWithCustomError(registry, "NotController")
      .withArgs(holder.address, stranger.address);
  });

  it("read many views in one call", async () => {
    const { registry, holder, issuer } = await loadFixture(usedRegistry);
    const calls = [holder, issuer].map(({ address }) =>
      registry.interface.encodeFunctionData("controllerOf", [address]),
    );
    const results = await registry.multicall.staticCall(calls);
    expect(
      results.map((result) => registry.interface.decodeFunctionResult("controllerOf", result)[0] as string),
    ).to.deep.equal([holder.address, issuer.address]);
  });
});

describe("the registry", () => {
  it("takes no money", async () => {
    const { registry, holder } = await loadFixture(usedRegistry);
    const to = await registry.getAddress();
    const data = registry.interface.encodeFunctionData("multicall", [[]]);
    await expect(holder.sendTransaction({ to, value: 1n })).to.be.reverted;
    await expect(holder.sendTransaction({ to, value: 1n, data })).to.be.reverted;
  });
});
