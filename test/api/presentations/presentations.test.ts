import { expect } from "chai";
import { type RelyingParty, relyingParty } from "../../support/presentations/relyingParty";
import { submit } from "../../support/presentations/wallet";

describe("a presentation", () => {
  let party: RelyingParty;
  before(async () => void (party = await relyingParty("presentations")));
  after(() => party.close());

  for (const responseMode of ["direct_post", "direct_post.jwt"]) {
    it(`by ${responseMode} is asked for, submitted and read by its owner once`, async () => {
      const { request, requestId, transactionId } = await party.ask({ responseMode });
      expect(request.header).to.include({ typ: "oauth-authz-req+jwt", alg: "ES256" });
      expect(request.claims).to.include({ client_id: "x509_san_dns:127.0.0.1", response_type: "vp_token" });
      expect((await party.on.ask("GET", `/vp-request/${requestId}/status`)).body).to.include({ status: "ACTIVE" });

      const submitted = await submit(request, party.token(request));
      expect(submitted.status, submitted.text).to.equal(200);
      expect(submitted.body).to.deep.equal({});
      expect((await party.on.ask("GET", `/vp-request/${requestId}/status`)).body).to.include({
        status: "VP_SUBMITTED",
      });

      const result = await party.result(transactionId);
      expect(result.status, result.text).to.equal(200);
      expect(result.body).to.deep.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
      const [credential] = result.body["verificationDetails"].credentials;
      expect(credential).to.deep.include({ queryId: "identity", claims: { given_name: "Ada", age: 36 } });
    });
  }
});
