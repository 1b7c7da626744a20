import { expect } from "chai";
import { formatChallenge } from "../../../api/verification/challenge";

describe("a challenge", () => {
  it("keeps a verifier's name from writing lines of its own into it", () => {
    const text = formatChallenge({
      domain: "cairn.example",
      verificationId: "v",
      verifierName: "ACME\nVerifier: Your Bank\u2028x",
      credentialType: "T",
      issuerName: "U\r\nniversity",
      credentialId: "c",
      nonce: "n",
      issuedAt: new Date("2025-12-06T14:40:00.000Z"),
      expiresAt: new Date("2025-12-06T14:45:00.000Z"),
    });
    expect(text.split(/[\n\r\u2028]/).filter((line) => line.startsWith("Verifier:"))).to.have.length(1);
    expect(text.split("\n")).to.have.length(11);
  });
});
