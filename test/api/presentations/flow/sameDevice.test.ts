import { expect } from "chai";
import type { Answer } from "../../../support/ask";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  chooseWallet,
  createFlowBrowser,
  finish,
  FLOW_COOKIE,
  headingOf,
  makeFlow,
  PARTY_STATE,
  presentForCallback,
  storedFlow,
  succeedOnThisDevice,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty, RETURN_URL } from "../../../support/presentations/relyingParty";
import { post, readRequest, submit } from "../../../support/presentations/wallet";

describe("a flow on one device", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("same-device", { clock });
  });
  after(() => party.close());

  it("leads from the relying party to the wallet, to the verdict and back, and its owner reads the claims", async () => {
    const flow = await beginFlow(party, { credentialType: "Identity card" });
    const choice = await flow.browser.get(flow.page);
    expect(headingOf(choice)).to.equal("Where is your wallet?");
    expect(choice.text).to.include("<strong>ACME</strong> asks for proof:").and.include("Identity card");
    expect(choice.text).to.include("given name, age");

    const link = await chooseWallet(party, flow, "this");
    const waiting = await flow.browser.get(flow.page);
    expect(headingOf(waiting)).to.equal("Open your wallet");
    expect(waiting.text)
      .to.include(`href="${link.replaceAll("&", "&amp;")}"`)
      .and.not.include("QR code");

    const callback = new URL(await presentForCallback(party, link));
    expect(callback.origin + callback.pathname).to.equal(`${party.on.url}/vp-callback`);
    const returned = await flow.browser.get(callback.href);
    expect(returned.status, returned.text).to.equal(303);
    // A clean address, and nothing of the code for the next site.
    expect(returned.headers.get("location")).to.equal(flow.page);
    expect(returned.headers.get("referrer-policy")).to.equal("no-referrer");

    const success = await flow.browser.get(flow.page);
    expect(headingOf(success)).to.equal("Verification successful");
    expect(success.text).to.include("Your Identity card has been successfully verified.");
    expect(success.text)
      .to.include("<dt>Issuer</dt><dd>https://issuer.example</dd>")
      .and.include("<dt>Verified at</dt>");
    expect(success.text).to.include("Continue to ACME");

    const back = await finish(flow);
    expect(back.origin + back.pathname).to.equal(RETURN_URL);
    expect(back.searchParams.get("state")).to.equal(PARTY_STATE);
    const result = await party.result(flow.transactionId, { code: back.searchParams.get("response_code") ?? "" });
    expect(result.status, result.text).to.equal(200);
    expect(result.body).to.deep.include({ vpResultStatus: "SUCCESS", result: "valid", reason: null });
    const { verificationDetails: details } = result.body;
    expect(details).to.include({ sessionId: flow.sessionId, credentialType: "Identity card" });
    expect(details).to.include({ issuer: "https://issuer.example", verifierLibraryVersion: "cairn 0.1.0" });
    expect(details.credentials[0].claims).to.deep.equal({ given_name: "Ada", age: 36 });
  });

  it("shows no claim on any page, nor in its status", async () => {
    const flow = await beginFlow(party);
    const seen: Answer[] = [await flow.browser.get(flow.page)];
    const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
    seen.push(await flow.browser.get(flow.page), await flow.browser.get(callback), await flow.browser.get(flow.page));
    seen.push(await flow.browser.get(`${flow.page}/status`), await flow.browser.get(`${flow.page}/finish`));
    for (const { text, status } of seen) expect(text, String(status)).not.to.match(/Ada|\b36\b/);
  });

  it("says nothing of the answer before the browser is back, however often it is asked", async () => {
    const flow = await beginFlow(party);
    await presentForCallback(party, await chooseWallet(party, flow, "this"));
    for (let count = 0; count < 3; count += 1) {
      clock.moveSeconds(3);
      const { body } = await flow.browser.get(`${flow.page}/status`);
      expect(body).to.include({ status: "waiting", next: null });
    }
    expect(await storedFlow(party, flow.sessionId)).to.include({ polls: 0, verificationResult: null });
    expect((await flow.browser.get(`${flow.page}/finish`)).headers.get("location")).to.equal(flow.page);
  });

  describe("and the way back", () => {
    it("is refused in another browser, with the same code: the first browser goes on with it", async () => {
      const flow = await beginFlow(party);
      const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
      const other = await beginFlow(party);
      for (const browser of [createFlowBrowser(party.on.url), other.browser]) {
        const refused = await browser.get(callback);
        expectPage(refused, 403, "You began this verification in another browser.");
        expect((await browser.get(flow.page)).status).to.equal(404);
      }
      expect(await storedFlow(party, flow.sessionId)).to.include({ status: "waiting", verificationResult: null });
      expect((await flow.browser.get(callback)).status).to.equal(303);
      expect(await storedFlow(party, flow.sessionId)).to.include({ status: "succeeded" });
    });

    it("is taken once: again it is refused, and the page shows what became of it", async () => {
      const flow = await beginFlow(party);
      const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
      expect((await flow.browser.get(callback)).status).to.equal(303);
      const before = await storedFlow(party, flow.sessionId);
      expectPage(await flow.browser.get(callback), 409, "This way back was used before.");
      expect(await storedFlow(party, flow.sessionId)).to.deep.equal(before);
      expect(headingOf(await flow.browser.get(flow.page))).to.equal("Verification successful");
    });

    it("is refused with a state of no flow, without one, and with one that came twice", async () => {
      const { browser } = await beginFlow(party);
      for (const query of ["?state=unknown&response_code=x", "", "?state=a&state=b", "?response_code=x"]) {
        expectPage(await browser.get(`/vp-callback${query}`), 404, "belongs to no verification");
      }
    });

    it("is refused without the wallet's code, with a guessed one and with another answer's", async () => {
      const flow = await beginFlow(party);
      const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
      const other = await beginFlow(party);
      const otherCode = codeOf(await presentForCallback(party, await chooseWallet(party, other, "this")));
      for (const code of [undefined, "guessed", otherCode]) {
        const url = new URL(callback);
        if (code === undefined) url.searchParams.delete("response_code");
        else url.searchParams.set("response_code", code);
        expectPage(await flow.browser.get(url.href), 403, "does not belong to this verification");
      }
      expect(await storedFlow(party, flow.sessionId)).to.include({ status: "waiting", verificationResult: null });
      expect((await flow.browser.get(callback)).status).to.equal(303);
    });

    it("leads to the page of an expired flow when it comes late, without a verdict", async () => {
      const flow = await beginFlow(party);
      const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
      clock.moveSeconds(300);
      expect((await flow.browser.get(callback)).headers.get("location")).to.equal(flow.page);
      expect(headingOf(await flow.browser.get(flow.page))).to.equal("Verification request has expired");
      expect(await storedFlow(party, flow.sessionId)).to.include({ status: "expired", verificationResult: null });
    });
  });

  describe("and its link", () => {
    it("begins in one browser, which may open it again", async () => {
      const { flowUrl, sessionId } = await makeFlow(party);
      const [first, second] = [createFlowBrowser(party.on.url), createFlowBrowser(party.on.url)];
      const begun = await first.get(flowUrl);
      expect(begun.headers.getSetCookie()[0]).to.match(
        new RegExp(`^${FLOW_COOKIE}=VPB-[\\w-]{43}; Path=/; HttpOnly; Secure; SameSite=Lax$`),
      );
      expect((await first.get(flowUrl)).headers.get("location")).to.equal(`/vp-flow/${sessionId}`);
      expectPage(await second.get(flowUrl), 409, "This link was opened before");
      expect((await second.get(`/vp-flow/${sessionId}`)).status).to.equal(404);
      expect((await second.post(`/vp-flow/${sessionId}/wallet`, { device: "this" })).status).to.equal(404);
      expect((await second.get(`/vp-flow/${sessionId}/status`)).status).to.equal(404);
      expect((await second.get(`/vp-flow/${sessionId}/finish`)).status).to.equal(404);
    });

    it("begins nothing when a program previews it", async () => {
      const { flowUrl, sessionId } = await makeFlow(party);
      const head = await fetch(flowUrl, { method: "HEAD", redirect: "manual" });
      expect(head.status).to.equal(200);
      expect(head.headers.getSetCookie()).to.deep.equal([]);
      expect(await storedFlow(party, sessionId)).to.include({ browserHash: null });
    });

    it("is good for as long as a flow may take, and not longer", async () => {
      const { flowUrl } = await makeFlow(party);
      clock.moveSeconds(300);
      expectPage(await createFlowBrowser(party.on.url).get(flowUrl), 410, "This link has expired");
    });

    it("of nobody begins nothing", async () => {
      const answer = await createFlowBrowser(party.on.url).get(`/vp-flow/begin/${"a".repeat(43)}`);
      expectPage(answer, 404, "This verification is not known in this browser.");
    });
  });

  it("is begun in one browser with several flows, each with a page of its own", async () => {
    const first = await beginFlow(party);
    const { flowUrl } = await makeFlow(party);
    const second = await first.browser.get(flowUrl);
    expect(second.status).to.equal(303);
    expect(headingOf(await first.browser.get(first.page))).to.equal("Where is your wallet?");
    expect(headingOf(await first.browser.get(second.headers.get("location") ?? ""))).to.equal("Where is your wallet?");
  });

  it("lets a person choose another wallet, whose answer alone counts then", async () => {
    const flow = await beginFlow(party);
    const first = await chooseWallet(party, flow, "this");
    const request = await readRequest(first);
    await chooseWallet(party, flow, "other");
    expect(headingOf(await flow.browser.get(flow.page))).to.equal("Scan with your wallet");
    const late = await submit(request, party.token(request));
    const callback = String(late.body["redirect_uri"]);
    expectPage(await flow.browser.get(callback), 404, "belongs to no verification");
    expect(await storedFlow(party, flow.sessionId)).to.include({ status: "waiting", verificationResult: null });
  });

  it("lets a person choose five times, and not for ever", async () => {
    const flow = await beginFlow(party);
    for (let count = 0; count < 5; count += 1) await chooseWallet(party, flow, count % 2 === 0 ? "this" : "other");
    const sixth = await flow.browser.post(`${flow.page}/wallet`, { device: "this" });
    expectPage(sixth, 409, "You have chosen between wallets too often");
  });

  it("takes no other choice than its page offers", async () => {
    const flow = await beginFlow(party);
    for (const form of [{ device: "that" }, {}, { device: "this", more: "x" }] as Record<string, string>[]) {
      expect((await flow.browser.post(`${flow.page}/wallet`, form)).status).to.equal(400);
    }
    expect(await storedFlow(party, flow.sessionId)).to.include({ status: "initiated", walletRequests: 0 });
  });

  it("shows the failure page when the holder declined, and its owner reads why", async () => {
    const flow = await beginFlow(party);
    const { claims } = await readRequest(await chooseWallet(party, flow, "this"));
    const declined = await post(claims.response_uri, { error: "access_denied", state: claims.state });
    expect((await flow.browser.get(String(declined.body["redirect_uri"]))).status).to.equal(303);
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Verification failed");
    expect(page.text).to.include("You declined in your wallet. Nothing was shown.").and.include("Back to ACME");
    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    const result = await party.result(flow.transactionId, { code });
    expect(result.body).to.deep.include({ result: "invalid", reason: "wallet.access_denied", vcResults: [] });
  });

  it("is made by a verifier, for a return URL that is registered, and asks for one thing", async () => {
    const { apiKey } = party.verifier;
    const ask = (body: object, token: string | undefined = apiKey) =>
      party.on.ask("POST", "/vp-flow", { token, body: { redirectUri: RETURN_URL, ...body } });
    expect((await ask({}, "no-key")).status).to.equal(401);
    expect((await ask({})).body.code).to.equal("presentation.query_missing");
    expect((await ask({ redirectUri: "https://evil.example/" })).body.code).to.equal("presentation.return_url_unknown");
    const definition = { input_descriptors: [], submission_requirements: [] };
    expect((await ask({ presentationDefinition: definition })).body.code).to.equal(
      "presentation.definition_not_supported",
    );
  });

  it("is of its own cookie: pages of other flows stay closed to a browser with another secret", async () => {
    const flow = await succeedOnThisDevice(party);
    const stranger = createFlowBrowser(party.on.url);
    stranger.cookie = `VPB-${"A".repeat(43)}`;
    for (const path of ["", "/status", "/finish"]) {
      const answer = await stranger.get(flow.page + path);
      expect(answer.status, path).to.equal(404);
      expect(answer.text).not.to.match(/successful|issuer\.example|ACME/);
    }
  });

  function expectPage(answer: Answer, status: number, says: string): void {
    expect(answer.status, answer.text).to.equal(status);
    expect(answer.headers.get("content-type")).to.equal("text/html; charset=utf-8");
    expect(answer.text).to.include(says);
  }
});

function codeOf(callback: string): string {
  return new URL(callback).searchParams.get("response_code") ?? "";
}
