import { expect } from "chai";
import { acceptRequest } from "../../../support/presentations/foreignWallet";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { readRequest, submit } from "../../../support/presentations/wallet";

for (const clientIdPrefix of ["x509_san_dns", "x509_hash"] as const) {
  describe(`a wallet of a foreign library, asked by ${clientIdPrefix}`, () => {
    let party: RelyingParty;
    before(async () => {
      party = await relyingParty("happy", { config: { presentations: { clientIdPrefix } } });
    });
    after(() => party.close());

    for (const responseMode of ["direct_post", "direct_post.jwt"]) {
      for (const method of ["GET", "POST"] as const) {
        it(`fetches the request by ${method} and answers it by ${responseMode}`, async () => {
          const { authorizationUrl, transactionId } = await party.ask({ responseMode });
          const accepted = await acceptRequest(authorizationUrl, method);
          expect(accepted.clientIdPrefix).to.equal(clientIdPrefix);
          const { claims } = accepted;
          // The library does not ask for these.
          expect(claims["aud"]).to.equal("https://self-issued.me/v2");
          expect(claims["wallet_nonce"] === undefined).to.equal(method === "GET");
          expect(claims.dcql_query.credentials[0]).to.deep.include(IDENTITY_QUERY.credentials[0]);
          expect(claims).not.to.have.any.keys("redirect_uri", "scope", "request_uri_method");
          expect(Object.keys(claims.client_metadata)).to.have.members(
            responseMode === "direct_post"
              ? ["vp_formats_supported"]
              : ["vp_formats_supported", "jwks", "encrypted_response_enc_values_supported"],
          );
          const answered = await accepted.respond(party.token({ header: { alg: "", typ: "" }, claims }));
          expect(answered).to.deep.equal({ status: 200, body: {} });
          const { status, body } = await party.result(transactionId);
          expect(status).to.equal(200);
          expect(body).to.include({ vpResultStatus: "SUCCESS", result: "valid" });
        });
      }
    }
  });
}

describe("a request object", () => {
  let party: RelyingParty;
  before(async () => void (party = await relyingParty("request-object")));
  after(() => party.close());

  it("is fetched twice with the same nonce, state and key, and answered", async () => {
    const { authorizationUrl, request, transactionId } = await party.ask();
    const again = await readRequest(authorizationUrl);
    expect(again.claims).to.deep.equal({ ...request.claims, iat: again.claims["iat"] });
    const submitted = await submit(again, party.token(again));
    expect(submitted.status, submitted.text).to.equal(200);
    expect((await party.result(transactionId)).body).to.include({ result: "valid" });
  });

  it("asks each time for encryption to another key, which names itself and its algorithm", async () => {
    const keys = await Promise.all(
      [1, 2].map(async () => (await party.ask()).request.claims.client_metadata.jwks?.keys ?? []),
    );
    const [[first], [second]] = keys as [{ kid?: string; x?: string }[], { kid?: string; x?: string }[]];
    for (const key of [first, second]) expect(key).to.include({ alg: "ECDH-ES", use: "enc", crv: "P-256" });
    expect(first?.kid).not.to.equal(second?.kid);
    expect(first?.x).not.to.equal(second?.x);
  });

  it("is gone once it was answered, and unknown under another id", async () => {
    const { request, requestId } = await party.ask();
    expect((await submit(request, party.token(request))).status).to.equal(200);
    for (const method of ["GET", "POST"]) {
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const body = method === "POST" ? { body: "wallet_nonce=n", headers } : {};
      expect((await party.on.ask(method, `/vp-request/${requestId}`, body)).body.code).to.equal(
        "presentation.request_closed",
      );
      const unknown = await party.on.ask(method, `/vp-request/req_${"0".repeat(36)}`, body);
      expect(unknown.status).to.equal(404);
      expect(unknown.body).to.include({ code: "presentation.unknown_request", errorCode: "NO_AUTH_REQUEST" });
    }
  });

  it("is not made with a wallet_nonce that is too long or has other characters", async () => {
    const { requestId } = await party.ask();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    for (const nonce of ["x".repeat(513), "a b", "ü", ""]) {
      const body = new URLSearchParams({ wallet_nonce: nonce }).toString();
      const { status, body: problem } = await party.on.ask("POST", `/vp-request/${requestId}`, { body, headers });
      expect(status).to.equal(400);
      expect(problem.code).to.equal("presentation.wallet_nonce_malformed");
    }
  });
});
