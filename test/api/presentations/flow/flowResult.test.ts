import { expect } from "chai";
import { createPresentationStore } from "../../../../api/presentations/store";
import { newVerifier } from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  finish,
  presentTo,
  storedFlow,
  succeedOnThisDevice,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";

describe("the result of a flow", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  beforeEach(async () => {
    clock = movableClock();
    party = await relyingParty("flow-result", { clock, config: { presentations: { unreadSeconds: 7_200 } } });
  });
  afterEach(() => party.close());

  const codeOf = async (flow: BegunFlow) => (await finish(flow)).searchParams.get("response_code") ?? "";

  it("is read by its owner alone, with the code that its browser brought", async () => {
    const flow = await succeedOnThisDevice(party);
    const code = await codeOf(flow);
    const other = await newVerifier(party.on);
    const stranger = await party.result(flow.transactionId, { code, apiKey: other.apiKey });
    expect(stranger.status).to.equal(404);
    expect(stranger.body.code).to.equal("presentation.unknown_transaction");
    const missing = await party.result(flow.transactionId);
    expect(missing.body).to.include({
      code: "presentation.response_code_missing",
      errorCode: "RESPONSE_CODE_NOT_FOUND",
    });
    const another = await codeOf(await succeedOnThisDevice(party));
    for (const wrong of ["guessed", another]) {
      const mismatch = await party.result(flow.transactionId, { code: wrong });
      expect(mismatch.body.code).to.equal("presentation.response_code_mismatch");
      expect(mismatch.text).not.to.include("Ada");
    }
    expect((await storedFlow(party, flow.sessionId)).takenAt).to.equal(null);
    expect((await party.result(flow.transactionId, { code })).body).to.include({ result: "valid" });
  });

  it("is read again within a minute of the first read; then what was presented is erased, and the verdict stays", async () => {
    const flow = await succeedOnThisDevice(party);
    const code = await codeOf(flow);
    const first = await party.result(flow.transactionId, { code });
    clock.moveSeconds(55);
    expect((await party.result(flow.transactionId, { code })).body).to.deep.equal(first.body);
    clock.moveSeconds(6);
    const gone = await party.result(flow.transactionId, { code });
    expect(gone.status).to.equal(410);
    expect(gone.text).not.to.include("Ada");
    party.on.startWorkers();
    const { request } = await storedFlow(party, flow.sessionId);
    const presentations = createPresentationStore(party.on.context);
    await eventually("the claims are erased", async () => {
      return (await presentations.find(request?.requestId ?? ""))?.credentials === null;
    });
    expect((await storedFlow(party, flow.sessionId)).audit).to.include({ result: "valid" });
  });

  it("that nobody reads is gone after the configured time", async () => {
    const flow = await succeedOnThisDevice(party);
    const code = await codeOf(flow);
    clock.moveSeconds(7_201);
    expect((await party.result(flow.transactionId, { code })).status).to.equal(410);
  });

  it("is not there while the flow goes on, and says how an ended one ended", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "this");
    const open = await party.result(flow.transactionId, { code: "any" });
    expect(open.status).to.equal(404);
    expect(open.body).to.include({ code: "presentation.not_answered", requestStatus: "ACTIVE", flowStatus: "waiting" });
    clock.moveSeconds(301);
    await flow.browser.get(flow.page);
    const expired = await party.result(flow.transactionId, { code: "any" });
    expect(expired.body).to.include({ requestStatus: "EXPIRED", flowStatus: "expired" });
    expect(expired.body["errorDetails"]).to.include({
      type: "FLOW_FAILURE",
      message: "Verification request has expired",
    });
  });

  it("stores nothing that was presented in the flow itself, and its verifier's transaction is encrypted", async () => {
    const flow = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, flow, "other"));
    await flow.browser.get(flow.page);
    const stored = await party.on.context.mongo
      .collection("presentation_flows")
      .findOne({ _id: flow.sessionId as never });
    expect(JSON.stringify(stored)).not.to.match(/Ada|eyJ/);
    expect(stored).to.include({ status: "succeeded" });
  });
});
