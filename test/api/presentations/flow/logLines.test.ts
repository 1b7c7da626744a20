import { expect } from "chai";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  presentForCallback,
  storedFlow,
} from "../../../support/presentations/flowBrowser";
import { linesOf, messagesOf } from "../../../support/presentations/flowLog";
import { type InjiParty, injiParty } from "../../../support/presentations/injiParty";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { post, readRequest } from "../../../support/presentations/wallet";

/** The requirement's lines of a flow that succeeds on one device, in its order. */
const SUCCESS = [
  "starting verification flow",
  "handling authorization challenge",
  "creating authorization request",
  "authorization request created",
  "constructing OpenID4VP request",
  "redirecting user to wallet",
  "user returned from wallet",
  "starting status polling",
  "current verification status",
  "VP submitted, proceeding to fetch result",
  "fetching verification result",
  "parsing verification result",
  "verification outcome",
  "verification successful",
];

describe("the log of a flow", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("flow-log", { clock, config: { presentationFlow: { maxQrPolls: 2 } } });
  });
  after(() => party.close());

  const poll = ({ browser, page }: BegunFlow) => {
    clock.moveSeconds(2);
    return browser.get(`${page}/status`);
  };

  it("has every line that the requirement names, in its order, when it succeeds", async () => {
    const flow = await beginFlow(party);
    const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
    await flow.browser.get(callback);
    expect(messagesOf(party.on, flow.sessionId)).to.deep.equal(SUCCESS);
    const { request } = await storedFlow(party, flow.sessionId);
    const ids = { presentationRequestId: request?.requestId, transactionId: flow.transactionId };
    const lines = linesOf(party.on, flow.sessionId);
    const line = (message: string) => lines.find(({ msg }) => msg === message);
    expect(line("authorization request created")).to.include(ids);
    expect(line("starting status polling")).to.include(ids);
    expect(line("current verification status")).to.include({ ...ids, status: "VP_SUBMITTED" });
    expect(line("fetching verification result")).to.include({ transactionId: flow.transactionId });
    expect(line("verification successful")).to.include({ level: "info", flowSessionId: flow.sessionId });
  });

  it("has an audit record with the requirement's fields, in the log and in the database", async () => {
    const flow = await beginFlow(party);
    await flow.browser.get(await presentForCallback(party, await chooseWallet(party, flow, "this")));
    const { audit, request, verificationResult } = await storedFlow(party, flow.sessionId);
    const { sessionId, transactionId } = flow;
    const requestId = request?.requestId;
    expect(audit).to.deep.equal({
      sessionId,
      requestId,
      transactionId,
      result: "valid",
      reason: null,
      timestamp: audit?.timestamp,
    });
    expect(audit?.timestamp).to.be.an.instanceOf(Date);
    const logged = linesOf(party.on, sessionId).find(({ msg }) => msg === "verification outcome");
    expect(logged?.["audit"]).to.deep.equal({
      flowSessionId: sessionId,
      presentationRequestId: requestId,
      transactionId,
      result: "valid",
      reason: null,
      timestamp: audit?.timestamp.toISOString(),
    });
    expect(verificationResult).to.deep.equal({
      isValid: true,
      reason: null,
      verificationDetails: {
        credentialType: "identity",
        issuer: "https://issuer.example",
        validationTimestamp: verificationResult?.verificationDetails.validationTimestamp,
        verifierLibraryVersion: "cairn 0.1.0",
      },
    });
  });

  it("says that it goes on polling, and why it ended, when no wallet answers", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    await poll(flow);
    await poll(flow);
    expect(messagesOf(party.on, flow.sessionId).slice(6)).to.deep.equal([
      "starting status polling",
      "current verification status",
      "status still active, polling on",
      "current verification status",
      "max polling attempts reached without VP submission",
      "verification outcome",
    ]);
    const { audit } = await storedFlow(party, flow.sessionId);
    expect(audit).to.include({ result: "error", reason: "Verification timeout" });
  });

  it("says that it expired", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    clock.moveSeconds(301);
    await poll(flow);
    expect(messagesOf(party.on, flow.sessionId).slice(-2)).to.deep.equal([
      "verification request expired",
      "verification outcome",
    ]);
  });

  it("says why the verification failed, as a warning", async () => {
    const flow = await beginFlow(party);
    const { claims } = await readRequest(await chooseWallet(party, flow, "other"));
    await post(claims.response_uri, { error: "access_denied", state: claims.state });
    await poll(flow);
    const last = linesOf(party.on, flow.sessionId).at(-1);
    expect(last).to.include({ msg: "verification failed", level: "warn", reason: "wallet.access_denied" });
  });

  it("holds no claim, no code, no state and no secret of a browser", async () => {
    const flow = await beginFlow(party);
    const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
    await flow.browser.get(callback);
    const log = party.on.log();
    const { searchParams } = new URL(callback);
    for (const secret of ["Ada", searchParams.get("state"), searchParams.get("response_code"), flow.browser.cookie]) {
      expect(log).not.to.include(secret);
    }
  });
});

describe("the log of a flow that an Inji Verify verifies", () => {
  let clock: MovableClock;
  let inji: InjiParty;
  before(async () => {
    clock = movableClock();
    inji = await injiParty("flow-inji-log", { clock });
  });
  after(() => inji.close());

  it("has the same lines, and each failed call and repetition between them", async () => {
    inji.verify.fail("create", { status: 500 });
    const flow = await inji.asked("this");
    inji.verify.present(flow.requestId, "SUCCESS");
    inji.verify.fail("status", { lost: true });
    inji.verify.fail("result", { malformed: "" });
    await flow.browser.get(new URL(flow.link).searchParams.get("redirect_uri") ?? "");
    clock.moveSeconds(2);
    await flow.browser.get(`${flow.page}/status`);
    expect(messagesOf(inji.party.on, flow.sessionId)).to.deep.equal([
      ...SUCCESS.slice(0, 3),
      "API call failed",
      "retrying API call",
      ...SUCCESS.slice(3, 8),
      "API call failed",
      "status polling failed, retrying",
      ...SUCCESS.slice(8, 11),
      "API call failed",
      "retrying API call",
      ...SUCCESS.slice(11),
    ]);
  });
});

describe("the metrics of flows", () => {
  let clock: MovableClock;
  let inji: InjiParty;
  before(async () => {
    clock = movableClock();
    inji = await injiParty("flow-metrics", { clock });
  });
  after(() => inji.close());

  it("count results and errors, with the time that flows and calls took", async () => {
    inji.verify.fail("create", { status: 500 });
    const good = await inji.asked("other");
    inji.verify.present(good.requestId, "SUCCESS");
    clock.moveSeconds(7);
    await good.browser.get(`${good.page}/status`);
    inji.verify.fail("create", { status: 400 });
    await inji.asked("other");
    const metrics = await inji.party.on.metrics();
    expect(metrics).to.include('cairn_presentation_flow_duration_seconds_count{result="valid"} 1');
    expect(metrics).to.include('cairn_presentation_flow_duration_seconds_bucket{le="5",result="valid"} 0');
    expect(metrics).to.include('cairn_presentation_flow_duration_seconds_bucket{le="60",result="valid"} 1');
    expect(metrics).to.include('cairn_presentation_flow_duration_seconds_count{result="error"} 1');
    expect(metrics).to.include('cairn_presentation_flow_errors_total{type="API_FAILURE"} 1');
    const calls = "cairn_presentation_verifier_call_duration_seconds_count";
    expect(metrics).to.include(`${calls}{endpoint="/vp-request",outcome="ok"} 1`);
    expect(metrics).to.include(`${calls}{endpoint="/vp-request",outcome="API_FAILURE"} 2`);
    expect(metrics).to.include(`${calls}{endpoint="/vp-result/{transactionId}",outcome="ok"} 1`);
  });
});
