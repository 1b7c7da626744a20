import { gzipSync } from "node:zlib";
import { expect } from "chai";
import fc from "fast-check";
import {
  bytesToWords,
  decodeBitstring,
  encodeBitstring,
  getBit,
  setBit,
  wordsToBytes,
} from "../../../chain/status/bitstring";
import { statusPosition } from "../../../chain/status/credId";
import { DomainError } from "../../../core/errors";
import { readIndependently } from "../../support/bitstringReader";

const words = fc.array(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), { minLength: 1, maxLength: 8 });

describe("bitstrings", () => {
  it("begin with index 0 as the most significant bit of the first byte", () => {
    const bytes = wordsToBytes([statusPosition(0).mask | statusPosition(9).mask, statusPosition(255).mask]);
    expect(bytes).to.have.length(64);
    expect([...bytes.subarray(0, 2)]).to.deep.equal([0x80, 0x40]);
    expect(bytes[63]).to.equal(0x01);
  });

  it("turn into words and back without a change", () => {
    fc.assert(
      fc.property(words, (some) => {
        expect(bytesToWords(wordsToBytes(some))).to.deep.equal(some);
      }),
    );
  });

  it("have the bit of an index where its position says", () => {
    fc.assert(
      fc.property(words, fc.nat(2047), (some, at) => {
        const index = at % (some.length * 256);
        const { word, mask } = statusPosition(index);
        expect(getBit(wordsToBytes(some), index)).to.equal(((some[Number(word)] ?? 0n) & mask) !== 0n);
      }),
    );
  });

  it("change in the one bit that is set or cleared", () => {
    fc.assert(
      fc.property(words, fc.nat(2047), fc.boolean(), (some, at, on) => {
        const index = at % (some.length * 256);
        const bytes = wordsToBytes(some);
        setBit(bytes, index, on);
        const { word, mask } = statusPosition(index);
        const expected = some.map((bits, position) =>
          BigInt(position) === word ? (on ? bits | mask : bits & ~mask) : bits,
        );
        expect(bytesToWords(bytes)).to.deep.equal(expected);
      }),
    );
  });

  it("are read by @digitalbazaar/bitstring, bit by bit, as they are read here", async () => {
    await fc.assert(
      fc.asyncProperty(words, async (some) => {
        const bytes = wordsToBytes(some);
        const theirs = await readIndependently(encodeBitstring(bytes));
        expect(theirs).to.deep.equal(Array.from({ length: bytes.length * 8 }, (_, index) => getBit(bytes, index)));
      }),
      { numRuns: 20 },
    );
  });

  it("decode to what was encoded", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4096 }), (bytes) => {
        expect(decodeBitstring(encodeBitstring(bytes))).to.deep.equal(new Uint8Array(bytes));
      }),
    );
  });

  it("encode an empty list of 131,072 credentials in under 100 characters", () => {
    const encoded = encodeBitstring(new Uint8Array(16_384));
    expect(encoded).to.match(/^u[A-Za-z0-9_-]+$/);
    expect(encoded.length).to.be.lessThan(100);
  });

  for (const [what, encoded] of [
    ["another multibase", `z${encodeBitstring(new Uint8Array(1)).slice(1)}`],
    ["padding", `${encodeBitstring(new Uint8Array(1))}=`],
    ["nothing", "u"],
    ["what is not GZIP", `u${Buffer.from("plain").toString("base64url")}`],
    ["a truncated list", encodeBitstring(new Uint8Array(1000)).slice(0, -8)],
    ["a list that unpacks to more than allowed", `u${gzipSync(Buffer.alloc(17 * 1024 * 1024)).toString("base64url")}`],
  ] as const) {
    it(`refuse to decode ${what}`, () => {
      expect(() => decodeBitstring(encoded))
        .to.throw(DomainError)
        .with.property("code", "bitstring.malformed");
    });
  }

  for (const index of [-1, 256, 0.5, Number.NaN]) {
    it(`have no index ${index} in one word`, () => {
      expect(() => getBit(new Uint8Array(32), index))
        .to.throw(DomainError)
        .with.property("code", "bitstring.index_out_of_range");
      expect(() => setBit(new Uint8Array(32), index, true)).to.throw(DomainError);
    });
  }

  it("refuse words that do not have 256 bits", () => {
    expect(() => wordsToBytes([2n ** 256n]))
      .to.throw(DomainError)
      .with.property("code", "bitstring.word_out_of_range");
    expect(() => wordsToBytes([-1n])).to.throw(DomainError);
  });

  it("refuse bytes that do not fill whole words", () => {
    expect(() => bytesToWords(new Uint8Array(33)))
      .to.throw(DomainError)
      .with.property("code", "bitstring.length_mismatch");
  });
});
