import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { newVerifier, type TestVerifier } from "../../../support/credentialActors";
import { eventually } from "../../../support/eventually";
import { fakeClock } from "../../../support/fakeClock";
import { ADMIN_KEY, type Fixture, fixture } from "../../../support/fixture";
import { expectSigned, startWebhookReceiver, type WebhookReceiver } from "../../../support/webhookReceiver";

describe("a verifier's webhooks", () => {
  const clock = fakeClock();
  let on: Fixture;
  let receiver: WebhookReceiver;
  let verifier: TestVerifier;
  let other: TestVerifier;

  before(async () => {
    on = await fixture("own-webhooks", { modules: ["verification", "delivery"], workers: true, clock });
    receiver = await startWebhookReceiver();
  });
  beforeEach(async () => {
    receiver.received = [];
    receiver.answerWith = 204;
    verifier = await newVerifier(on, "ACME", receiver.url);
    other = await newVerifier(on, "Bank");
  });
  after(async () => {
    receiver.close();
    await on.close();
  });

  const as = (who: TestVerifier, method: string, path: string, body?: object) =>
    on.ask(method, path, { token: who.apiKey, ...(body !== undefined && { body }) });
  const stateOf = async (id: string) => (await as(verifier, "GET", `/webhooks/deliveries/${id}`)).body["state"];

  it("are tried out by a test message, which is signed as any other", async () => {
    const ordered = await as(verifier, "POST", "/webhooks/test");
    expect(ordered.status, ordered.text).to.equal(202);
    await eventually("the message", () => receiver.received.length === 1);
    const { webhookSecret } = (await as(verifier, "PATCH", "/verifiers/me", {})).body;
    expectSigned(receiver.received[0]!, String(webhookSecret), clock.now());
    expect(JSON.parse(receiver.received[0]!.body)).to.include({ type: "webhook.test" });
    await eventually("the record", async () => (await stateOf(ordered.body["id"])) === "delivered");
    const read = await as(verifier, "GET", `/webhooks/deliveries/${ordered.body["id"]}`);
    expect(read.body).to.include({ type: "webhook.test", attempts: 1, body: receiver.received[0]!.body });
  });

  it("are listed, the newest first, page by page, without anybody else's", async () => {
    const ids: unknown[] = [];
    for (let order = 0; order < 5; order += 1) ids.unshift((await as(verifier, "POST", "/webhooks/test")).body["id"]);
    const found: unknown[] = [];
    let cursor = "";
    do {
      const { body } = await as(verifier, "GET", `/webhooks/deliveries?limit=2${cursor}`);
      found.push(...(body["deliveries"] as { id: string }[]).map(({ id }) => id));
      cursor = body["next"] === null ? "" : `&cursor=${String(body["next"])}`;
    } while (cursor !== "");
    expect(found).to.have.members(ids).and.have.length(5);
    expect((await as(other, "GET", "/webhooks/deliveries")).body["deliveries"]).to.deep.equal([]);
    const refused = await as(verifier, "GET", "/webhooks/deliveries?cursor=nonsense");
    expect(refused.body.code).to.equal("webhook.cursor_invalid");
  });

  it("are sent again with the same id and body, to the address of now, also one that failed", async () => {
    receiver.answerWith = 500;
    const id = (await as(verifier, "POST", "/webhooks/test")).body["id"];
    await eventually("a failure", async () => {
      const { body } = await as(verifier, "GET", `/webhooks/deliveries/${id}`);
      return body["lastError"] === "answered 500";
    });
    receiver.answerWith = 204;
    const moved = `${receiver.url}/moved`;
    expect((await as(verifier, "PATCH", "/verifiers/me", { webhookUrl: moved })).body["webhookUrl"]).to.equal(moved);
    const again = await as(verifier, "POST", `/webhooks/deliveries/${id}/resend`);
    expect([again.status, again.body["url"]], again.text).to.deep.equal([202, moved]);
    await eventually("the delivery", async () => (await stateOf(id)) === "delivered");
    const before = receiver.received.length;
    await as(verifier, "POST", `/webhooks/deliveries/${id}/resend`);
    await eventually("the second delivery", () => receiver.received.length > before);
    expect(new Set(receiver.received.map((message) => message.id))).to.deep.equal(new Set([id]));
    expect(new Set(receiver.received.map(({ body }) => body)).size).to.equal(1);
  });

  it("are neither read nor repeated by another, nor when a later one replaced them", async () => {
    const id = (await as(verifier, "POST", "/webhooks/test")).body["id"];
    for (const [method, path] of [
      ["GET", `/webhooks/deliveries/${id}`],
      ["POST", `/webhooks/deliveries/${id}/resend`],
    ] as const) {
      const refused = await as(other, method, path);
      expect([refused.status, refused.body.code]).to.deep.equal([404, "webhook.unknown"]);
    }
    const webhook = { secretOwner: verifier.verifierId, url: receiver.url, type: "a", timestamp: new Date(), data: {} };
    const [former, later] = [`msg_${randomUUID()}`, `msg_${randomUUID()}`];
    receiver.answerWith = 500;
    await on.modules.delivery.ports.deliver({ ...webhook, id: former });
    await on.modules.delivery.ports.deliver({ ...webhook, id: later, supersedes: [former] });
    const refused = await as(verifier, "POST", `/webhooks/deliveries/${former}/resend`);
    expect([refused.status, refused.body.code]).to.deep.equal([409, "webhook.superseded"]);
    expect(await stateOf(former)).to.equal("superseded");
    const none = await as(other, "POST", "/webhooks/test");
    expect([none.status, none.body.code]).to.deep.equal([409, "webhook.no_url"]);
  });

  it("go where the account says: it changes its addresses, an administrator its name too", async () => {
    const uri = "https://acme.example/back";
    const changed = await as(verifier, "PATCH", "/verifiers/me", { webhookUrl: null, redirectUris: [uri] });
    expect(changed.body).to.deep.include({ webhookUrl: null, webhookSecret: null, redirectUris: [uri], name: "ACME" });
    expect((await as(verifier, "PATCH", "/verifiers/me", { name: "The Bank" })).body.code).to.equal("request.invalid");
    const path = `/verifiers/${verifier.verifierId}`;
    const renamed = await on.ask("PATCH", path, { token: ADMIN_KEY, body: { name: "ACME Ltd" } });
    expect(renamed.body, renamed.text).to.deep.include({ name: "ACME Ltd", redirectUris: [uri] });
    expect((await as(verifier, "GET", "/verifiers/me")).body["name"]).to.equal("ACME Ltd");
    const unknown = await on.ask("PATCH", `/verifiers/${randomUUID()}`, { token: ADMIN_KEY, body: {} });
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, "verifier.unknown"]);
  });
});
