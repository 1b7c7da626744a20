import { expect } from "chai";
import { verifyProof } from "../../../../api/credentials/issuance/proof";
import { readCredentialRequest } from "../../../../api/credentials/issuance/rules";
import { DomainError } from "../../../../core/errors";
import { joseKey, signJws } from "../../../support/presentations/sdJwtWallet";
import { drawFrom, mutate } from "../../../support/presentations/mutate";

const AUDIENCE = "https://issuer.example/issuance/0x1";
const NOW = new Date("2026-03-01T12:00:00Z");
const MUTATIONS = 20_000;

describe("a key proof that was changed at one place", () => {
  for (const alg of ["ES256", "ES256K", "EdDSA"] as const) {
    it(`is never accepted, and never an error of ours: ${MUTATIONS} times with ${alg}`, () => {
      const draw = drawFrom(20_260_301);
      const key = joseKey(alg);
      const payload = { aud: AUDIENCE, iat: NOW.getTime() / 1000, nonce: "n" };
      const proof = signJws(key, { alg, typ: "openid4vci-proof+jwt", jwk: key.jwk }, payload);
      expect(verifyProof(proof, { audience: AUDIENCE, now: NOW }).holderKey).to.deep.equal(key.jwk);
      for (let count = 0; count < MUTATIONS; count += 1) {
        const changed = mutate(proof, draw);
        expect(
          rejectionOf(() => verifyProof(changed, { audience: AUDIENCE, now: NOW })),
          changed,
        ).to.equal("openid4vci.invalid_proof");
      }
    });
  }

  it(`is never an error of ours in a request either, ${MUTATIONS} times`, () => {
    const draw = drawFrom(7);
    const request = JSON.stringify({ credential_configuration_id: "T", proofs: { jwt: ["a.b.c"] }, other: [{ n: 1 }] });
    expect(readCredentialRequest(Buffer.from(request))).to.deep.equal({ configurationId: "T", proof: "a.b.c" });
    for (let count = 0; count < MUTATIONS; count += 1) {
      const changed = mutate(request, draw);
      const rejection = rejectionOf(() => readCredentialRequest(Buffer.from(changed)));
      if (rejection !== null) expect(rejection, changed).to.match(/^openid4vci\./);
    }
  });
});

/** The code of what is thrown; null when nothing is. */
function rejectionOf(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (error instanceof DomainError) return error.code;
    throw error;
  }
}
