import { expect } from "chai";
import { randomBytes, randomUUID } from "node:crypto";
import { type GatewayFixture, gatewayFixture } from "../../support/gateway/gatewayFixture";
import { problem } from "../../support/gateway/mockApi";
import type { TestGateway } from "../../support/gateway/startGateway";
import { ask } from "../../support/ask";

const SEND = "/api/v1/public/auth/send-email-code";
const CONFIRM = "/api/v1/public/auth/confirm-email-code";

describe("public auth at the gateway", () => {
  let fixture: GatewayFixture;
  let gateway: TestGateway;
  let address: string;
  let count = 0;

  before(async () => {
    fixture = await gatewayFixture();
    gateway = await fixture.start({ gateway: { trustProxy: 1 } });
  });
  beforeEach(() => {
    fixture.api.answer = undefined;
    fixture.api.requests.length = 0;
    count += 1;
    address = `198.51.100.${count}`;
  });
  after(() => fixture.close());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    ask(`${gateway.http}${path}`, "POST", { body, headers: { "x-forwarded-for": address, ...headers } });
  const newEmail = () => `${randomUUID()}@example.org`;
  const confirmation = () => ({
    challenge_id: randomUUID(),
    code: "012345",
    public_key: randomBytes(32).toString("base64url"),
    proof: randomBytes(64).toString("base64url"),
    device_name: "Ann's phone",
  });

  it("passes both requests on byte for byte, in the gateway's own name, and the answers back", async () => {
    const text = `{ "email" : "Ann@Example.org" }`;
    const sent = await post(SEND, text);
    const [received] = fixture.api.requests;
    expect(received).to.include({ method: "POST", path: SEND, body: text, address });
    expect(received?.claims).to.have.property("rid");
    expect(received?.claims).not.to.have.any.keys("sub", "sid");
    expect([sent.status, sent.body]).to.deep.equal([200, { challenge_id: received?.claims.rid }]);
    expect(sent.headers.get("cache-control")).to.equal("no-store");
    const body = confirmation();
    const confirmed = await post(CONFIRM, body);
    expect(fixture.api.requests[1]).to.include({ path: CONFIRM, body: JSON.stringify(body) });
    expect([confirmed.status, Object.keys(confirmed.body)]).to.deep.equal([200, ["device_session_id"]]);
  });

  it("passes back the problem that the API answers, with its delay", async () => {
    fixture.api.answer = () => problem(401, "code.wrong", { "retry-after": "3" });
    const { status, body, headers } = await post(CONFIRM, confirmation());
    expect([status, body.code, headers.get("retry-after")]).to.deep.equal([401, "code.wrong", "3"]);
  });

  it("answers 503 while the API fails, and does not show what it said", async () => {
    for (const answer of [
      problem(500, "internal.error"),
      { status: 200, body: "<html>secret", headers: { "content-type": "text/html" } },
    ]) {
      fixture.api.answer = () => answer;
      const { status, body, text } = await post(CONFIRM, confirmation());
      expect([status, body.code]).to.deep.equal([503, "backend.unavailable"]);
      expect(text).not.to.include("secret");
    }
  });

  it("passes back that the API cannot do it at all: asking again does not help", async () => {
    fixture.api.answer = () => problem(501, "email_code.unavailable");
    const { status, body } = await post(SEND, { email: newEmail() });
    expect([status, body.code]).to.deep.equal([501, "email_code.unavailable"]);
  });

  it("is not limited where the configuration lifts the limits of logins", async () => {
    const unlimited = await fixture.start({ sessions: { limitLogins: false } });
    const email = newEmail();
    for (let index = 0; index < 12; index += 1) {
      expect((await ask(`${unlimited.http}${SEND}`, "POST", { body: { email } })).status).to.equal(200);
    }
  });

  for (const [what, path, body, field] of [
    ["no address", SEND, { email: "ann" }, "body.email"],
    ["no e-mail", SEND, {}, "body.email"],
    ["a list", SEND, ["ann@example.org"], "body"],
    ["an address of 300 characters", SEND, { email: `${"a".repeat(290)}@example.org` }, "body.email"],
    ["a code of five digits", CONFIRM, { ...confirmationWith({ code: "12345" }) }, "body.code"],
    ["a key of 31 bytes", CONFIRM, { ...confirmationWith({ public_key: "A".repeat(42) }) }, "body.public_key"],
    ["a proof of 63 bytes", CONFIRM, { ...confirmationWith({ proof: "A".repeat(84) }) }, "body.proof"],
    [
      "a challenge in upper case",
      CONFIRM,
      confirmationWith({ challenge_id: randomUUID().toUpperCase() }),
      "body.challenge_id",
    ],
  ] as const) {
    it(`refuses ${what} without asking the API, naming the field`, async () => {
      const { status, body: answer } = await post(path, body);
      expect([status, answer.code]).to.deep.equal([400, "request.invalid"]);
      expect(answer.errors.map((error) => error.field)).to.include(field);
      expect(fixture.api.requests).to.deep.equal([]);
    });
  }

  it("refuses bodies that are too large, no JSON, of another type or compressed", async () => {
    const answers = [
      await post(SEND, { email: newEmail(), padding: "x".repeat(5_000) }),
      await post(SEND, "{"),
      await post(SEND, "email=ann@example.org", { "content-type": "application/x-www-form-urlencoded" }),
      await post(SEND, { email: newEmail() }, { "content-encoding": "gzip" }),
    ];
    expect(answers.map(({ status }) => status)).to.deep.equal([413, 400, 415, 415]);
    expect(fixture.api.requests).to.deep.equal([]);
  });

  it("sends one code a minute to an e-mail address, however it is spelt and wherever it is asked from", async () => {
    const email = newEmail();
    expect((await post(SEND, { email })).status).to.equal(200);
    address = "203.0.113.77";
    const { status, body, headers } = await post(SEND, { email: ` ${email.toUpperCase()} ` });
    expect([status, body.code]).to.deep.equal([429, "request.too_many"]);
    expect(Number(headers.get("retry-after"))).to.be.within(1, 60);
    expect(headers.get("ratelimit-policy")).to.equal('"gateway-email-minute";q=1;w=60');
    expect(fixture.api.requests).to.have.length(1);
  });

  it("takes ten requests for a code an hour from an address, and thirty confirmations, of 64 that race", async () => {
    const statuses = async (path: string, body: () => object) => {
      const answers = await Promise.all(Array.from({ length: 64 }, () => post(path, body())));
      return answers.filter(({ status }) => status === 200).length;
    };
    expect(await statuses(SEND, () => ({ email: newEmail() }))).to.equal(10);
    expect(await statuses(CONFIRM, confirmation)).to.equal(30);
  });

  function confirmationWith(changes: object): object {
    return { ...confirmation(), ...changes };
  }
});
