import { expect } from "chai";
import { newVerifier } from "../../../support/credentialActors";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  createFlowBrowser,
  finish,
  headingOf,
  presentForCallback,
  storedFlow,
} from "../../../support/presentations/flowBrowser";
import {
  INJI_CLIENT_ID,
  INJI_WALLET,
  type InjiParty,
  injiParty,
  TAX_DEFINITION,
} from "../../../support/presentations/injiParty";
import { INJI_CREDENTIAL } from "../../../support/presentations/injiVerify";
import { RETURN_URL } from "../../../support/presentations/relyingParty";
import { IDENTITY_QUERY } from "../../../support/presentations/trustedIssuer";
import { post } from "../../../support/presentations/wallet";

describe("a flow that an Inji Verify elsewhere verifies", () => {
  let clock: MovableClock;
  let inji: InjiParty;
  before(async () => {
    clock = movableClock();
    inji = await injiParty("inji", { clock });
  });
  after(() => inji.close());

  const callbackOf = (link: string) => new URL(link).searchParams.get("redirect_uri") ?? "";
  const pollOnce = async ({
    browser,
    page,
  }: {
    browser: { get(url: string): Promise<{ body: object }> };
    page: string;
  }) => {
    clock.moveSeconds(2);
    return (await browser.get(`${page}/status`)).body as { status: string };
  };

  it("sends the browser to the Inji Web wallet with the whole request, takes it back, and hands the result on", async () => {
    const { party, verify } = inji;
    const flow = await inji.begin();
    expect((await flow.browser.get(flow.page)).text)
      .to.include("Income tax account")
      .and.include("full name, PAN");
    expect((await flow.browser.post(`${flow.page}/wallet`, { device: "this" })).status).to.equal(303);
    const { request } = await storedFlow(party, flow.sessionId);
    const { walletUrl: link = "", requestId = "" } = request ?? {};
    const made = verify.created.at(-1)!;
    expect(made).to.deep.include({ clientId: INJI_CLIENT_ID, presentationDefinition: TAX_DEFINITION });
    expect(String(made["nonce"])).to.match(/^[\w-]{43}$/);

    const url = new URL(link);
    expect(url.origin + url.pathname).to.equal(INJI_WALLET);
    const parameters = Object.fromEntries(url.searchParams);
    expect(parameters).to.deep.equal({
      client_id: INJI_CLIENT_ID,
      response_type: "vp_token",
      response_mode: "direct_post",
      response_uri: `${verify.baseUrl}/vp-submission/direct-post`,
      nonce: made["nonce"],
      state: requestId,
      presentation_definition: JSON.stringify(TAX_DEFINITION),
      redirect_uri: parameters["redirect_uri"],
    });
    const answered = await post(parameters["response_uri"] ?? "", { vp_token: INJI_CREDENTIAL, state: requestId });
    expect(answered.status).to.equal(200);

    expect((await flow.browser.get(callbackOf(link))).headers.get("location")).to.equal(flow.page);
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Verification successful");
    expect(page.text).to.include("<dd>did:web:issuer.example</dd>").and.not.include("Lovelace");

    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    const other = await newVerifier(party.on);
    expect((await party.result(flow.transactionId, { code, apiKey: other.apiKey })).status).to.equal(404);
    const result = await party.result(flow.transactionId, { code });
    expect(result.status, result.text).to.equal(200);
    expect(result.body).to.deep.include({
      transactionId: flow.transactionId,
      vpResultStatus: "SUCCESS",
      result: "valid",
      reason: null,
      vcResults: [{ vc: INJI_CREDENTIAL, verificationStatus: "SUCCESS" }],
    });
    clock.moveSeconds(61);
    expect((await party.result(flow.transactionId, { code })).status).to.equal(410);
  });

  it("shows a QR code for a wallet on another device, and polls", async () => {
    const flow = await inji.asked("other");
    expect(flow.link)
      .to.match(/^openid4vp:\/\/authorize\?client_id=cairn-client&/)
      .and.not.include("redirect_uri");
    expect((await pollOnce(flow)).status).to.equal("waiting");
    inji.verify.present(flow.requestId, "SUCCESS");
    expect((await pollOnce(flow)).status).to.equal("succeeded");
  });

  it("passes a request by reference on", async () => {
    inji.verify.byReference = true;
    const flow = await inji.asked("other");
    inji.verify.byReference = false;
    expect(Object.fromEntries(new URL(flow.link).searchParams)).to.deep.equal({
      client_id: INJI_CLIENT_ID,
      request_uri: `${inji.verify.baseUrl}/vp-request/${flow.requestId}`,
    });
  });

  it("hears at once of an answer while a status is held", async () => {
    const flow = await inji.asked("other");
    inji.verify.holdMs = 250;
    try {
      const polled = pollOnce(flow);
      setTimeout(() => inji.verify.present(flow.requestId, "SUCCESS"), 50);
      expect((await polled).status).to.equal("succeeded");
    } finally {
      inji.verify.holdMs = 0;
    }
  });

  const verdicts: ["INVALID" | "EXPIRED" | "REVOKED", string, string][] = [
    ["INVALID", "credential_invalid", "was not accepted"],
    ["EXPIRED", "credential_expired", "has expired"],
    ["REVOKED", "credential_revoked", "was revoked"],
  ];
  for (const [status, reason, says] of verdicts) {
    it(`fails with a credential that it calls ${status}`, async () => {
      const flow = await inji.asked("other");
      inji.verify.present(flow.requestId, status);
      expect((await pollOnce(flow)).status).to.equal("failed");
      const page = await flow.browser.get(flow.page);
      expect(headingOf(page)).to.equal("Verification failed");
      expect(page.text).to.include(says);
      const code = (await finish(flow)).searchParams.get("response_code") ?? "";
      const { body } = await inji.party.result(flow.transactionId, { code });
      expect(body).to.include({ result: "invalid", vpResultStatus: "FAILED", reason });
      expect(body["vcResults"]).to.deep.equal([{ vc: INJI_CREDENTIAL, verificationStatus: status }]);
    });
  }

  it("fails when the wallet declined", async () => {
    const flow = await inji.asked("other");
    inji.verify.decline(flow.requestId, "access_denied");
    expect((await pollOnce(flow)).status).to.equal("failed");
    expect((await flow.browser.get(flow.page)).text).to.include("You declined in your wallet.");
    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    const result = await inji.party.result(flow.transactionId, { code });
    expect(result.body).to.deep.include({ result: "invalid", reason: "wallet.access_denied", vcResults: [] });
  });

  it("does not call a presentation without a credential valid", async () => {
    const flow = await inji.asked("other");
    inji.verify.present(flow.requestId, "SUCCESS");
    inji.verify.fail("result", { changed: { vcResults: [] } });
    expect((await pollOnce(flow)).status).to.equal("failed");
    const { verificationResult } = await storedFlow(inji.party, flow.sessionId);
    expect(verificationResult).to.deep.include({ isValid: false, reason: "presentation_invalid" });
  });

  it("expires as the verifier says", async () => {
    const flow = await inji.asked("other");
    inji.verify.expire(flow.requestId);
    expect((await pollOnce(flow)).status).to.equal("expired");
  });

  it("takes the browser back once, in the browser that began alone", async () => {
    const flow = await inji.asked("this");
    inji.verify.present(flow.requestId, "SUCCESS");
    const callback = callbackOf(flow.link);
    expect((await createFlowBrowser(inji.party.on.url).get(callback)).status).to.equal(403);
    expect((await flow.browser.get(callback)).status).to.equal(303);
    expect((await flow.browser.get(callback)).status).to.equal(409);
  });

  it("goes on while a browser that is back waits for the verifier", async () => {
    const flow = await inji.asked("this");
    expect((await flow.browser.get(callbackOf(flow.link))).status).to.equal(303);
    expect(headingOf(await flow.browser.get(flow.page))).to.equal("One moment");
    inji.verify.present(flow.requestId, "SUCCESS");
    expect((await pollOnce(flow)).status).to.equal("succeeded");
  });

  it("asks with a presentation definition alone, and says so", async () => {
    const { party } = inji;
    const body = { dcqlQuery: IDENTITY_QUERY, redirectUri: RETURN_URL };
    const refused = await party.on.ask("POST", "/vp-flow", { token: party.verifier.apiKey, body });
    expect(refused.status).to.equal(400);
    expect(refused.body.code).to.equal("presentation.query_not_supported");
    expect(refused.body.detail).to.include("give presentationDefinition");
  });

  it("leaves requests that are made without a flow to Cairn's own verifier", async () => {
    const { party } = inji;
    const asked = await party.ask({ flow: "same_device", redirectUri: RETURN_URL });
    expect(await presentForCallback(party, asked.authorizationUrl)).to.match(/^https:\/\/shop\.example\/return\?/);
  });

  it("stores the verifier's transaction encrypted, and logs it nowhere", async () => {
    const flow = await inji.asked("other");
    inji.verify.fail("result", { status: 500 });
    inji.verify.present(flow.requestId, "SUCCESS");
    await pollOnce(flow);
    const { transactionId } = inji.verify.transaction(flow.requestId)!;
    const stored = await inji.party.on.context.mongo
      .collection("presentation_flows")
      .findOne({ _id: flow.sessionId as never });
    expect(JSON.stringify(stored)).not.to.include(transactionId).and.not.include("Lovelace");
    expect((await storedFlow(inji.party, flow.sessionId)).request?.verifierTransactionId).to.equal(transactionId);
    expect(inji.party.on.log()).not.to.include(transactionId);
    expect(inji.party.on.log()).not.to.include("Lovelace");
  });
});
