import { createHash, createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { compactVerify } from "jose";
import { ask } from "../../../support/ask";
import { newIssuer } from "../../../support/credentialActors";
import { type Party, party } from "../../../support/presentations/certificates";
import { acceptRequest } from "../../../support/presentations/foreignWallet";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { type ReadRequest, submit } from "../../../support/presentations/wallet";

interface Created {
  requestId: string;
  transactionId: string;
  authorizationUrl: string;
}

async function create(relying: RelyingParty, body: object = {}): Promise<Created> {
  const asked = { dcqlQuery: IDENTITY_QUERY, ...body };
  const created = await relying.on.ask("POST", "/vp-request", { token: relying.verifier.apiKey, body: asked });
  expect(created.status, created.text).to.equal(201);
  return created.body as unknown as Created;
}

describe("a request by redirect_uri, which cannot be signed", () => {
  let relying: RelyingParty;
  before(async () => {
    relying = await relyingParty("redirect-uri", { config: { presentations: { clientIdPrefix: "redirect_uri" } } });
  });
  after(() => relying.close());

  for (const responseMode of ["direct_post", "direct_post.jwt"]) {
    it(`is in the link itself, and is answered by ${responseMode}`, async () => {
      const { authorizationUrl, transactionId, requestId } = await create(relying, { responseMode });
      const parameters = Object.fromEntries(new URL(authorizationUrl).searchParams);
      const responseUri = `${relying.on.url}/vp-submission/direct-post`;
      expect(parameters).to.include({
        client_id: `redirect_uri:${responseUri}`,
        response_type: "vp_token",
        response_mode: responseMode,
        response_uri: responseUri,
        state: requestId,
      });
      expect(parameters).not.to.have.any.keys("request_uri", "request", "redirect_uri");
      expect(JSON.parse(parameters["dcql_query"] ?? "")).to.have.property("credentials");
      const metadata = JSON.parse(parameters["client_metadata"] ?? "") as ReadRequest["claims"]["client_metadata"];
      expect(metadata).to.have.property("vp_formats_supported");
      const claims = { ...parameters, client_metadata: metadata } as unknown as ReadRequest["claims"];
      const request = { header: { alg: "", typ: "" }, claims };
      const submitted = await submit(request, relying.token(request));
      expect(submitted.status, submitted.text).to.equal(200);
      expect((await relying.result(transactionId)).body).to.include({ result: "valid" });
    });
  }

  it("has no request object to fetch", async () => {
    const { requestId } = await create(relying);
    const { status, body } = await relying.on.ask("GET", `/vp-request/${requestId}`);
    expect(status).to.equal(404);
    expect(body.code).to.equal("presentation.not_signed");
  });
});

describe("a request by decentralized_identifier", () => {
  it("is signed by the key of the DID's document, and answered", async () => {
    const relying = await relyingParty("did-verifier", {
      modules: ["issuers", "credentials", "verification", "presentations"],
      chain: true,
      workers: true,
    });
    try {
      const issuer = await newIssuer(relying.on, "ES256");
      // The issuer whose key signs exists once Cairn runs; the signer is made at the first request.
      Object.assign(relying.on.context.config.presentations, {
        clientIdPrefix: "decentralized_identifier",
        did: issuer.did,
      });
      const { authorizationUrl, transactionId } = await create(relying);
      const { searchParams } = new URL(authorizationUrl);
      expect(searchParams.get("client_id")).to.equal(`decentralized_identifier:${issuer.did}`);
      const fetched = await ask(searchParams.get("request_uri") ?? "", "GET");
      expect(fetched.status, fetched.text).to.equal(200);
      const keys = (await relying.on.ask("GET", `/issuers/${issuer.address}`)).body["keys"] as {
        kid: string;
        publicJwk: object;
      }[];
      const { protectedHeader, payload } = await compactVerify(fetched.text, ({ kid }) => {
        const key = keys.find((candidate) => kid === `${issuer.did}#${candidate.kid}`);
        expect(key, JSON.stringify(keys)).not.to.equal(undefined);
        return createPublicKey({ key: { ...key?.publicJwk }, format: "jwk" });
      });
      expect(protectedHeader).to.include({ typ: "oauth-authz-req+jwt", alg: "ES256" });
      expect(protectedHeader).not.to.have.property("x5c");
      const claims = JSON.parse(Buffer.from(payload).toString("utf8")) as ReadRequest["claims"];
      expect(claims.client_id).to.equal(searchParams.get("client_id"));
      const request = { header: { alg: "", typ: "" }, claims };
      const submitted = await submit(request, relying.token(request));
      expect(submitted.status, submitted.text).to.equal(200);
      expect((await relying.result(transactionId)).body).to.include({ result: "valid" });
    } finally {
      await relying.close();
    }
  });
});

describe("a request for the high assurance profile (HAIP 1.0 §5), with configured certificates", () => {
  let folder: string;
  let root: Party;
  let leaf: Party;
  let relying: RelyingParty;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "cairn-verifier-"));
    root = await party("Verifiers' CA", { authority: true });
    leaf = await party("verifier.example", { authority: false, host: "127.0.0.1" }, root);
    const certificateFile = join(folder, "chain.pem");
    const keyFile = join(folder, "key.pem");
    writeFileSync(certificateFile, leaf.certificate.toString() + root.certificate.toString());
    writeFileSync(keyFile, leaf.privateKey.export({ type: "pkcs8", format: "pem" }));
    const presentations = { clientIdPrefix: "x509_hash", walletScheme: "haip-vp", certificateFile, keyFile } as const;
    relying = await relyingParty("haip", { config: { presentations } });
  });
  after(async () => {
    await relying.close();
    rmSync(folder, { recursive: true });
  });

  it("is signed with ES256 under the configured leaf, without the root, for encrypted answers to a fresh key", async () => {
    const { authorizationUrl, request } = await relying.ask();
    expect(authorizationUrl).to.match(/^haip-vp:\/\/\?client_id=x509_hash%3A[\w-]{43}&request_uri=http/);
    const { header, claims } = request;
    expect(header).to.include({ alg: "ES256", typ: "oauth-authz-req+jwt" });
    expect(header.x5c).to.deep.equal([leaf.certificate.raw.toString("base64")]);
    const own = new X509Certificate(Buffer.from(header.x5c?.[0] ?? "", "base64"));
    expect(own.subject, "self-signed leaves are refused").not.to.equal(own.issuer);
    const digest = createHash("sha256").update(own.raw).digest("base64url");
    expect(claims.client_id).to.equal(`x509_hash:${digest}`);
    expect(claims.response_mode).to.equal("direct_post.jwt");
    expect(claims.client_metadata.encrypted_response_enc_values_supported).to.have.members(["A128GCM", "A256GCM"]);
  });

  it("is accepted and answered by a foreign wallet", async () => {
    const { authorizationUrl, transactionId } = await relying.ask();
    const { claims, respond } = await acceptRequest(authorizationUrl, "POST");
    expect((await respond(relying.token({ header: { alg: "", typ: "" }, claims }))).status).to.equal(200);
    expect((await relying.result(transactionId)).body).to.include({ result: "valid" });
  });
});
