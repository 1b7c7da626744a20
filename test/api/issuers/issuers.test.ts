import { expect } from "chai";
import { createHash } from "node:crypto";
import { createIssuerStore } from "../../../api/issuers/store";
import { eventually } from "../../support/eventually";
import {
  accredit,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  type TestHolder,
  type TestVerifier,
} from "../../support/credentialActors";
import { ADMIN_KEY, type Fixture, fixture } from "../../support/fixture";

describe("issuers", () => {
  let on: Fixture;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("issuers", { modules: ["issuers", "credentials", "verification"], chain: true, workers: true });
    verifier = await newVerifier(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  const anchored = (address: string) =>
    eventually("the issuer's latest document to be anchored", async () => {
      const { body } = await on.ask("GET", `/issuers/${address}`);
      return body.anchored === true;
    });

  it("are put on the chain with a document of which the chain holds the digest", async () => {
    const issuer = await newIssuer(on);
    const record = await on.context.chain.didRegistry.resolveDID(issuer.address);
    expect(record.did).to.equal(issuer.did);
    const served = await on.ask("GET", new URL(record.documentUri).pathname);
    expect(served.status).to.equal(200);
    expect(`0x${createHash("sha256").update(served.text).digest("hex")}`).to.equal(record.documentHash);
    const document = JSON.parse(served.text);
    expect(document.id).to.equal(issuer.did);
    expect(document.verificationMethod[1].publicKeyJwk).to.include({ kty: "OKP", crv: "Ed25519", alg: "EdDSA" });
    expect(document.assertionMethod).to.include(document.verificationMethod[1].id);
  });

  it("cannot issue before the chain accredits them, and say whom to ask", async () => {
    const added = await on.ask("POST", "/issuers", { token: ADMIN_KEY, body: { name: "Diploma Mill" } });
    const { address, apiKey } = added.body;
    await anchored(address);
    await eventually("the reason to be recorded", async () => {
      const { body } = await on.ask("GET", `/issuers/${address}`);
      return typeof body.fault === "string" && body.fault.includes(`npm run issuer -- accredit ${address}`);
    });
    await on.ask("PUT", "/credential-types/Diploma", { token: apiKey, body: { schema: { type: "object" } } });
    const body = { subjectDid: alice.did, type: "Diploma", claims: {} };
    const refused = await on.ask("POST", "/credentials/issue", { token: apiKey, body });
    expect(refused.body.code).to.equal("issuer.not_accredited");

    await accredit(on, address);
    expect((await on.ask("POST", "/credentials/issue", { token: apiKey, body })).status).to.equal(201);
    await eventually(
      "the reason to be gone",
      async () => (await on.ask("GET", `/issuers/${address}`)).body.fault === null,
    );
  });

  it("store only the hash of an API key, and reject a revoked one", async () => {
    const issuer = await newIssuer(on);
    const stored = JSON.stringify(await createIssuerStore(on.context.mongo).find(issuer.address));
    expect(stored).not.to.include(issuer.apiKey);
    const further = await on.ask("POST", `/issuers/${issuer.address}/api-keys`, { token: ADMIN_KEY });
    expect((await on.ask("GET", "/issuer/usage", { token: further.body.apiKey })).status).to.equal(200);
    await on.ask("DELETE", `/issuers/${issuer.address}/api-keys/${further.body.id}`, { token: ADMIN_KEY });
    expect((await on.ask("GET", "/issuer/usage", { token: further.body.apiKey })).body.code).to.equal(
      "api_key.revoked",
    );
    expect((await on.ask("GET", "/issuer/usage", { token: `${issuer.apiKey}x` })).body.code).to.equal(
      "api_key.unknown",
    );
    expect((await on.ask("GET", "/issuer/usage", { token: verifier.apiKey })).body.code).to.equal("api_key.wrong_kind");
  });

  it("rotate their key, of either algorithm, without breaking what they issued", async () => {
    const issuer = await newIssuer(on, "ES256");
    const old = await issue(on, issuer, alice);
    expect(headerOf(old.jwt)).to.include({ alg: "ES256", typ: "vc+jwt" });
    const rotated = await on.ask("POST", `/issuers/${issuer.address}/keys`, {
      token: ADMIN_KEY,
      body: { algorithm: "EdDSA" },
    });
    expect(rotated.status).to.equal(202);
    // Until the chain shows the new key, the old one signs.
    const between = await issue(on, issuer, alice);
    await anchored(issuer.address);
    const fresh = await issue(on, issuer, alice);
    expect(headerOf(fresh.jwt)).to.include({ alg: "EdDSA", kid: `${issuer.did}#${rotated.body.kid}` });
    for (const { credentialId } of [old, between, fresh]) {
      const confirmed = await present(on, verifier, credentialId, alice);
      expect(confirmed.status, confirmed.text).to.equal(200);
    }
  });

  it("withdraw a key in wrong hands, and with it every credential it signed, but never the last", async () => {
    const issuer = await newIssuer(on);
    const stolen = await issue(on, issuer, alice);
    const kid = headerOf(stolen.jwt).kid.split("#")[1];
    const path = `/issuers/${issuer.address}/keys/${kid}`;
    expect((await on.ask("DELETE", path, { token: ADMIN_KEY })).body.code).to.equal("issuer.key_last");
    await on.ask("POST", `/issuers/${issuer.address}/keys`, { token: ADMIN_KEY, body: {} });
    await anchored(issuer.address);
    const good = await issue(on, issuer, alice);
    expect((await on.ask("DELETE", path, { token: ADMIN_KEY })).status).to.equal(202);
    await anchored(issuer.address);
    expect((await present(on, verifier, stolen.credentialId, alice)).body.code).to.equal(
      "verification.issuer_signature_invalid",
    );
    expect((await present(on, verifier, good.credentialId, alice)).status).to.equal(200);
  });

  it("take one index each, however many issue at once", async () => {
    const issuer = await newIssuer(on);
    const issued = await Promise.all(Array.from({ length: 32 }, () => issue(on, issuer, alice)));
    expect(new Set(issued.map(({ credId }) => credId)).size).to.equal(32);
  });
});

function headerOf(jwt: string): { alg: string; kid: string; typ: string } {
  return JSON.parse(Buffer.from(jwt.split(".")[0]!, "base64url").toString());
}
