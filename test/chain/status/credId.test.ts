import { expect } from "chai";
import fc from "fast-check";
import {
  formatCredId,
  MAX_CREDENTIAL_INDEX,
  parseCredId,
  statusPosition,
  STATUS_LIST_LENGTH,
} from "../../../chain/status/credId";
import { DomainError } from "../../../core/errors";

const issuers = fc
  .uint8Array({ minLength: 20, maxLength: 20 })
  .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`);
const indexes = fc.bigInt({ min: 0n, max: MAX_CREDENTIAL_INDEX });

describe("credential ids", () => {
  it("put the issuer into the first 20 bytes and the index into the last 12", () => {
    const credId = formatCredId({ issuer: "0xF39Fd6e51aad88F6F4ce6aB8827279cffFb92266", index: 258 });
    expect(credId).to.equal("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266000000000000000000000102");
  });

  it("come back as they went in", () => {
    fc.assert(
      fc.property(issuers, indexes, (issuer, index) => {
        expect(parseCredId(formatCredId({ issuer, index }))).to.deep.equal({ issuer, index });
      }),
    );
  });

  it("are read in upper case too, and given in lower case", () => {
    const credId = formatCredId({ issuer: `0x${"ab".repeat(20)}`, index: 0xabcdef });
    expect(parseCredId(`0x${credId.slice(2).toUpperCase()}`)).to.deep.equal({
      issuer: `0x${"ab".repeat(20)}`,
      index: 0xabcdefn,
    });
  });

  for (const malformed of [
    "",
    "0x",
    `0x${"0".repeat(63)}`,
    `0x${"0".repeat(65)}`,
    `0x${"g".repeat(64)}`,
    "0".repeat(66),
  ]) {
    it(`refuses "${malformed.slice(0, 12)}" of ${malformed.length} characters`, () => {
      expect(() => parseCredId(malformed))
        .to.throw(DomainError)
        .with.property("code", "credential_id.malformed");
    });
  }

  it("refuses an issuer that is not an address", () => {
    expect(() => formatCredId({ issuer: "0x12", index: 0 }))
      .to.throw(DomainError)
      .with.property("code", "credential_id.issuer_malformed");
  });

  for (const index of [-1, 1.5, Number.NaN, 2 ** 53, -1n, 2n ** 96n]) {
    it(`refuses the index ${index}`, () => {
      expect(() => statusPosition(index))
        .to.throw(DomainError)
        .with.property("code", "credential_id.index_out_of_range");
    });
  }
});

describe("the position of a status", () => {
  it("of index 0 is the most significant bit of word 0 and the start of list 0", () => {
    expect(statusPosition(0)).to.deep.equal({ word: 0n, bit: 0, mask: 1n << 255n, list: 0n, listIndex: 0 });
  });

  it("of index 255 is the least significant bit of word 0", () => {
    expect(statusPosition(255)).to.deep.equal({ word: 0n, bit: 255, mask: 1n, list: 0n, listIndex: 255 });
  });

  it("of index 131,072 opens list 1", () => {
    expect(statusPosition(STATUS_LIST_LENGTH)).to.include({ word: 512n, list: 1n, listIndex: 0 });
  });

  it("names the index again, by word and bit as well as by list and index in the list", () => {
    fc.assert(
      fc.property(indexes, (index) => {
        const { word, bit, mask, list, listIndex } = statusPosition(index);
        expect((word << 8n) + BigInt(bit)).to.equal(index);
        expect(list * BigInt(STATUS_LIST_LENGTH) + BigInt(listIndex)).to.equal(index);
        expect(mask).to.equal(2n ** BigInt(255 - bit));
      }),
    );
  });
});
