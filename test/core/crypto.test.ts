import { expect } from "chai";
import { randomToken } from "../../core/crypto";

describe("fresh secrets", () => {
  it("are 256 random bits each, and never the same, however many are drawn", () => {
    const tokens = Array.from({ length: 1_000 }, () => randomToken("SES-"));
    expect(new Set(tokens).size).to.equal(tokens.length);
    for (const token of tokens) expect(token).to.match(/^SES-[A-Za-z0-9_-]{43}$/);
    // Each of the bits is set in about half of them: in 1,000 draws, 6 standard deviations are 95.
    for (let bit = 0; bit < 256; bit += 1) {
      const bytes = tokens.map((token) => Buffer.from(token.slice(4), "base64url"));
      const set = bytes.filter((secret) => ((secret[bit >> 3]! >> (bit & 7)) & 1) === 1).length;
      expect(set, `bit ${bit}`).to.be.within(405, 595);
    }
  });
});
