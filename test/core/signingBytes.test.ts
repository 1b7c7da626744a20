import { expect } from "chai";
import { signingBytes } from "../../core/signingBytes";

const hex = (...args: Parameters<typeof signingBytes>) => signingBytes(...args).toString("hex");

describe("signing bytes", () => {
  it("put the length before the tag and every field; text is UTF-8, integers have 8 bytes", () => {
    expect(hex("t", ["é", Buffer.from([255]), 258n, ""])).to.equal(
      "0000000174" + "00000002c3a9" + "00000001ff" + "000000080000000000000102" + "00000000",
    );
  });

  it("take every integer of 64 bits, and no other", () => {
    expect(hex("", [-1n])).to.equal("00000000" + "00000008ffffffffffffffff");
    expect(hex("", [2n ** 64n - 1n])).to.equal("00000000" + "00000008ffffffffffffffff");
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n]) expect(() => hex("", [value])).to.throw(RangeError);
  });

  it("refuse text that UTF-8 cannot express: two such texts would get the same bytes", () => {
    expect(() => hex("", ["\ud800"])).to.throw(RangeError, "unpaired surrogate");
    expect(hex("", ["😀"])).to.equal("00000000" + "00000004f09f9880");
  });
});
