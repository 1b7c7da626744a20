import { expect } from "chai";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  finish,
  headingOf,
  PARTY_STATE,
  presentTo,
  storedFlow,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";

const FLOW = { sessionSeconds: 300, pollMs: 2_000, maxPolls: 4, maxQrPolls: 6 };

describe("a flow with the wallet on another device", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("cross-device", { clock, config: { presentationFlow: FLOW } });
  });
  after(() => party.close());

  const statusOf = async ({ browser, page }: BegunFlow) =>
    (await browser.get(`${page}/status`)).body["status"] as string;

  it("shows a QR code, follows the wallet and goes back with the code of the result", async () => {
    const flow = await beginFlow(party);
    const link = await chooseWallet(party, flow, "other");
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Scan with your wallet");
    expect(page.text).to.include('aria-label="QR code that opens the request in your wallet"');
    // The link is for another device alone: no click of this one answers it.
    expect(page.text).not.to.include("openid4vp:").and.not.include("request_uri");

    const answered = await presentTo(party, link);
    expect(answered.body, "nobody comes back").to.deep.equal({});
    clock.moveSeconds(2);
    expect((await flow.browser.get(`${flow.page}/status`)).body).to.include({
      status: "succeeded",
      next: `${flow.page}/finish`,
    });
    expect(headingOf(await flow.browser.get(flow.page))).to.equal("Verification successful");
    const back = await finish(flow);
    expect(back.searchParams.get("state")).to.equal(PARTY_STATE);
    const code = back.searchParams.get("response_code") ?? "";
    expect((await party.result(flow.transactionId, { code })).body).to.include({ result: "valid" });
  });

  it("polls the verifier as often as configured, no sooner than configured, and ends then", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    const polls = async () => (await storedFlow(party, flow.sessionId)).polls;
    expect(await statusOf(flow)).to.equal("waiting");
    expect(await polls()).to.equal(1);
    // Of a tab that is loaded again and again, and of several tabs, no more.
    for (let count = 0; count < 5; count += 1) expect(await statusOf(flow)).to.equal("waiting");
    expect(await polls()).to.equal(1);
    for (let count = 2; count < FLOW.maxQrPolls; count += 1) {
      clock.moveSeconds(2);
      expect(await statusOf(flow)).to.equal("waiting");
      expect(await polls()).to.equal(count);
    }
    clock.moveSeconds(2);
    expect(await statusOf(flow)).to.equal("error");
    expect(await polls()).to.equal(FLOW.maxQrPolls);
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Verification timeout");
    expect(page.text).to.include("The verification process took too long.");
    expect((await finish(flow)).searchParams.get("error")).to.equal("verification_error");
  });

  it("counts polls anew where the person chooses another wallet", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    for (let count = 1; count < FLOW.maxQrPolls; count += 1) {
      expect(await statusOf(flow)).to.equal("waiting");
      clock.moveSeconds(2);
    }
    await chooseWallet(party, flow, "other");
    expect(await statusOf(flow)).to.equal("waiting");
    expect(await storedFlow(party, flow.sessionId)).to.include({ polls: 1, walletRequests: 2 });
  });

  it("expires with its time, and the browser goes back with the error", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    clock.moveSeconds(301);
    expect(await statusOf(flow)).to.equal("expired");
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Verification request has expired");
    const back = await finish(flow);
    expect(Object.fromEntries(back.searchParams)).to.deep.equal({ state: PARTY_STATE, error: "verification_expired" });
  });

  it("follows without a script: the page loads itself again and polls by that", async () => {
    const flow = await beginFlow(party);
    const link = await chooseWallet(party, flow, "other");
    const page = await flow.browser.get(flow.page);
    const refresh = `<noscript><meta http-equiv="refresh" content="2;url=${flow.page}"></noscript>`;
    expect(page.text).to.include(refresh);
    await presentTo(party, link);
    clock.moveSeconds(2);
    const over = await flow.browser.get(flow.page);
    expect(headingOf(over)).to.equal("Verification successful");
    expect(over.text).not.to.include("refresh");
  });

  it("is not led on by HEAD", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    const headers = { cookie: `__Host-cairn-presentation=${flow.browser.cookie ?? ""}` };
    for (const path of ["", "/status"]) {
      const { status } = await fetch(party.on.url + flow.page + path, { method: "HEAD", headers });
      expect(status).to.equal(200);
    }
    expect(await storedFlow(party, flow.sessionId)).to.include({ polls: 0 });
  });

  it("has a request of the verifier's that no verifier's key reads", async () => {
    const flow = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, flow, "other"));
    const { request } = await storedFlow(party, flow.sessionId);
    const path = `/management/api/verifications/${request?.requestId ?? ""}`;
    expect((await party.on.ask("GET", path, { token: party.verifier.apiKey })).status).to.equal(404);
  });
});
