import { expect } from "chai";
import { movableClock } from "../../../support/fakeClock";
import { newVerifier, type TestVerifier } from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { ADMIN_KEY, fixture, type Fixture } from "../../../support/fixture";
import { startOAuthActors, OAUTH_MODULES, type OAuthActors } from "../../../support/oauthActors";
import { finishUrl, information, redeem, startVerification, untilStatus } from "../../../support/oauthBrowser";
import { createTrustedWallet, type TrustedWallet } from "../../../support/presentations/trustedWallet";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { startWebhookReceiver } from "../../../support/webhookReceiver";

const PATH = "/management/api/verifications";

describe("the management API of swiyu verifiers", () => {
  const clock = movableClock();
  let on: Fixture;
  let wallet: TrustedWallet;
  let verifier: TestVerifier;

  before(async () => {
    wallet = await createTrustedWallet(clock);
    on = await fixture("presentations_management", {
      modules: [...OAUTH_MODULES, "presentations", "verification"],
      config: { presentations: { trustAnchorsFile: wallet.anchorsFile } },
      workers: true,
      clock,
    });
    verifier = await newVerifier(on);
  });
  after(async () => {
    await on.close();
    wallet.close();
  });

  async function create(body: object = {}, token = verifier.apiKey): Promise<{ id: string; link: string }> {
    const created = await on.ask("POST", PATH, { token, body: { dcql_query: IDENTITY_QUERY, ...body } });
    expect(created.status, created.text).to.equal(200);
    expect(created.body).to.deep.include({ state: "PENDING", wallet_response: null });
    return { id: created.body["id"], link: String(created.body["verification_deeplink"]) };
  }
  const read = (id: string, token = verifier.apiKey) => on.ask("GET", `${PATH}/${id}`, { token });

  it("shows PENDING, then SUCCESS with the claims that were asked for", async () => {
    const { id, link } = await create();
    expect((await read(id)).body).to.include({ id, state: "PENDING", verification_deeplink: link });
    expect((await wallet.answer(link)).status).to.equal(200);
    const { body, headers } = await read(id);
    expect(headers.get("cache-control")).to.equal("no-store");
    expect(body).to.deep.include({
      state: "SUCCESS",
      wallet_response: { credential_subject_data: { given_name: "Ada", age: 36 } },
    });
  });

  it("keeps the claims of several credentials apart by the ids of their queries", async () => {
    const [asked] = IDENTITY_QUERY.credentials;
    const query = {
      credentials: [
        { ...asked, id: "one" },
        { ...asked, id: "many", multiple: true },
      ],
    };
    const { id, link } = await create({ dcql_query: query });
    await wallet.answer(link);
    const claims = { given_name: "Ada", age: 36 };
    expect((await read(id)).body["wallet_response"]).to.deep.equal({
      credential_subject_data: { one: claims, many: [claims] },
    });
  });

  it("shows FAILED with client_rejected when the holder declines", async () => {
    const { id, link } = await create();
    await wallet.decline(link);
    expect((await read(id)).body).to.deep.include({
      state: "FAILED",
      wallet_response: { error_code: "client_rejected", error_description: "The wallet did not present anything." },
    });
  });

  it("accepts only the issuers that are named, where any are", async () => {
    const strange = await create({ accepted_issuer_dids: ["did:example:another"] });
    await wallet.answer(strange.link);
    expect((await read(strange.id)).body).to.deep.include({ state: "FAILED" });
    expect((await read(strange.id)).body["wallet_response"]).to.include({ error_code: "issuer_not_trusted" });
    const named = await create({ accepted_issuer_dids: [wallet.issuer] });
    await wallet.answer(named.link);
    expect((await read(named.id)).body).to.deep.include({ state: "SUCCESS" });
  });

  it("is read by its owner alone, and not for a request that sends a browser back", async () => {
    const { id } = await create();
    const other = await newVerifier(on, "Other");
    expect((await read(id, other.apiKey)).body).to.include({ code: "presentation.unknown_verification" });
    expect((await on.ask("GET", `${PATH}/${id}`)).status).to.equal(401);
    const redirectUri = "https://shop.example/back";
    const account = { name: "With pages", redirectUris: [redirectUri] };
    const owner = String((await on.ask("POST", "/verifiers", { token: ADMIN_KEY, body: account })).body["apiKey"]);
    const body = { dcqlQuery: IDENTITY_QUERY, flow: "same_device", redirectUri };
    const asked = await on.ask("POST", "/vp-request", { token: owner, body });
    expect(asked.status, asked.text).to.equal(201);
    expect((await read(String(asked.body["requestId"]), owner)).status).to.equal(404);
  });

  it("waits 15 minutes for a wallet; then it is unknown, as is one that was read a minute ago", async () => {
    const [late, answered] = [await create(), await create()];
    await wallet.answer(answered.link);
    expect((await read(answered.id)).body).to.include({ state: "SUCCESS" });
    clock.moveSeconds(59);
    expect((await read(answered.id)).body).to.include({ state: "SUCCESS" });
    clock.moveSeconds(2);
    expect((await read(answered.id)).status).to.equal(404);
    expect((await read(late.id)).body).to.include({ state: "PENDING" });
    clock.moveSeconds(15 * 60);
    expect((await read(late.id)).status).to.equal(404);
  });

  it("refuses what it does not do, by its name", async () => {
    const refused = { dcql_query: IDENTITY_QUERY, jwt_secured_authorization_request: false };
    const { status, text } = await on.ask("POST", PATH, { token: verifier.apiKey, body: refused });
    expect(status).to.equal(400);
    expect(text).to.include("jwt_secured_authorization_request");
    expect((await on.ask("POST", PATH, { body: { dcql_query: IDENTITY_QUERY } })).status).to.equal(401);
  });

  it("notifies the verifier's webhook of an answer, once, and says nothing of it", async () => {
    const receiver = await startWebhookReceiver();
    try {
      const { apiKey } = await newVerifier(on, "With a webhook", receiver.url);
      const { id, link } = await create({}, apiKey);
      await wallet.answer(link);
      await eventually("the webhook", () => Promise.resolve(receiver.received.length === 1));
      const message = JSON.parse(receiver.received[0]!.body) as Record<string, unknown>;
      expect(message).to.deep.include({
        verification_id: id,
        type: "presentation.answered",
        data: { verification_id: id },
      });
      expect(message["timestamp"]).to.be.a("string");
    } finally {
      receiver.close();
    }
  });

  it("serves an OAuth gateway elsewhere: its client gets code, token and claims", async () => {
    const gateway: OAuthActors = await startOAuthActors(on, {
      client: {
        verifierUrl: on.url,
        verifierHeader: `Authorization: Bearer ${verifier.apiKey}`,
        scopes: [{ name: "age", description: "your name and age", dcql: IDENTITY_QUERY }],
      },
    });
    try {
      const started = await startVerification(gateway);
      const { deepLink } = (await gateway.sessions.findByVerification(started.verificationId))!;
      expect((await wallet.answer(deepLink!)).status).to.equal(200);
      // Its verifier has no webhook: the gateway polls.
      clock.moveSeconds(60);
      await untilStatus(started, "verified");
      const code = (await finishUrl(started)).searchParams.get("code") ?? "";
      const token = String((await redeem(gateway, code)).json["access_token"]);
      expect((await information(gateway, token)).json).to.deep.include({ claims: { given_name: "Ada", age: 36 } });
    } finally {
      await gateway.close();
    }
  });
});
