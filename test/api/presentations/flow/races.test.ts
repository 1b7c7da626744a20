import { expect } from "chai";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  chooseWallet,
  createFlowBrowser,
  finish,
  makeFlow,
  presentForCallback,
  presentTo,
  storedFlow,
  succeedOnThisDevice,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";

const RACERS = 64;

describe(`${RACERS} at once, of a flow`, () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("flow-races", { clock });
  });
  after(() => party.close());

  const times = <Value>(make: (place: number) => Promise<Value>) =>
    Promise.all(Array.from({ length: RACERS }, (_none, place) => make(place)));
  const lines = (message: string, sessionId: string) =>
    party.on
      .log()
      .split("\n")
      .filter((line) => line.includes(`"msg":"${message}"`) && line.includes(sessionId));

  it("callbacks with one code: one browser comes back, once, and one verdict is recorded", async () => {
    const flow = await beginFlow(party);
    const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
    const stranger = createFlowBrowser(party.on.url);
    const answers = await times((place) => (place % 4 === 3 ? stranger : flow.browser).get(callback));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 303)).to.have.length(1);
    expect(statuses.filter((status) => status === 403)).to.have.length(RACERS / 4);
    expect(statuses.filter((status) => status === 409)).to.have.length((RACERS / 4) * 3 - 1);
    expect(lines("user returned from wallet", flow.sessionId)).to.have.length(1);
    expect(lines("verification outcome", flow.sessionId)).to.have.length(1);
    expect(await storedFlow(party, flow.sessionId)).to.include({ status: "succeeded", polls: 1 });
  });

  it("browsers that open one link: it belongs to one, and to no other afterwards", async () => {
    const { flowUrl, sessionId } = await makeFlow(party);
    const browsers = Array.from({ length: RACERS }, () => createFlowBrowser(party.on.url));
    const answers = await Promise.all(browsers.map((browser) => browser.get(flowUrl)));
    expect(answers.filter(({ status }) => status === 303)).to.have.length(1);
    expect(answers.filter(({ status }) => status === 409)).to.have.length(RACERS - 1);
    const pages = await Promise.all(browsers.map((browser) => browser.get(`/vp-flow/${sessionId}`)));
    expect(pages.filter(({ status }) => status === 200)).to.have.length(1);
  });

  it("tabs that follow the wallet: the verifier is polled once, and one verdict is recorded", async () => {
    const flow = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, flow, "other"));
    const answers = await times(() => flow.browser.get(`${flow.page}/status`));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
    expect(await storedFlow(party, flow.sessionId)).to.include({ status: "succeeded", polls: 1 });
    expect(lines("verification outcome", flow.sessionId)).to.have.length(1);
  });

  it("choices of a wallet: one request is the flow's, whole", async () => {
    const flow = await beginFlow(party);
    const answers = await times((place) =>
      flow.browser.post(`${flow.page}/wallet`, { device: place % 2 === 0 ? "this" : "other" }),
    );
    const { request, walletRequests } = await storedFlow(party, flow.sessionId);
    expect(walletRequests).to.be.within(1, 5);
    for (const { status, text } of answers) expect(status, text).to.be.oneOf([303, 409]);
    expect(request?.callbackHash === null).to.equal(request?.flow === "cross_device");
  });

  it("reads of its result: each has it whole, and the first is recorded once", async () => {
    const flow = await succeedOnThisDevice(party);
    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    const results = await times(() => party.result(flow.transactionId, { code }));
    expect(new Set(results.map(({ status, text }) => `${status} ${text}`)).size).to.equal(1);
    expect(results[0]?.body, results[0]?.text).to.include({ result: "valid" });
    const { takenAt } = await storedFlow(party, flow.sessionId);
    clock.moveSeconds(10);
    await party.result(flow.transactionId, { code });
    expect((await storedFlow(party, flow.sessionId)).takenAt).to.deep.equal(takenAt);
  });
});
