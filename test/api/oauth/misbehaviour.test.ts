import { expect } from "chai";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { eventually } from "../../support/eventually";
import {
  begin,
  type Begun,
  finishUrl,
  openBrowser,
  redeem,
  readAnswer,
  setUp,
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

  async function notify(begun: Begun, timestamp = "t1", headers: Record<string, string> = {}): Promise<number> {
    const body = JSON.stringify({ verification_id: begun.verificationId, timestamp });
    return (await fetch(`${oauth.url}/notification`, { method: "POST", headers, body })).status;
  }

  for (const [name, fault] of Object.entries(FAILURES)) {
    it(`gets its verdict though the verifier ${name} twice`, async () => {
      const begun = await begin(oauth);
      oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
      faulty = { fault, times: 2, on: /^GET \/management/ };
      expect(await notify(begun)).to.equal(200);
      await untilStatus(begun, "verified");
      expect(faulty.times).to.equal(0);
      expect((await redeem(oauth, (await finishUrl(begun)).searchParams.get("code") ?? "")).status).to.equal(200);
    });
  }

  it("sends the browser back with temporarily_unavailable when none can be opened, and the same link works later", async () => {
    for (const fault of [
      FAILURES["answers 500"]!,
      FAILURES["does not answer in time"]!,
      json(200, { id: "x", verification_deeplink: "javascript:alert(1)" }),
    ]) {
      const path = `/authorize/${await setUp(oauth)}?${authorizeQuery(oauth.client)}`;
      faulty = { fault, times: 1, on: /^POST \/management/ };
      const refused = await openBrowser(oauth.url).get(path);
      expect(refused.status).to.equal(303);
      const back = new URL(refused.headers.get("location") ?? "");
      expect(Object.fromEntries(back.searchParams)).to.include({
        error: "temporarily_unavailable",
        state: "af0ifjsldkj",
        iss: oauth.url,
      });
      expect((await openBrowser(oauth.url).get(path)).status).to.equal(200);
    }
  });

  it("ignores word of a verification that is still pending, and hears the next", async () => {
    const begun = await begin(oauth);
    expect(await notify(begun, "early")).to.equal(200);
    await eventually("the log line", () => cairn.log().includes("notification ignored: verification pending"));
    expect(await statusOf(begun)).to.equal("authorized");
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "later");
    await untilStatus(begun, "verified");
  });

  it("finds out by itself when the verifier never speaks, or spoke too early and only repeats itself", async () => {
    const [silent, early] = [await begin(oauth), await begin(oauth)];
    await notify(early, "same");
    await eventually("the first look", async () => {
      const entry = await cairn.context.mongo
        .collection("webhook_inbox")
        .findOne({ "facts.verificationId": early.verificationId });
      return entry?.["outcome"] === "pending";
    });
    for (const { verificationId } of [silent, early]) oauth.verifier.answerAsWallet(verificationId, "show", "lost");
    await notify(early, "same");
    await Promise.all([untilStatus(silent, "verified"), untilStatus(early, "verified")]);
  });

  it("takes a verification that the verifier no longer knows for expired", async () => {
    const begun = await begin(oauth);
    oauth.verifier.verifications.expire(begun.verificationId);
    await notify(begun);
    await eventually(
      "the end",
      async () => (await oauth.sessions.findByVerification(begun.verificationId))!.status === "expired",
    );
    expect(Object.fromEntries((await finishUrl(begun)).searchParams)).to.include({
      error: "access_denied",
      error_description: "The verification expired.",
    });
  });

  it("understands Success as the diagram writes it", async () => {
    const begun = await begin(oauth);
    const answer = {
      id: begun.verificationId,
      state: "Success",
      wallet_response: { credential_subject_data: { age_over_18: true } },
    };
    faulty = { fault: json(200, answer), times: 9, on: /^GET \/management/ };
    await notify(begun);
    await untilStatus(begun, "verified");
  });

  it("never lets a closed session change its mind", async () => {
    const begun = await begin(oauth);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "first");
    await untilStatus(begun, "verified");
    faulty = { fault: json(200, { id: begun.verificationId, state: "FAILED" }), times: 9, on: /^GET \/management/ };
    await notify(begun, "second");
    await eventually("the log line", () => cairn.log().includes("session_already_processed"));
    expect(await statusOf(begun)).to.equal("verified");
  });

  it("takes a repeated delivery for what it is: at least once is no error, but word of an expired session is", async () => {
    const levelsOf = (verificationId: string) =>
      cairn
        .log()
        .split("\n")
        .filter((line) => line.includes(verificationId) && line.includes('"outcome":"session_already_processed"'))
        .map((line) => (JSON.parse(line) as { level: string }).level);
    const begun = await begin(oauth);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "first");
    await untilStatus(begun, "verified");
    await notify(begun, "again");
    await eventually("the second is worked on", () => levelsOf(begun.verificationId).length === 1);
    expect(levelsOf(begun.verificationId)).to.deep.equal(["info"]);

    const late = await begin(oauth);
    clock.moveSeconds(901);
    await eventually(
      "the end is noted",
      async () => (await oauth.sessions.findByVerification(late.verificationId))!.status === "expired",
    );
    await notify(late);
    await eventually("word of it is worked on", () => levelsOf(late.verificationId).length === 1);
    expect(levelsOf(late.verificationId)).to.deep.equal(["error"]);
  });

  it("acknowledges whatever a notification says, and logs what it makes of it", async () => {
    for (const body of [
      "",
      "nonsense",
      "[]",
      '{"verification_id":7}',
      '{"verification_id":"nobody\'s","timestamp":null}',
    ]) {
      expect((await fetch(`${oauth.url}/notification`, { method: "POST", body })).status).to.equal(200);
    }
    await eventually("the log line", () => cairn.log().includes("notification ignored: session not found"));
    expect(cairn.log()).to.include("notification ignored: it names no verification");
  });

  it("hears a verifier that carries a key only with its key, and a forged word does not stand in for the true one", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "webhook key",
    });
    const begun = await begin(oauth, {}, client);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "t", { "x-api-key": "guess" });
    await notify(begun, "t");
    await eventually("both refused", async () => {
      const filter = { "facts.verificationId": begun.verificationId, outcome: "unauthorized" };
      return (await cairn.context.mongo.collection("webhook_inbox").countDocuments(filter)) === 2;
    });
    await notify(begun, "t", { "x-api-key": "webhook key" });
    await untilStatus(begun, "verified");
  });

  it("reads the key from the header that the verifier was configured to send it in, and from no other", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "Bearer webhook key",
      notificationHeader: "Authorization",
    });
    const begun = await begin(oauth, {}, client);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "t", { "x-api-key": "Bearer webhook key" });
    await eventually("the wrong header is refused", async () => {
      const filter = { "facts.verificationId": begun.verificationId, outcome: "unauthorized" };
      return (await cairn.context.mongo.collection("webhook_inbox").countDocuments(filter)) === 1;
    });
    await notify(begun, "t", { authorization: "Bearer webhook key" });
    await untilStatus(begun, "verified");
  });

  it("hears the verifier of a client that was registered before its header could be chosen", async () => {
    const client = await oauth.addClient({
      verifierHeader: "Authorization: Bearer management key",
      notificationKey: "webhook key",
    });
    await cairn.context.mongo
      .collection<{ _id: string }>("oauth_clients")
      .updateOne({ _id: client.clientId }, { $unset: { notificationHeader: 1 } });
    const begun = await begin(oauth, {}, client);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun, "t", { "x-api-key": "webhook key" });
    await untilStatus(begun, "verified");
  });

  it("tells the client's webhook of success, failure and expiry, signed and without what was shown", async () => {
    const heard: { body: Record<string, unknown>; headers: Record<string, unknown> }[] = [];
    let refusals = 1;
    const receiver = createServer((request, response) => {
      let text = "";
      request.on("data", (chunk: Buffer) => (text += chunk.toString()));
      request.on("end", () => {
        if ((refusals -= 1) >= 0) return response.writeHead(500).end();
        heard.push({ body: JSON.parse(text) as Record<string, unknown>, headers: request.headers });
        return response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const webhookUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    const client = await oauth.addClient({ webhookUrl, verifierHeader: "Authorization: Bearer management key" });
    const [shown, declined, slow] = [
      await begin(oauth, {}, client),
      await begin(oauth, {}, client),
      await begin(oauth, {}, client),
    ];
    oauth.verifier.answerAsWallet(shown.verificationId, "show", "lost");
    oauth.verifier.answerAsWallet(declined.verificationId, "decline", "lost");
    await Promise.all([notify(shown), notify(declined)]);
    await Promise.all([untilStatus(shown, "verified"), untilStatus(declined, "failed")]);
    await eventually("a try that was refused", () => refusals < 0);
    clock.moveSeconds(901);
    expect(await statusOf(slow)).to.equal("expired");
    await eventually("three messages", () => heard.length === 3);
    expect(heard.map(({ body }) => body["type"]).sort()).to.deep.equal(
      ["expired", "failed", "verified"].map((status) => `oauth.verification.${status}`),
    );
    expect(heard[0]!.headers["webhook-signature"]).to.match(/^v1,/);
    expect(JSON.stringify(heard)).not.to.include("age_over_18");
    receiver.closeAllConnections();
    receiver.close();
  });

  it("hands a code for a failure to clients that asked for that, and its information says failed", async () => {
    const client = await oauth.addClient({
      failuresAsCode: true,
      verifierHeader: "Authorization: Bearer management key",
    });
    const begun = await begin(oauth, {}, client);
    oauth.verifier.answerAsWallet(begun.verificationId, "untrusted", "lost");
    await notify(begun);
    await untilStatus(begun, "failed");
    const { json: token } = await redeem(oauth, (await finishUrl(begun)).searchParams.get("code") ?? "", {}, client);
    const { json: said } = await information(oauth, String(token["access_token"]));
    expect(said).to.include({ status: "failed", error_code: "issuer_not_accepted" });
    expect(said).not.to.have.property("claims");
  });

  it("keeps nothing that could be redeemed in the database, and nothing secret in its log", async () => {
    const begun = await begin(oauth);
    oauth.verifier.answerAsWallet(begun.verificationId, "show", "lost");
    await notify(begun);
    await untilStatus(begun, "verified");
    const code = (await finishUrl(begun)).searchParams.get("code") ?? "";
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
    for (const secret of [code, token, oauth.client.secret, begun.browser.cookie!, "management key"]) {
      expect(stored).not.to.include(secret);
      expect(cairn.log()).not.to.include(secret);
    }
    expect(cairn.log()).not.to.include("age_over_18");
  });
});
