import { expect } from "chai";
import { createPresentationStore } from "../../../../api/presentations/store";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  headingOf,
  makeFlow,
  presentForCallback,
  presentTo,
  storedFlow,
  succeedOnThisDevice,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";

describe("the sweep for stuck flows", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("stuck-flows", { clock });
  });
  after(() => party.close());

  it("ends each flow whose time is over, whatever it waits for, with its audit record, and no other", async () => {
    const made = await makeFlow(party);
    const begun = await beginFlow(party);
    const waiting = await beginFlow(party);
    await chooseWallet(party, waiting, "other");
    const answered = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, answered, "other"));
    const notReturned = await beginFlow(party);
    await presentForCallback(party, await chooseWallet(party, notReturned, "this"));
    const succeeded = await succeedOnThisDevice(party);
    const over = await storedFlow(party, succeeded.sessionId);
    clock.moveSeconds(301);
    const young = await beginFlow(party);

    party.on.startWorkers();
    const stuck = [made, begun, waiting, answered, notReturned];
    for (const { sessionId, transactionId } of stuck) {
      await eventually("the flow is ended", async () => (await storedFlow(party, sessionId)).status === "expired");
      const { audit, errorDetails, request } = await storedFlow(party, sessionId);
      const requestId = request?.requestId ?? null;
      expect(audit).to.deep.include({ sessionId, transactionId, requestId, result: "expired" });
      expect(errorDetails).to.include({ type: "FLOW_FAILURE", message: "Verification request has expired" });
      expect(linesOf("stuck verification flow found", sessionId)).to.have.length(1);
      expect(linesOf("verification outcome", sessionId)).to.have.length(1);
    }
    expect(await storedFlow(party, succeeded.sessionId)).to.deep.equal(over);
    expect(await storedFlow(party, young.sessionId)).to.include({ status: "initiated", audit: null });
    expect(headingOf(await answered.browser.get(answered.page))).to.equal("Verification request has expired");
  });

  it("has what a wallet showed erased where nobody will read it", async () => {
    const flow = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, flow, "other"));
    const { request } = await storedFlow(party, flow.sessionId);
    const presentations = createPresentationStore(party.on.context);
    const presented = async () => (await presentations.find(request?.requestId ?? ""))?.credentials;
    expect(await presented()).to.have.length(1);
    clock.moveSeconds(301);
    party.on.startWorkers();
    await eventually("the flow is ended", async () => (await storedFlow(party, flow.sessionId)).status === "expired");
    clock.moveSeconds(61);
    await eventually("what was shown is erased", async () => (await presented()) === null);
  });

  it("ends once a flow that its browser ends at the same time", async () => {
    const flows: BegunFlow[] = await Promise.all([1, 2, 3, 4].map(() => beginFlow(party)));
    await Promise.all(flows.map((flow) => chooseWallet(party, flow, "other")));
    clock.moveSeconds(301);
    await Promise.all(flows.map(({ browser, page }) => browser.get(`${page}/status`)));
    for (const { sessionId } of flows) {
      await eventually("the flow is ended", async () => (await storedFlow(party, sessionId)).status === "expired");
      expect(linesOf("verification outcome", sessionId)).to.have.length(1);
    }
  });

  function linesOf(message: string, sessionId: string): string[] {
    const lines = party.on.log().split("\n");
    return lines.filter((line) => line.includes(`"msg":"${message}"`) && line.includes(sessionId));
  }
});
