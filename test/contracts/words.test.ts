import { loadFixture } from "@nomicfoundation/hardhat-network-helpers";
import { expect } from "chai";
import { ethers } from "hardhat";
import { encodeBitstring, getBit, wordsToBytes } from "../../chain/status/bitstring";
import { WORDS_PER_LIST } from "../../chain/status/credId";
import { readIndependently } from "../support/bitstringReader";
import { credIdOf, REVOCATION, STATUS_ROLE, SUSPENSION, usedRegistry } from "./support/registry";

const LAST_WORD = 2n ** 88n - 1n;
const ALL = 2n ** 256n - 1n;

function bits(...positions: number[]): bigint {
  return positions.reduce((word, position) => word | (1n << BigInt(255 - position)), 0n);
}

describe("setting and clearing bits in consecutive words", () => {
  it("is announced once a call, with all masks and the next sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await expect(asIssuer.setStatusWords(issuer.address, REVOCATION, 5, [1n, 0n, ALL], true))
      .to.emit(registry, "RevocationWordsSet")
      .withArgs(issuer.address, 5, [1n, 0n, ALL], 1);
    await expect(asIssuer.setStatusWords(issuer.address, SUSPENSION, 5, [7n], true))
      .to.emit(registry, "StatusWordsSet")
      .withArgs(issuer.address, SUSPENSION, 5, [7n], 2);
    await expect(asIssuer.setStatusWords(issuer.address, SUSPENSION, 5, [5n], false))
      .to.emit(registry, "StatusWordsCleared")
      .withArgs(issuer.address, SUSPENSION, 5, [5n], 3);
    expect(await registry.statusWords(issuer.address, REVOCATION, 4, 5)).to.deep.equal([0n, 1n, 0n, ALL, 0n]);
    expect(await registry.statusWords(issuer.address, SUSPENSION, 5, 1)).to.deep.equal([2n]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(3);
  });

  it("merges: it adds to what is set, whatever that is, and never undoes it", async () => {
    const { registry, issuer, delegate } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusWords(issuer.address, REVOCATION, 0, [0b0110n, 0b0110n], true);
    await registry.connect(delegate).setStatusWords(issuer.address, REVOCATION, 0, [0b0011n, 0n], true);
    expect(await registry.statusWords(issuer.address, REVOCATION, 0, 2)).to.deep.equal([0b0111n, 0b0110n]);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [0b1111n], true);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [0b0101n], false);
    await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [0b10001n], false);
    expect(await registry.statusWords(issuer.address, SUSPENSION, 0, 1)).to.deep.equal([0b1010n]);
  });

  it("costs no event when nothing would change", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    for (const [purpose, on] of [
      [REVOCATION, true],
      [SUSPENSION, true],
    ] as const) {
      await asIssuer.setStatusWords(issuer.address, purpose, 0, [3n, 2n], on);
      for (const masks of [[1n, 2n], [0n, 0n], []]) {
        const receipt = await (await asIssuer.setStatusWords(issuer.address, purpose, 0, masks, on)).wait();
        expect(receipt?.logs).to.deep.equal([]);
      }
    }
    const cleared = await (await asIssuer.setStatusWords(issuer.address, SUSPENSION, 0, [12n], false)).wait();
    expect(cleared?.logs).to.deep.equal([]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(2);
  });

  it("reaches the last word of an issuer, and nothing behind it", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusWords(issuer.address, REVOCATION, LAST_WORD, [1n], true);
    expect(await registry.isCredentialRevoked(credIdOf(issuer, 2n ** 96n - 1n))).to.equal(true);
    for (const [firstWord, masks, outOfRange] of [
      [LAST_WORD, [1n, 1n], LAST_WORD + 1n],
      [LAST_WORD - 1n, [0n, 0n, 0n], LAST_WORD + 1n],
      [LAST_WORD + 1n, [1n], LAST_WORD + 1n],
      [ALL, [1n], ALL],
      [ALL, [1n, 1n], ALL],
    ] as const) {
      await expect(asIssuer.setStatusWords(issuer.address, REVOCATION, firstWord, [...masks], true))
        .to.be.revertedWithCustomError(registry, "WordOutOfRange")
        .withArgs(outOfRange);
    }
  });

  it("is for the issuer and its delegates", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await expect(registry.connect(stranger).setStatusWords(issuer.address, SUSPENSION, 0, [1n], true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(issuer.address, STATUS_ROLE, stranger.address);
    await registry.connect(delegate).setStatusWords(issuer.address, SUSPENSION, 0, [1n], true);
  });
});

describe("setting and clearing bits in words anywhere", () => {
  it("is announced once a call, with all words and masks and the next sequence", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await expect(asIssuer.setStatusMasks(issuer.address, REVOCATION, [9, LAST_WORD, 2], [1n, 2n, ALL], true))
      .to.emit(registry, "RevocationMasksSet")
      .withArgs(issuer.address, [9, LAST_WORD, 2], [1n, 2n, ALL], 1);
    await expect(asIssuer.setStatusMasks(issuer.address, SUSPENSION, [9, 2], [7n, 7n], true))
      .to.emit(registry, "StatusMasksSet")
      .withArgs(issuer.address, SUSPENSION, [9, 2], [7n, 7n], 2);
    await expect(asIssuer.setStatusMasks(issuer.address, SUSPENSION, [2], [3n], false))
      .to.emit(registry, "StatusMasksCleared")
      .withArgs(issuer.address, SUSPENSION, [2], [3n], 3);
    expect(await registry.statusWords(issuer.address, REVOCATION, LAST_WORD, 1)).to.deep.equal([2n]);
    expect(await registry.statusWords(issuer.address, SUSPENSION, 2, 1)).to.deep.equal([4n]);
  });

  it("accepts any order, and a word twice", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const words = [1, 0, 1, 0, 0];
    const masks = [bits(44), bits(3), bits(45), bits(3), bits(2)];
    await registry.connect(issuer).setStatusMasks(issuer.address, REVOCATION, words, masks, true);
    expect(await registry.statusWords(issuer.address, REVOCATION, 0, 2)).to.deep.equal([bits(2, 3), bits(44, 45)]);
    expect((await registry.resolveDID(issuer.address)).statusSequence).to.equal(1);
  });

  it("costs no event when nothing would change", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    await asIssuer.setStatusMasks(issuer.address, REVOCATION, [0, 7], [3n, 3n], true);
    for (const [words, masks] of [
      [
        [7, 0],
        [1n, 2n],
      ],
      [[5], [0n]],
      [[], []],
    ] as const) {
      const sent = await asIssuer.setStatusMasks(issuer.address, REVOCATION, [...words], [...masks], true);
      expect((await sent.wait())?.logs).to.deep.equal([]);
    }
  });

  it("needs as many masks as words", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    for (const [words, masks] of [
      [[1], []],
      [[], [1n]],
      [
        [1, 2],
        [1n, 2n, 3n],
      ],
    ] as const) {
      await expect(asIssuer.setStatusMasks(issuer.address, SUSPENSION, [...words], [...masks], true))
        .to.be.revertedWithCustomError(registry, "LengthMismatch")
        .withArgs(words.length, masks.length);
    }
  });

  it("changes nothing at all when one word is out of range", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    for (const word of [LAST_WORD + 1n, ALL]) {
      await expect(registry.connect(issuer).setStatusMasks(issuer.address, SUSPENSION, [0, word], [1n, 1n], true))
        .to.be.revertedWithCustomError(registry, "WordOutOfRange")
        .withArgs(word);
    }
    expect(await registry.statusWords(issuer.address, SUSPENSION, 0, 1)).to.deep.equal([0n]);
  });

  it("is for the issuer and its delegates", async () => {
    const { registry, issuer, delegate, stranger } = await loadFixture(usedRegistry);
    await expect(registry.connect(stranger).setStatusMasks(issuer.address, SUSPENSION, [0], [1n], true))
      .to.be.revertedWithCustomError(registry, "NotAuthorized")
      .withArgs(issuer.address, STATUS_ROLE, stranger.address);
    await registry.connect(delegate).setStatusMasks(issuer.address, SUSPENSION, [0], [1n], true);
  });
});

describe("reading words", () => {
  it("can be proved from storage: each word is where the documentation says", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const address = await registry.getAddress();
    for (const [purpose, word, mask] of [
      [0n, 258n, 5n],
      [1n, 258n, 6n],
      [255n, LAST_WORD, 7n],
    ] as const) {
      await asIssuer.setStatusWords(issuer.address, purpose, word, [mask], true);
      const key = (BigInt(issuer.address) << 8n) | purpose;
      const encoded = ethers.AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [key, 4]);
      const slot = (BigInt(ethers.keccak256(encoded)) + word) & ALL;
      expect(BigInt(await ethers.provider.getStorage(address, slot))).to.equal(mask);
    }
  });

  it("never reaches behind the last word", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    for (const [firstWord, count, outOfRange] of [
      [LAST_WORD, 2n, LAST_WORD + 1n],
      [LAST_WORD + 1n, 1n, LAST_WORD + 1n],
      [0n, LAST_WORD + 2n, LAST_WORD + 1n],
      [ALL, ALL, ALL],
    ] as const) {
      await expect(registry.statusWords(issuer.address, REVOCATION, firstWord, count))
        .to.be.revertedWithCustomError(registry, "WordOutOfRange")
        .withArgs(outOfRange);
    }
    expect(await registry.statusWords(issuer.address, REVOCATION, LAST_WORD, 1)).to.deep.equal([0n]);
    expect(await registry.statusWords(issuer.address, REVOCATION, LAST_WORD, 0)).to.deep.equal([]);
  });

  it("gives a whole status list that an independent library reads bit by bit", async () => {
    const { registry, issuer } = await loadFixture(usedRegistry);
    const asIssuer = registry.connect(issuer);
    const revoked = [0, 1, 7, 8, 255, 256, 257, 65_535, 131_071];
    await asIssuer.setCredentialStatus(credIdOf(issuer, 0), true);
    await asIssuer.setStatus(credIdOf(issuer, 1), REVOCATION, true);
    await asIssuer.setStatusMasks(
      issuer.address,
      REVOCATION,
      [255, 0, 1],
      [bits(255), bits(7, 8, 255), bits(0, 1)],
      true,
    );
    await asIssuer.setStatusWords(issuer.address, REVOCATION, WORDS_PER_LIST - 1, [1n], true);
    const bytes = wordsToBytes([...(await registry.statusWords(issuer.address, REVOCATION, 0, WORDS_PER_LIST))]);
    expect(bytes.length).to.equal(16_384);
    const theirs = await readIndependently(encodeBitstring(bytes));
    expect(theirs.flatMap((on, index) => (on ? [index] : []))).to.deep.equal(revoked);
    expect(revoked.every((index) => getBit(bytes, index))).to.equal(true);
  });
});
