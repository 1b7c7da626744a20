import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ethers } from "hardhat";
import { encodeBitstring, getBit, wordsToBytes } from "../../chain/status/bitstring";
import { WORDS_PER_LIST } from "../../chain/status/credId";
import { readIndependently } from "../support/bitstringReader";
import { credIdOf, REVOCATION, SUSPENSION, usedRegistry } from "./support/registry";

const LAST_WORD = 2n ** 88n - 1n;
const ALL = 2n ** 256n - 1n;

describe("writing whole words", () => {
  it("is announced once a call, with all words and the next sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    await expect(registry.connect(issuer).setStatusWords(issuer.address, REVOCATION, 5, [1n, 0n, ALL]))
      .to.emit(registry, "RevocationWordsSet")
      .withArgs(issuer.address, 5, [1n, 0n, ALL], 1);
    await expect(registry.connect(issuer).setStatusWords(issuer.address, SUSPENSION, 5, [2n]))
      .to.emit(registry, "SuspensionWordsSet")
      .withArgs(issuer.address, 5, [2n], 2);
    expect(await registry.statusWords(issuer.address, REVOCATION, 4, 5)).to.deep.equal([0n, 1n, 0n, ALL, 0n]);
    expect(await registry.statusWords(issuer.address, SUSPENSION, 5, 1)).to.deep.equal([2n]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(2);
  });

  it("adds revocations, and never takes one back", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusWords(issuer.address, REVOCATION, 0, [0n, 0b0110n]);
    await asIssuer.setStatusWords(issuer.address, REVOCATION, 0, [ALL, 0b1110n]);
    await expect(asIssuer.setStatusWords(issuer.address, REVOCATION, 1, [ALL ^ 0b0110n]))
      .to.be.revertedWithCustomError(registry, "RevocationIsFinal")
      .withArgs(credIdOf(issuer, 256 + 253));
    expect(await registry.statusWords(issuer.address, REVOCATION, 0, 2)).to.deep.equal([ALL, 0b1110n]);
  });

  it("sets and lifts suspensions", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [ALL]);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [1n]);
    expect(await registry.credentialStatus(credIdOf(issuer, 255))).to.deep.equal([false, true]);
    expect(await registry.credentialStatus(credIdOf(issuer, 254))).to.deep.equal([false, false]);
  });

  it("costs no event when nothing would change", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    for (const purpose of [REVOCATION, SUSPENSION]) {
      await asIssuer.setStatusWords(issuer.address, purpose, 0, [1n, 2n]);
      for (const words of [[1n, 2n], []]) {
        const receipt = await (await asIssuer.setStatusWords(issuer.address, purpose, 0, words)).wait();
        expect(receipt?.logs).to.deep.equal([]);
      }
    }
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(2);
  });

  it("reaches the last word of an issuer, and never into the next issuer's", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusWords(issuer.address, REVOCATION, LAST_WORD, [1n]);
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 2n ** 96n - 1n))).to.equal(true);
    for (const [firstWord, words] of [
      [LAST_WORD, [1n, 1n]],
      [LAST_WORD + 1n, [1n]],
      [LAST_WORD + 1n, []],
      [ALL, [1n]],
    ] as const) {
      await expect(asIssuer.setStatusWords(issuer.address, REVOCATION, firstWord, [...words]))
        .to.be.revertedWithCustomError(registry, "WordOutOfRange")
        .withArgs(firstWord, words.length);
    }
  });

  it("is for the issuer and its delegates", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await expect(registry.connect(stranger).setStatusWords(issuer.address, SUSPENSION, 0, [1n]))
      .to.be.revertedWithCustomError(registry, "NotStatusAuthority")
      .withArgs(issuer.address, stranger.address);
    await registry.connect(delegate).setStatusWords(issuer.address, SUSPENSION, 0, [1n]);
  });
});

describe("reading words", () => {
  it("can be proved from storage: both words of a word id are where the documentation says", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    await registry.connect(issuer).setStatusWords(issuer.address, REVOCATION, 258, [5n]);
    await registry.connect(issuer).setStatusWords(issuer.address, SUSPENSION, 258, [6n]);
    const wordId = BigInt(credIdOf(issuer, 258 * 256)) >> 8n;
    const slot = BigInt(
      ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [wordId, 4])),
    );
    const address = await registry.getAddress();
    expect(BigInt(await ethers.provider.getStorage(address, slot))).to.equal(5n);
    expect(BigInt(await ethers.provider.getStorage(address, slot + 1n))).to.equal(6n);
  });

  it("never reaches into the next issuer's", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    for (const [firstWord, count] of [
      [LAST_WORD, 2n],
      [LAST_WORD + 1n, 1n],
      [ALL, ALL],
    ] as const) {
      await expect(registry.statusWords(issuer.address, REVOCATION, firstWord, count))
        .to.be.revertedWithCustomError(registry, "WordOutOfRange")
        .withArgs(firstWord, count);
    }
    expect(await registry.statusWords(issuer.address, REVOCATION, LAST_WORD, 1)).to.deep.equal([0n]);
  });

  it("gives a whole status list that an independent library reads bit by bit", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const revoked = [0, 1, 7, 8, 255, 256, 257, 65_535, 131_071];
    await asIssuer.setCredentialStatus(credIdOf(issuer, 0), true);
    await asIssuer.setCredentialStatuses(
      revoked.slice(1, -1).map((index) => credIdOf(issuer, index)),
      true,
    );
    await asIssuer.setStatusWords(issuer.address, REVOCATION, WORDS_PER_LIST - 1, [1n]);
    const bytes = wordsToBytes([...(await registry.statusWords(issuer.address, REVOCATION, 0, WORDS_PER_LIST))]);
    expect(bytes.length).to.equal(16_384);
    const theirs = await readIndependently(encodeBitstring(bytes));
    expect(theirs.flatMap((on, index) => (on ? [index] : []))).to.deep.equal(revoked);
    expect(revoked.every((index) => getBit(bytes, index))).to.equal(true);
  });
});
