import { X509Certificate } from "node:crypto";
import { expect } from "chai";
import { decodeProtectedHeader } from "jose";
import { newVerifier } from "../../../support/credentialActors";
import { fixture } from "../../../support/fixture";

const DCQL = {
  credentials: [
    {
      id: "degree",
      format: "dc+sd-jwt",
      meta: { vct_values: ["https://vct.example/degree"] },
      claims: [{ path: ["degree"] }],
    },
  ],
};

describe("the local authority of a developer's machine", () => {
  it("is shown as PEM, the same each time, and certifies what signs requests", async () => {
    const on = await fixture("authority", { modules: ["verification", "presentations"] });
    const shown = await on.ask("GET", "/dev/presentation-ca.pem");
    expect(shown.status, shown.text).to.equal(200);
    expect(shown.headers.get("content-type")).to.equal("application/x-pem-file");
    const root = new X509Certificate(shown.text);
    expect(root.ca).to.equal(true);
    expect((await on.ask("GET", "/dev/presentation-ca.pem")).text).to.equal(shown.text);
    const { apiKey: token } = await newVerifier(on);
    const asked = await on.ask("POST", "/vp-request", { token, body: { clientId: "library", dcqlQuery: DCQL } });
    expect(asked.status, asked.text).to.equal(201);
    const requestUri = new URL(String(asked.body["requestUri"]));
    const { text } = await on.ask("GET", requestUri.pathname);
    const [leaf = ""] = decodeProtectedHeader(text).x5c ?? [];
    const certificate = new X509Certificate(Buffer.from(leaf, "base64"));
    expect(certificate.checkIssued(root) && certificate.verify(root.publicKey)).to.equal(true);
    await on.close();
  });

  it("is not there in production, nor where a certificate is configured", async () => {
    for (const config of [{ production: true }, { presentations: { certificateFile: "/some/file.pem" } }]) {
      const on = await fixture("no-authority", { modules: ["presentations"], config });
      expect((await on.ask("GET", "/dev/presentation-ca.pem")).status).to.equal(404);
      await on.close();
    }
  });
});
