import { expect } from "chai";
import { equalsInConstantTime, hmacSha256, sha256Hex } from "../../core/hash";

describe("hashes", () => {
  it("are those of the standards: FIPS 180-4 and RFC 4231, test case 2", () => {
    expect(sha256Hex("abc")).to.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hmacSha256("Jefe", "what do ya want for nothing?").toString("hex")).to.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("compare strings of any length", () => {
    const pairs: [string, string, boolean][] = [
      ["secret", "secret", true],
      ["secret", "secreT", false],
      ["secret", "secret ", false],
      ["", "", true],
    ];
    for (const [left, right, equal] of pairs) expect(equalsInConstantTime(left, right), left).to.equal(equal);
  });
});
