import { expect } from "chai";
import { ask } from "../../../support/ask";
import type { CrashPoint } from "../../../support/crashPoints";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  finish,
  FLOW_COOKIE,
  makeFlow,
  presentForCallback,
  presentTo,
  storedFlow,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { startChild } from "../../../support/startChild";

type Death = { dieAt: string } | { crash: CrashPoint };

/** The nth write to a flow. */
function update(when: "before" | "after", nth = 1): Death {
  return { crash: { mongo: "update presentation_flows", when, nth } };
}

describe("an API process that is killed while it leads a flow", () => {
  let party: RelyingParty;
  before(async () => void (party = await relyingParty("flow-kills")));
  after(() => party.close());

  const choices: [string, Death, boolean][] = [
    ["when the request is made", { dieAt: "flow.requested" }, false],
    ["right before the choice is written", update("before"), false],
    ["right after the choice is written", update("after"), true],
  ];
  for (const [moment, death, waits] of choices) {
    it(`${moment}, leaves ${waits ? "a wallet asked" : "the choice open"}, and the person goes on`, async () => {
      const flow = await beginFlow(party);
      await killWith(death, (url) => sendForm(url, flow));
      expect(await storedFlow(party, flow.sessionId)).to.include({ status: waits ? "waiting" : "initiated" });
      await succeed(flow, await chooseWallet(party, flow, "this"));
    });
  }

  const returns: [string, Death, string][] = [
    ["right before the way back is taken", update("before"), "waiting"],
    ["right after the way back is taken", update("after"), "returned"],
    ["when the verdict is known", { dieAt: "flow.decided" }, "returned"],
    ["right before the verdict is written", update("before", 2), "returned"],
    ["right after the verdict is written", update("after", 2), "succeeded"],
    ["before the outcome is logged", { dieAt: "flow.ended" }, "succeeded"],
  ];
  for (const [moment, death, status] of returns) {
    it(`${moment}, leaves the flow ${status}, and its browser comes to the verdict`, async () => {
      const flow = await beginFlow(party);
      const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
      await killWith(death, (url) => get(callback.replace(party.on.url, url), flow));
      expect(await storedFlow(party, flow.sessionId)).to.include({ status });
      const again = await flow.browser.get(callback);
      expect(again.status, again.text).to.equal(status === "waiting" ? 303 : 409);
      await expectVerdict(flow);
    });
  }

  it("right after a browser began leaves the flow to nobody: the link is refused, and the person begins again", async () => {
    const { flowUrl, sessionId } = await makeFlow(party);
    await killWith(update("after"), (url) => ask(flowUrl.replace(party.on.url, url), "GET"));
    // The answer with the cookie is lost: the flow belongs to a browser that does not know it, and expires.
    const stored = await storedFlow(party, sessionId);
    expect(stored.status).to.equal("initiated");
    expect(stored.browserHash).to.be.a("string");
    expect((await ask(flowUrl, "GET")).status).to.equal(409);
  });

  it("while it polls for a wallet on another device loses no answer", async () => {
    const flow = await beginFlow(party);
    await presentTo(party, await chooseWallet(party, flow, "other"));
    await killWith({ dieAt: "flow.decided" }, (url) => get(`${url}${flow.page}/status`, flow));
    expect(await storedFlow(party, flow.sessionId)).to.include({ status: "waiting", polls: 1 });
    await expectVerdict(flow);
  });

  async function succeed(flow: BegunFlow, link: string): Promise<void> {
    expect((await flow.browser.get(await presentForCallback(party, link))).status).to.equal(303);
    await expectVerdict(flow);
  }

  async function expectVerdict(flow: BegunFlow): Promise<void> {
    const deadline = performance.now() + 20_000;
    while ((await flow.browser.get(`${flow.page}/status`)).body["status"] !== "succeeded") {
      expect(performance.now(), "a verdict in time").to.be.below(deadline);
    }
    expect((await storedFlow(party, flow.sessionId)).audit).to.include({ result: "valid", sessionId: flow.sessionId });
    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    expect((await party.result(flow.transactionId, { code })).body).to.include({ result: "valid" });
  }

  const cookieOf = (flow: BegunFlow) => `${FLOW_COOKIE}=${flow.browser.cookie ?? ""}`;
  const get = (url: string, flow: BegunFlow) => ask(url, "GET", { cookie: cookieOf(flow) });
  const sendForm = (url: string, flow: BegunFlow) =>
    ask(`${url}${flow.page}/wallet`, "POST", {
      cookie: cookieOf(flow),
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "device=this",
    });

  async function killWith(death: Death, send: (url: string) => Promise<unknown>): Promise<void> {
    const modules = ["presentations", "verification"] as const;
    const doomed = await startChild(party.on, { modules: [...modules], serves: true, withChain: false, ...death });
    const sent = send(doomed.url).catch(() => undefined);
    expect(await doomed.ended).to.equal("SIGKILL");
    expect(await sent, "an answer of a process that was killed before it answered").to.equal(undefined);
  }
});
