import { expect } from "chai";
import type { FlowErrorType } from "../../../../api/presentations/flow/rules";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import {
  beginFlow,
  type BegunFlow,
  chooseWallet,
  finish,
  headingOf,
  presentForCallback,
  presentTo,
  storedFlow,
  succeedOnThisDevice,
} from "../../../support/presentations/flowBrowser";
import { linesOf, messagesOf } from "../../../support/presentations/flowLog";
import { type InjiParty, injiParty, TAX_DEFINITION } from "../../../support/presentations/injiParty";
import type { Fault } from "../../../support/presentations/injiVerify";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { readRequest, submit } from "../../../support/presentations/wallet";

const times = (count: number, fault: Fault) => Array.from({ length: count }, () => fault);

/** How many calls a repeated one makes: the first, and the configured three again. */
const TRIES = 4;

describe("the requirement's error table, with an Inji Verify elsewhere", () => {
  let clock: MovableClock;
  let inji: InjiParty;
  before(async () => {
    clock = movableClock();
    inji = await injiParty("flow-errors", { clock, config: { presentationFlow: { maxPolls: 5, maxQrPolls: 5 } } });
  });
  after(() => inji.close());

  const poll = async ({ browser, page }: BegunFlow) => {
    clock.moveSeconds(2);
    return (await browser.get(`${page}/status`)).body["status"] as string;
  };

  /** Failures are logged with endpoint, cause and time, and each repetition too. */
  function expectLogged(
    sessionId: string,
    expected: { endpoint: string; type: FlowErrorType; tries: number; says: RegExp },
  ) {
    const lines = linesOf(inji.party.on, sessionId).filter(({ msg }) => msg === "API call failed");
    expect(lines).to.have.length(expected.tries);
    for (const [place, line] of lines.entries()) {
      expect(line).to.include({ level: "error", category: "API_FAILURE", type: expected.type });
      expect(line["endpoint"]).to.match(new RegExp(`^(GET|POST) ${inji.verify.baseUrl}${expected.endpoint}$`));
      expect(line["error"]).to.match(expected.says);
      expect(Date.parse(String(line["timestamp"]))).to.be.a("number").and.not.NaN;
      expect(line["context"]).to.deep.equal({ flowSessionId: sessionId, attempt: place + 1 });
    }
    const repeated = linesOf(inji.party.on, sessionId).filter(({ msg }) => msg === "retrying API call");
    expect(repeated.map(({ attempt }) => attempt)).to.deep.equal(
      Array.from({ length: Math.max(0, expected.tries - 1) }, (_none, place) => place + 2),
    );
  }

  async function expectError(flow: BegunFlow, heading: string, type: FlowErrorType): Promise<void> {
    const { status, errorDetails, audit } = await storedFlow(inji.party, flow.sessionId);
    expect(status).to.equal("error");
    expect(errorDetails).to.include({ type, message: heading });
    expect(errorDetails?.timestamp).to.be.an.instanceOf(Date);
    expect(audit).to.include({ result: "error", reason: heading, sessionId: flow.sessionId });
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal(heading);
    expect(page.text).to.include("Go back and begin again.").and.include("Back to ACME");
    expect(page.text).not.to.match(/127\.0\.0\.1|ECONN|API_FAILURE|HTTP/);
    expect((await finish(flow)).searchParams.get("error")).to.equal("verification_error");
    const result = await inji.party.result(flow.transactionId, { code: "any" });
    expect(result.body["errorDetails"]).to.include({ type, message: heading });
  }

  describe("creating the authorization request", () => {
    const rows: [string, Fault, FlowErrorType, number, RegExp][] = [
      ["network error: timeout", { slow: true }, "NETWORK_FAILURE", TRIES, /did not answer within 300 ms/],
      ["network error: the answer is lost", { lost: true }, "NETWORK_FAILURE", TRIES, /broke off \(UND_ERR_SOCKET\)/],
      ["API error: 5xx", { status: 503 }, "API_FAILURE", TRIES, /answered 503/],
      ["API error: 429", { status: 429 }, "API_FAILURE", TRIES, /answered 429/],
      ["API error: no JSON", { malformed: "<html>" }, "API_FAILURE", TRIES, /it is no JSON/],
      ["API error: another JSON", { malformed: '{"ok":true}' }, "API_FAILURE", TRIES, /wrong are transactionId/],
      [
        "API error: 4xx is not repeated",
        { status: 400, errorCode: "BAD_REQUEST" },
        "API_FAILURE",
        1,
        /400 BAD_REQUEST/,
      ],
    ];
    for (const [row, fault, type, tries, says] of rows) {
      it(`${row}: logged ${tries} times, and the flow ends with the error page`, async () => {
        const calls = inji.verify.calls("create");
        inji.verify.fail("create", ...times(tries, fault));
        const flow = await inji.asked("other");
        expect(inji.verify.calls("create")).to.equal(calls + tries);
        await expectError(flow, "Failed to initiate verification", type);
        expectLogged(flow.sessionId, { endpoint: "/vp-request", type, tries, says });
        expect(messagesOf(inji.party.on, flow.sessionId)).to.include("failed to create authorization request");
      });
    }

    it("security error: nonce mismatch is not repeated, and ends the flow", async () => {
      const other = { nonce: "another-nonce-of-22-chars", clientId: "c", responseType: "vp_token", responseUri: "/x" };
      inji.verify.fail("create", { changed: { authorizationDetails: other } });
      const flow = await inji.asked("other");
      await expectError(flow, "Failed to initiate verification", "SECURITY_FAILURE");
      expectLogged(flow.sessionId, {
        endpoint: "/vp-request",
        type: "SECURITY_FAILURE",
        tries: 1,
        says: /another nonce/,
      });
    });

    it("flow error: a request that is too long for a QR code ends the flow", async () => {
      const definition = { ...TAX_DEFINITION, purpose: "p".repeat(2_000) };
      const flow = await beginFlow(inji.party, { dcqlQuery: undefined, presentationDefinition: definition });
      await chooseWallet(inji.party, flow, "other");
      await expectError(flow, "Failed to initiate verification", "FLOW_FAILURE");
    });

    it("a failure that passes is repeated, and the flow goes on", async () => {
      inji.verify.fail("create", { status: 500 }, { lost: true }, { slow: true });
      const flow = await inji.asked("other");
      inji.verify.present(flow.requestId, "SUCCESS");
      expect(await poll(flow)).to.equal("succeeded");
    });
  });

  describe("polling the status", () => {
    const rows: [string, Fault, FlowErrorType, RegExp][] = [
      ["network error: timeout", { slow: true }, "NETWORK_FAILURE", /did not answer within 300 ms/],
      ["network error: the answer is lost", { lost: true }, "NETWORK_FAILURE", /broke off/],
      ["API error: 5xx", { status: 500 }, "API_FAILURE", /answered 500/],
      ["API error: no JSON", { malformed: "" }, "API_FAILURE", /it is no JSON/],
      ["API error: another status", { changed: { status: "DONE" } }, "API_FAILURE", /wrong are status/],
    ];
    for (const [row, fault, type, says] of rows) {
      it(`${row}: logged, and the next poll asks again`, async () => {
        const flow = await inji.asked("other");
        inji.verify.present(flow.requestId, "SUCCESS");
        inji.verify.fail("status", fault);
        expect(await poll(flow)).to.equal("waiting");
        expectLogged(flow.sessionId, { endpoint: "/vp-request/{requestId}/status", type, tries: 1, says });
        const lines = linesOf(inji.party.on, flow.sessionId);
        expect(lines.find(({ msg }) => msg === "status polling failed, retrying")).to.include({ level: "warn" });
        expect(await poll(flow)).to.equal("succeeded");
      });
    }

    it("flow error: missing context, a request that the verifier lost, ends when the polls are used up", async () => {
      const flow = await inji.asked("other");
      inji.verify.forget(flow.requestId);
      for (let count = 1; count < 5; count += 1) expect(await poll(flow)).to.equal("waiting");
      expect(await poll(flow)).to.equal("error");
      await expectError(flow, "Verification timeout", "FLOW_FAILURE");
    });
  });

  describe("fetching the result", () => {
    const rows: [string, Fault, FlowErrorType, number, RegExp, string][] = [
      ["network error: timeout", { slow: true }, "NETWORK_FAILURE", TRIES, /within 300 ms/, "fetch"],
      ["network error: the answer is lost", { lost: true }, "NETWORK_FAILURE", TRIES, /broke off/, "fetch"],
      ["API error: 5xx", { status: 502 }, "API_FAILURE", TRIES, /answered 502/, "fetch"],
      [
        "API error: 4xx is not repeated",
        { status: 404, errorCode: "NO_VP_SUBMISSION" },
        "API_FAILURE",
        1,
        /404/,
        "fetch",
      ],
      ["API error: no JSON", { malformed: "<html>" }, "API_FAILURE", TRIES, /it is no JSON/, "parse"],
      ["API error: another result", { changed: { vpResultStatus: "OK" } }, "API_FAILURE", TRIES, /wrong are/, "parse"],
      [
        "security error: another transaction's result",
        { changed: { transactionId: "txn_other" } },
        "SECURITY_FAILURE",
        1,
        /another transaction/,
        "fetch",
      ],
    ];
    for (const [row, fault, type, tries, says, verb] of rows) {
      it(`${row}: logged ${tries} times, and the flow ends with the error page`, async () => {
        const flow = await inji.asked("other");
        inji.verify.present(flow.requestId, "SUCCESS");
        inji.verify.fail("result", ...times(tries, fault));
        expect(await poll(flow)).to.equal("error");
        await expectError(flow, "Failed to retrieve verification result", type);
        expectLogged(flow.sessionId, { endpoint: "/vp-result/{transactionId}", type, tries, says });
        expect(messagesOf(inji.party.on, flow.sessionId)).to.include(`failed to ${verb} verification result`);
        expect(inji.party.on.log()).not.to.include("Lovelace");
      });
    }

    it("a failure that passes is repeated, and the verdict stands", async () => {
      const flow = await inji.asked("other");
      inji.verify.present(flow.requestId, "SUCCESS");
      inji.verify.fail("result", { status: 500 }, { malformed: "" }, { lost: true });
      expect(await poll(flow)).to.equal("succeeded");
    });

    it("API error while the owner reads it: 503, and the next read has it", async () => {
      const flow = await inji.asked("other");
      inji.verify.present(flow.requestId, "SUCCESS");
      expect(await poll(flow)).to.equal("succeeded");
      const code = (await finish(flow)).searchParams.get("response_code") ?? "";
      inji.verify.fail("result", ...times(TRIES, { status: 500 }));
      const failed = await inji.party.result(flow.transactionId, { code });
      expect(failed.status).to.equal(503);
      expect(failed.body.code).to.equal("verifier.unreachable");
      expect((await storedFlow(inji.party, flow.sessionId)).takenAt).to.equal(null);
      expect((await inji.party.result(flow.transactionId, { code })).body).to.include({ result: "valid" });
    });
  });

  for (const [row, baseUrl] of [
    ["network error: connection failure", "http://127.0.0.1:1/v1/verify"],
    ["network error: DNS resolution", "http://verify.invalid/v1/verify"],
  ] as const) {
    it(`${row}: logged for each try, and the flow ends with the error page`, async () => {
      const away = await injiParty("flow-network", { inji: { baseUrl } });
      try {
        const flow = await away.asked("this");
        expect(await storedFlow(away.party, flow.sessionId)).to.deep.include({ status: "error" });
        const failures = linesOf(away.party.on, flow.sessionId).filter(({ msg }) => msg === "API call failed");
        expect(failures.map(({ type, endpoint }) => `${String(type)} ${String(endpoint)}`)).to.deep.equal(
          Array.from({ length: TRIES }, () => `NETWORK_FAILURE POST ${baseUrl}/vp-request`),
        );
        expect(headingOf(await flow.browser.get(flow.page))).to.equal("Failed to initiate verification");
      } finally {
        await away.close();
      }
    });
  }
});

describe("the requirement's error table, with Cairn's own verifier", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  before(async () => {
    clock = movableClock();
    party = await relyingParty("own-errors", { clock, config: { presentationFlow: { maxPolls: 3, maxQrPolls: 3 } } });
  });
  after(() => party.close());

  const statusOf = async ({ browser, page }: BegunFlow) => {
    clock.moveSeconds(2);
    return (await browser.get(`${page}/status`)).body["status"] as string;
  };

  it("validation error: expired credential: the failure page says so, and the owner reads the reason", async () => {
    const expired = await party.issueAs(party.issuer, { claims: { exp: 1_600_000_000 } });
    const flow = await beginFlow(party);
    const request = await readRequest(await chooseWallet(party, flow, "this"));
    const answered = await submit(request, party.token(request, {}, expired));
    expect((await flow.browser.get(String(answered.body["redirect_uri"]))).status).to.equal(303);
    const page = await flow.browser.get(flow.page);
    expect(headingOf(page)).to.equal("Verification failed");
    expect(page.text).to.include("The credential has expired. Ask its issuer for a new one.");
    const code = (await finish(flow)).searchParams.get("response_code") ?? "";
    expect((await party.result(flow.transactionId, { code })).body).to.include({
      result: "invalid",
      reason: "credential_expired",
    });
  });

  it("validation error: invalid VP token: refused, and the flow waits on; the tenth ends it with the failure page", async () => {
    const flow = await beginFlow(party);
    const request = await readRequest(await chooseWallet(party, flow, "other"));
    for (let count = 0; count < 9; count += 1) expect((await submit(request, { identity: "x" })).status).to.equal(400);
    expect(await statusOf(flow)).to.equal("waiting");
    expect((await submit(request, { identity: "x" })).status).to.equal(400);
    expect(await statusOf(flow)).to.equal("failed");
    expect((await flow.browser.get(flow.page)).text).to.include("What your wallet sent could not be verified.");
  });

  it("security error: nonce mismatch: refused, and the holder's own answer still counts", async () => {
    const flow = await beginFlow(party);
    const link = await chooseWallet(party, flow, "other");
    const request = await readRequest(link);
    const replayed = await submit(request, party.token(request, { kb: { nonce: "a-nonce-of-another-request" } }));
    expect(replayed.status).to.equal(400);
    expect(replayed.body["error_description"]).to.match(/another request/);
    expect(await statusOf(flow)).to.equal("waiting");
    expect((await presentTo(party, link)).status).to.equal(200);
    expect(await statusOf(flow)).to.equal("succeeded");
  });

  it("security error: failed authorization challenge: refused, logged, and the flow waits on", async () => {
    const flow = await beginFlow(party);
    const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
    const forged = new URL(callback);
    forged.searchParams.set("response_code", "forged");
    expect((await flow.browser.get(forged.href)).status).to.equal(403);
    const failed = linesOf(party.on, flow.sessionId).filter(({ msg }) => msg === "authorization challenge failed");
    expect(failed).to.have.length(1);
    expect(failed[0]).to.include({
      level: "warn",
      category: "SECURITY_FAILURE",
      reason: "presentation.flow_code_mismatch",
    });
    expect((await storedFlow(party, flow.sessionId)).status).to.equal("waiting");
  });

  it("flow error: invalid state transition: an ended flow takes no wallet, no browser and no other end", async () => {
    const flow = await succeedOnThisDevice(party);
    const before = await storedFlow(party, flow.sessionId);
    for (const device of ["this", "other"]) {
      const chosen = await flow.browser.post(`${flow.page}/wallet`, { device });
      expect(chosen.headers.get("location")).to.equal(flow.page);
    }
    clock.moveSeconds(301);
    expect(await statusOf(flow)).to.equal("succeeded");
    expect(await storedFlow(party, flow.sessionId)).to.deep.equal(before);
  });

  it("flow error: missing context: a request that is gone ends the flow when the polls are used up", async () => {
    const flow = await beginFlow(party);
    await chooseWallet(party, flow, "other");
    const { request } = await storedFlow(party, flow.sessionId);
    await party.on.context.mongo.collection("presentations").deleteOne({ _id: request?.requestId as never });
    expect(await statusOf(flow)).to.equal("waiting");
    expect(await statusOf(flow)).to.equal("waiting");
    expect(await statusOf(flow)).to.equal("error");
    expect(headingOf(await flow.browser.get(flow.page))).to.equal("Verification timeout");
  });

  it("flow error: no answer in time: the expiry page, and the browser goes back with the error", async () => {
    const flow = await beginFlow(party);
    clock.moveSeconds(301);
    expect(await statusOf(flow)).to.equal("expired");
    expect((await flow.browser.get(flow.page)).text).to.include("Go back and begin again.");
    expect((await finish(flow)).searchParams.get("error")).to.equal("verification_expired");
  });
});
