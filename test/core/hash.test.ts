import { expect } from "chai";
import { equalsInConstantTime, hmacSha256, sha256Hex, uuidOfName } from "../../core/hash";

describe("hashes", () => {
  it("are those of the standards: FIPS 180-4 and RFC 4231, test case 2", () => {
    expect(sha256Hex("abc")).to.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hmacSha256("Jefe", "what do ya want for nothing?").toString("hex")).to.equal(
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("give a name the same UUID of version 8 everywhere (RFC 9562)", () => {
    // SHA-256 of "abc" begins with ba7816bf 8f01cfea 414140de 5dae2223.
    expect(uuidOfName("abc")).to.equal("ba7816bf-8f01-8fea-8141-40de5dae2223");
    expect(uuidOfName("abd")).to.not.equal(uuidOfName("abc"));
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
