import { expect } from "chai";
import type { Answer } from "../../../support/ask";
import {
  newHolder,
  newIssuer,
  revokeDirectly,
  type TestHolder,
  type TestIssuer,
} from "../../../support/credentialActors";
import { acceptOffer, type Fetched } from "../../../support/issuance/foreignWallet";
import { offer } from "../../../support/issuance/wallet";
import { acceptRequest } from "../../../support/presentations/foreignWallet";
import { type Asked, type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { type JoseKey, joseKey, present } from "../../../support/presentations/sdJwtWallet";

describe("a credential that a wallet of another maker's library fetches", () => {
  let relying: RelyingParty;
  let issuer: TestIssuer;
  let alice: TestHolder;

  before(async () => {
    relying = await relyingParty("issuance-circle", {
      modules: ["issuers", "credentials", "verification", "presentations", "oauth", "statusLists"],
      chain: true,
      workers: true,
    });
    issuer = await newIssuer(relying.on);
    alice = await newHolder(relying.on);
  });
  after(() => relying.close());

  const now = () => relying.on.context.clock.now();

  for (const alg of ["ES256", "ES256K", "EdDSA"] as const) {
    it(`with an ${alg} key is presented to a verifier, who accepts it until it is revoked on the chain`, async () => {
      const key = joseKey(alg);
      const offered = await offer(relying.on, issuer, alice);
      const fetched = await acceptOffer(offered.link, key, { now: now() });
      expect(fetched.configuration).to.include({
        format: "dc+sd-jwt",
        vct: `${relying.on.url}/credential-types/${issuer.address}/EducationCredential`,
      });
      await expectValid(await presentTo(key, fetched));

      const read = await relying.on.ask("GET", `/credentials/issued/${offered.offerId}`, { token: issuer.apiKey });
      expect(read.body, read.text).to.include({ jwt: fetched.credential, subject: alice.did, status: "ACTIVE" });
      await revokeDirectly(relying.on, issuer, read.body["credId"] as string);
      const { asked, submitted } = await presentTo(key, fetched);
      expect(submitted.status).to.equal(200);
      const { body } = await relying.result(asked.transactionId);
      expect(body).to.include({ vpResultStatus: "FAILED", result: "invalid", reason: "credential_revoked" });
    });
  }

  it("by a link that holds the whole offer, and with a transaction code, is the holder's like any other", async () => {
    const key = joseKey();
    const offered = await offer(relying.on, issuer, alice, { txCode: true, disclosable: ["degree"], decoys: 2 });
    expect(offered.txCode).to.match(/^\d{6}$/);
    const options = { now: now(), txCode: offered.txCode ?? "" };
    const fetched = await acceptOffer(offered.linkByValue, key, options);
    await expectValid(await presentTo(key, fetched));
    const payload = JSON.parse(Buffer.from(fetched.credential.split(".")[1]!, "base64url").toString("utf8"));
    expect(payload.cnf).to.deep.equal({ jwk: key.jwk });
    expect(payload).to.include({ name: "Alice Smith", iss: issuer.did });
    expect(payload._sd).to.have.length(4);
    const listed = await relying.on.ask("GET", "/credentials", { token: alice.token });
    const ids = (listed.body["credentials"] as { credentialId: string }[]).map(({ credentialId }) => credentialId);
    expect(ids).to.include(offered.offerId);
  });

  it("is the same when the wallet fetches it again with its token", async () => {
    const offered = await offer(relying.on, issuer, alice);
    const fetched = await acceptOffer(offered.link, joseKey(), { now: now() });
    expect(await fetched.again()).to.equal(fetched.credential);
  });

  it("is known to its issuer to be stored once the wallet says so", async () => {
    const offered = await offer(relying.on, issuer, alice);
    const fetched = await acceptOffer(offered.link, joseKey(), { now: now() });
    const eventOf = async () =>
      (await relying.on.ask("GET", `/credential-offers/${offered.offerId}`, { token: issuer.apiKey })).body[
        "walletEvent"
      ] as string | null;
    expect(await eventOf()).to.equal(null);
    await fetched.acknowledge();
    await fetched.acknowledge();
    expect(await eventOf()).to.equal("credential_accepted");
  });

  it("comes from an authorization server of its issuer's own, beside the OAuth gateway's", async () => {
    const path = `/issuance/${issuer.address}`;
    const own = await relying.on.ask("GET", `/.well-known/oauth-authorization-server${path}`);
    expect(own.body, own.text).to.deep.include({
      issuer: `${relying.on.url}${path}`,
      token_endpoint: `${relying.on.url}${path}/token`,
      "pre-authorized_grant_anonymous_access_supported": true,
    });
    const gateways = await relying.on.ask("GET", "/.well-known/oauth-authorization-server");
    expect(gateways.body).to.include({ issuer: relying.on.url, token_endpoint: `${relying.on.url}/token` });
    const nobody = `/.well-known/openid-credential-issuer/issuance/0x${"1".repeat(40)}`;
    expect((await relying.on.ask("GET", nobody)).body.code).to.equal("issuer.unknown");
  });

  async function presentTo(
    holder: JoseKey,
    { credential, configuration: { vct = "" } }: Fetched,
  ): Promise<{ asked: Asked; submitted: Pick<Answer, "status"> }> {
    const query = { id: "degree", format: "dc+sd-jwt", meta: { vct_values: [vct] }, claims: [{ path: ["degree"] }] };
    const asked = await relying.ask({ dcqlQuery: { credentials: [query] } });
    const request = await acceptRequest(asked.authorizationUrl, "GET");
    const { client_id: aud, nonce } = request.claims;
    const shown = { disclose: ["degree"], kb: { aud, nonce } };
    const submitted = await request.respond({
      degree: [present({ issuer: holder, holder, credential }, now(), shown)],
    });
    return { asked, submitted };
  }

  async function expectValid({ asked, submitted }: Awaited<ReturnType<typeof presentTo>>): Promise<void> {
    expect(submitted.status).to.equal(200);
    const { body } = await relying.result(asked.transactionId);
    expect(body).to.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
    expect(body["verificationDetails"].credentials[0].claims).to.deep.equal({ degree: "BS Computer Science" });
  }
});
