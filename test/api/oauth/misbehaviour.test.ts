import { expect } from "chai";
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "../../support/eventually";
import {
  startVerification,
  type StartedVerification,
  finishUrl,
  createBrowser,
  redeem,
  readAnswer,
  setUpNonce,
  authorizeQuery,
  statusOf,
  untilStatus,
  information,
} from "../../support/oauthBrowser";
import { fixture, type Fixture } from "../../support/fixture";
import { movableClock } from "../../support/fakeClock";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../support/oauthActors";

type Failure = (response: ServerResponse, request: IncomingMessage) => void;

const json =
  (status: number, body: unknown): Failure =>
  (response) =>
    void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const FAILURES: Record<string, Failure> = {
  "answers 500": json(500, { detail: "oops" }),
  "answers 503 with a page": (response) =>
    void response.writeHead(503, { "content-type": "text/html" }).end("<h1>later</h1>"),
  "wants credentials it did not want before": json(401, { detail: "Unauthorized" }),
  "does not answer in time": () => undefined,
  "cuts the connection": (response) => void response.destroy(),
  "cuts the connection half way": (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" }).write('{"id":');
    setTimeout(() => response.destroy(), 20);
  },
  "answers what is no JSON": (response) => void response.writeHead(200).end("SUCCESS"),
  "answers of another verification": json(200, { id: "another", state: "SUCCESS", wallet_response: null }),
  "answers an unknown state": json(200, { id: "another", state: "MAYBE" }),
  "redirects elsewhere": (response) => void response.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
  "answers without end": (response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, "x")));
      if (!response.destroyed) response.once("drain", pour);
    };
    pour();
  },
};

describe("the OAuth gateway, with a verifier that misbehaves", () => {
  const clock = movableClock();
  let cairn: Fixture;
  let oauth: OAuthActors;
  let faulty: { fault: Failure; times: number; on: RegExp } | undefined;

  before(async () => {
    cairn = await fixture("oauth_misbehaviour", {
      modules: OAUTH_MODULES,
      workers: true,
      clock,
      config: { oauth: { recheckSeconds: 2, verifierTimeoutMs: 500 } },
    });
    oauth = await startOAuthActors(cairn, {
      verifier: {
        intercept(request, response) {
          const route = `${request.method ?? ""} ${request.url ?? ""}`;
          if (faulty === undefined || faulty.times === 0 || !faulty.on.test(route)) return false;
          faulty.times -= 1;
          faulty.fault(response, request);
          return true;
        },
        managementAuthorization: "Bearer management key",
      },
      client: { verifierHeader: "Authorization: Bearer management key" },
    });
  });
  afterEach(() => {
    faulty = undefined;
  });
  after(async () => {
    await oauth.close();
    await cairn.close();
  });

  async function notify(
    started: StartedVerification,
    timestamp = "t1",
    headers: Record<string, string> = {},
  ): Promise<number> {
    const body = JSON.stringify({ verification_id: started.verificationId, timestamp });
    return (await fetch(`${oauth.url}/notification`, { method: "POST", headers, body })).status;
  }

  const storedOf = ({ verificationId }: StartedVerification) =>
    cairn.context.mongo.collection("webhook_inbox").countDocuments({ "facts.verificationId": verificationId });

  for (const [name, fault] of Object.entries(FAILURES)) {
    it(`closes the session though the verifier ${name} twice`, async () => {
      const started = await startVerification(oauth);
      oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
      faulty = { fault, times: 2, on: /^GET \/management/ };
      expect(await notify(started)).to.equal(200);
      await untilStatus(started, "verified");
      expect(faulty.times).to.equal(0);
      expect((await redeem(oauth, (await finishUrl(started)).searchParams.get("code") ?? "")).status).to.equal(200);
    });
  }

  it("sends the browser back with temporarily_unavailable when none can be opened, and the same link works later", async () => {
    for (const fault of [
      FAILURES["answers 500"]!,
      FAILURES["does not answer in time"]!,
      json(200, { id: "x", verification_deeplink: "javascript:alert(1)" }),
    ]) {
      const path = `/authorize/${await setUpNonce(oauth)}?${authorizeQuery(oauth.client)}`;
      faulty = { fault, times: 1, on: /^POST \/management/ };
      const refused = await createBrowser(oauth.url).get(path);
      expect(refused.status).to.equal(303);
      const back = new URL(refused.headers.get("location") ?? "");
      expect(Object.fromEntries(back.searchParams)).to.include({
        error: "temporarily_unavailable",
        state: "af0ifjsldkj",
        iss: oauth.url,
      });
      expect((await createBrowser(oauth.url).get(path)).status).to.equal(200);
    }
  });

  it("ignores a notification of a verification that is still pending, and applies the next", async () => {
    const started = await startVerification(oauth);
    expect(await notify(started, "early")).to.equal(200);
    await eventually("the log line", () => cairn.log().includes("notification ignored: verification pending"));
    expect(await statusOf(started)).to.equal("authorized");
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "later");
    await untilStatus(started, "verified");
  });

  it("closes the session by polling when the verifier never notifies, or notified too early and only repeats that", async () => {
    const [silent, early] = [await startVerification(oauth), await startVerification(oauth)];
    await notify(early, "same");
    await eventually("the first notification is applied", async () => {
      const entry = await cairn.context.mongo
        .collection("webhook_inbox")
        .findOne({ "facts.verificationId": early.verificationId });
      return entry?.["outcome"] === "pending";
    });
    for (const { verificationId } of [silent, early]) oauth.verifier.answerAsWallet(verificationId, "show", "lost");
    await notify(early, "same");
    await Promise.all([untilStatus(silent, "verified"), untilStatus(early, "verified")]);
  });

  it("expires a session whose verification the verifier no longer knows", async () => {
    const started = await startVerification(oauth);
    oauth.verifier.verifications.expire(started.verificationId);
    await notify(started);
    await eventually(
      "the end",
      async () => (await oauth.sessions.findByVerification(started.verificationId))!.status === "expired",
    );
    expect(Object.fromEntries((await finishUrl(started)).searchParams)).to.include({
      error: "access_denied",
      error_description: "The verification expired.",
    });
  });

  it("understands Success as the diagram writes it", async () => {
    const started = await startVerification(oauth);
    const answer = {
      id: started.verificationId,
      state: "Success",
      wallet_response: { credential_subject_data: { age_over_18: true } },
    };
    faulty = { fault: json(200, answer), times: 9, on: /^GET \/management/ };
    await notify(started);
    await untilStatus(started, "verified");
  });

  it("never changes the result of a closed session", async () => {
    const started = await startVerification(oauth);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "first");
    await untilStatus(started, "verified");
    faulty = { fault: json(200, { id: started.verificationId, state: "FAILED" }), times: 9, on: /^GET \/management/ };
    await notify(started, "second");
    await eventually("the log line", () => cairn.log().includes("session_already_processed"));
    expect(await statusOf(started)).to.equal("verified");
  });

  it("logs a repeated notification as information, but one of an expired session as an error", async () => {
    const levelsOf = (verificationId: string) =>
      cairn
        .log()
        .split("\n")
        .filter((line) => line.includes(verificationId) && line.includes('"outcome":"session_already_processed"'))
        .map((line) => (JSON.parse(line) as { level: string }).level);
    const started = await startVerification(oauth);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "first");
    await untilStatus(started, "verified");
    await notify(started, "again");
    expect(levelsOf(started.verificationId)).to.deep.equal(["info"]);

    const late = await startVerification(oauth);
    clock.moveSeconds(901);
    await eventually(
      "the session expires",
      async () => (await oauth.sessions.findByVerification(late.verificationId))!.status === "expired",
    );
    await notify(late);
    expect(levelsOf(late.verificationId)).to.deep.equal(["error"]);
  });

  it("acknowledges whatever a notification says in one way, logs what it makes of it, and stores none of it", async () => {
    const count = () => cairn.context.mongo.collection("webhook_inbox").countDocuments();
    const [before, started] = [await count(), await startVerification(oauth)];
    const genuine = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "webhook key",
    });
    const keyed = await startVerification(oauth, {}, genuine);
    const shapeOf = async (body: string) => {
      const answer = await fetch(`${oauth.url}/notification`, { method: "POST", body });
      const sent = await answer.text();
      // Names alone: request ids, dates and what is left of the budget differ.
      return { status: answer.status, headers: [...answer.headers.keys()], sent };
    };
    const about = (verificationId: string) => JSON.stringify({ verification_id: verificationId, timestamp: 1 });
    const unknown = await shapeOf(about(randomUUID()));
    expect(unknown).to.include({ status: 200, sent: "" });
    for (const body of [
      "",
      "nonsense",
      "[]",
      '{"verification_id":7}',
      '{"verification_id":"nobody\'s","timestamp":null}',
    ]) {
      expect((await fetch(`${oauth.url}/notification`, { method: "POST", body })).status).to.equal(200);
    }
    expect(cairn.log()).to.include("notification ignored: session not found");
    expect(cairn.log()).to.include("notification ignored: it names no verification");
    expect(await shapeOf(about(keyed.verificationId))).to.deep.equal(unknown);
    expect(await count()).to.equal(before);
    expect(await shapeOf(about(started.verificationId))).to.deep.equal(unknown);
    expect(await count()).to.equal(before + 1);
    expect(await cairn.metrics()).to.match(
      /cairn_webhook_deliveries_total\{source="oauth",sender="verifier",outcome="session_not_found"\} \d+/,
    );
  });

  it("accepts notifications only with the key agreed upon, and a forged one does not pass for the repeat of the genuine one", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "webhook key",
    });
    const started = await startVerification(oauth, {}, client);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "t", { "x-api-key": "guess" });
    await notify(started, "t");
    expect(await storedOf(started)).to.equal(0);
    await notify(started, "t", { "x-api-key": "webhook key" });
    await untilStatus(started, "verified");
  });

  it("reads the key from the header that the verifier was configured to send it in, and from no other", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "Bearer webhook key",
      notificationHeader: "Authorization",
    });
    const started = await startVerification(oauth, {}, client);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "t", { "x-api-key": "Bearer webhook key" });
    expect(await storedOf(started)).to.equal(0);
    await notify(started, "t", { authorization: "Bearer webhook key" });
    await untilStatus(started, "verified");
  });

  it("accepts notifications for a client that was registered before its header could be chosen", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "webhook key",
    });
    await cairn.context.mongo
      .collection<{ _id: string }>("oauth_clients")
      .updateOne({ _id: client.clientId }, { $unset: { notificationHeader: 1 } });
    const started = await startVerification(oauth, {}, client);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started, "t", { "x-api-key": "webhook key" });
    await untilStatus(started, "verified");
  });

  it("delivers success, failure and expiry to the client's webhook, signed and without what was shown", async () => {
    const received: { body: Record<string, unknown>; headers: Record<string, unknown> }[] = [];
    let rejections = 1;
    const receiver = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        if ((rejections -= 1) >= 0) return response.writeHead(500).end();
        received.push({ body: JSON.parse(text) as Record<string, unknown>, headers: request.headers });
        return response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const client = await oauth.addClient({ webhookUrl, verifierHeader: "Authorization: Bearer management key" });
    const [shown, declined, slow] = [
      await startVerification(oauth, {}, client),
      await startVerification(oauth, {}, client),
      await startVerification(oauth, {}, client),
    ];
    oauth.verifier.answerAsWallet(shown.verificationId, "show", "lost");
    oauth.verifier.answerAsWallet(declined.verificationId, "decline", "lost");
    await Promise.all([notify(shown), notify(declined)]);
    await Promise.all([untilStatus(shown, "verified"), untilStatus(declined, "failed")]);
    await eventually("a try that was refused", () => rejections < 0);
    clock.moveSeconds(901);
    expect(await statusOf(slow)).to.equal("expired");
    await eventually("three messages", () => received.length === 3);
    expect(received.map(({ body }) => body["type"]).sort()).to.deep.equal(
      ["expired", "failed", "verified"].map((status) => `oauth.verification.${status}`),
    );
    expect(received[0]!.headers["webhook-signature"]).to.match(/^v1,/);
    expect(JSON.stringify(received)).not.to.include("age_over_18");
    receiver.closeAllConnections();
    receiver.close();
  });

  it("grants a code for a failure to clients that asked for that, and its information says failed", async () => {
    const client = await oauth.addClient({
      failuresAsCode: true,
      verifierHeader: "Authorization: Bearer management key",
    });
    const started = await startVerification(oauth, {}, client);
    oauth.verifier.answerAsWallet(started.verificationId, "untrusted", "lost");
    await notify(started);
    await untilStatus(started, "failed");
    const { json: token } = await redeem(oauth, (await finishUrl(started)).searchParams.get("code") ?? "", {}, client);
    const { json: said } = await information(oauth, String(token["access_token"]));
    expect(said).to.include({ status: "failed", error_code: "issuer_not_accepted" });
    expect(said).not.to.have.property("claims");
  });

  it("stores nothing that could be redeemed, and logs nothing secret", async () => {
    const started = await startVerification(oauth);
    oauth.verifier.answerAsWallet(started.verificationId, "show", "lost");
    await notify(started);
    await untilStatus(started, "verified");
    const code = (await finishUrl(started)).searchParams.get("code") ?? "";
    const token = String((await redeem(oauth, code)).json["access_token"]);
    await redeem(oauth, code);
    await readAnswer(await fetch(`${oauth.url}/info`, { headers: { authorization: `Bearer ${token}` } }));
    const stored = JSON.stringify(
      await Promise.all(
        ["oauth_sessions", "oauth_clients", "webhook_inbox"].map((name) =>
          cairn.context.mongo.collection(name).find().toArray(),
        ),
      ),
    );
    for (const secret of [code, token, oauth.client.secret, started.browser.cookie!, "management key"]) {
      expect(stored).not.to.include(secret);
      expect(cairn.log()).not.to.include(secret);
    }
    expect(cairn.log()).not.to.include("age_over_18");
  });
});
