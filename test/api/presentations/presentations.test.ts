import { createPublicKey } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { fixture, type Fixture } from "../../support/fixture";
import { newVerifier, type TestVerifier } from "../../support/credentialActors";
import { encoded, type Party, party } from "../../support/presentations/certificates";
import { type Issued, issue, type JoseKey, present, VCT } from "../../support/presentations/sdJwtWallet";
import { readRequest, type ReadRequest, submit } from "../../support/presentations/wallet";

const QUERY = {
  credentials: [
    {
      id: "identity",
      format: "dc+sd-jwt",
      meta: { vct_values: [VCT] },
      claims: [{ path: ["given_name"] }, { path: ["age"] }],
    },
  ],
};

describe("a presentation", () => {
  let on: Fixture;
  let verifier: TestVerifier;
  let issuer: Party;
  let issued: Issued;
  const folder = mkdtempSync(join(tmpdir(), "cairn-presentations-"));

  before(async () => {
    issuer = await party("Issuer", { authority: false, host: "issuer.example" });
    const anchors = join(folder, "anchors.pem");
    writeFileSync(anchors, issuer.certificate.toString());
    on = await fixture("presentations", {
      modules: ["presentations", "verification"],
      config: { presentations: { trustAnchorsFile: anchors } },
    });
    verifier = await newVerifier(on);
    issued = await issue({ issuer: joseKeyOf(issuer), header: { x5c: [encoded(issuer)] } });
  });
  after(async () => {
    await on.close();
    rmSync(folder, { recursive: true });
  });

  async function ask(body: object = {}): Promise<{ transactionId: string; requestId: string; request: ReadRequest }> {
    const created = await on.ask("POST", "/vp-request", {
      token: verifier.apiKey,
      body: { dcqlQuery: QUERY, ...body },
    });
    expect(created.status, created.text).to.equal(201);
    const { transactionId, requestId, authorizationUrl } = created.body;
    return { transactionId, requestId, request: await readRequest(authorizationUrl as string) } as never;
  }

  function token({ claims }: ReadRequest, kb: object = {}): object {
    const binding = { aud: claims.client_id, nonce: claims.nonce, ...kb };
    return { identity: [present(issued, new Date(), { kb: binding, disclose: ["given_name", "age", "family_name"] })] };
  }

  for (const responseMode of ["direct_post", "direct_post.jwt"]) {
    it(`by ${responseMode} is asked for, submitted and read by its owner once`, async () => {
      const { request, requestId, transactionId } = await ask({ responseMode });
      expect(request.header).to.include({ typ: "oauth-authz-req+jwt", alg: "ES256" });
      expect(request.claims).to.include({ client_id: "x509_san_dns:127.0.0.1", response_type: "vp_token" });
      expect((await on.ask("GET", `/vp-request/${requestId}/status`)).body).to.include({ status: "ACTIVE" });

      const submitted = await submit(request, token(request));
      expect(submitted.status, submitted.text).to.equal(200);
      expect(submitted.body).to.deep.equal({});
      expect((await on.ask("GET", `/vp-request/${requestId}/status`)).body).to.include({ status: "VP_SUBMITTED" });

      const result = await on.ask("GET", `/vp-result/${transactionId}`, { token: verifier.apiKey });
      expect(result.status, result.text).to.equal(200);
      expect(result.body).to.deep.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
      const [credential] = result.body["verificationDetails"].credentials;
      expect(credential).to.deep.include({ queryId: "identity", claims: { given_name: "Ada", age: 36 } });
    });
  }
});

function joseKeyOf({ privateKey }: Party): JoseKey {
  const publicKey = createPublicKey(privateKey);
  return { alg: "ES256", privateKey, publicKey, jwk: publicKey.export({ format: "jwk" }) as JoseKey["jwk"] };
}
