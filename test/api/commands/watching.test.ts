import { expect } from "chai";
import { randomUUID } from "node:crypto";
import {
  BrowserSessionCheckReply,
  InternalSessionReply,
  SessionsCheckReply,
  UserEventsReply,
} from "../../../core/internalApi";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture, type TestUser } from "../../support/fixture";

describe("what gateways are told of sessions and events", () => {
  let cairn: Fixture;
  let clock: FakeClock;
  let user: TestUser;

  before(async () => {
    clock = fakeClock(new Date());
    cairn = await fixture("watching", { modules: ["sessions", "commands"] });
    user = await cairn.newUser();
  });

  after(() => cairn.close());

  const asGateway = (method: string, path: string, body?: unknown) =>
    cairn.askAsGateway(method, `/api/v1/internal${path}`, { clientAddress: null, ...(body !== undefined && { body }) });
  const check = async (ids: string[]) =>
    SessionsCheckReply.parse((await asGateway("POST", "/sessions/check", { ids })).body).sessions;

  async function appendEvent(userId: string, key: string): Promise<void> {
    const event = { userId, type: "kyc.changed" as const, key, payload: { status: "verified" }, at: new Date() };
    await cairn.modules.notifications.ports.appendUserEvent(event);
  }

  it("name a device's session with its key, its state and its user's newest event", async () => {
    const someone = await cairn.newUser();
    const device = await cairn.newDevice(someone.userId);
    const read = async () =>
      InternalSessionReply.parse((await asGateway("GET", `/sessions/${device.deviceSessionId}`)).body);
    const before = await read();
    expect(before).to.include({ ...pick(device), state: "active", head: "0" });
    expect(Buffer.from(before.publicKey, "base64url")).to.have.length(32);
    expect(new Date(before.expiresAt).getTime()).to.be.greaterThan(Date.now() + 29 * 86_400_000);
    await appendEvent(someone.userId, "1");
    expect((await read()).head).to.equal("1");
    const ended = await cairn.ask("DELETE", `/auth/sessions/${device.deviceSessionId}`, { token: someone.token });
    expect(ended.status).to.equal(204);
    // The end is an event itself.
    expect(await read()).to.include({ state: "revoked", head: "2" });
  });

  it("say that nobody has a session of another id", async () => {
    const answer = await asGateway("GET", `/sessions/${randomUUID()}`);
    expect([answer.status, answer.body.code]).to.deep.equal([404, "session.unknown"]);
    expect((await asGateway("GET", "/sessions/7")).body.code).to.equal("request.invalid");
  });

  it("check sessions of devices and browsers in the order asked", async () => {
    const someone = await cairn.newUser();
    const [first, second] = [await cairn.newDevice(someone.userId), await cairn.newDevice(user.userId)];
    await cairn.ask("DELETE", `/auth/sessions/${second.deviceSessionId}`, { token: user.token });
    const browser = (await cairn.ask("GET", "/auth/session", { token: someone.token })).body.id;
    const unknown = randomUUID();
    const ids = [unknown, browser, second.deviceSessionId, first.deviceSessionId];
    expect(await check(ids)).to.deep.equal([
      { id: unknown, state: "unknown" },
      { id: browser, state: "active", userId: someone.userId, head: "0" },
      { id: second.deviceSessionId, state: "revoked", userId: user.userId, head: "1" },
      { id: first.deviceSessionId, state: "active", userId: someone.userId, head: "0" },
    ]);
  });

  it("check none and a thousand at once, and refuse more", async () => {
    expect(await check([])).to.deep.equal([]);
    const ids = Array.from({ length: 1_000 }, () => randomUUID());
    expect((await check(ids)).map(({ id }) => id)).to.deep.equal(ids);
    const answer = await asGateway("POST", "/sessions/check", { ids: [...ids, randomUUID()] });
    expect([answer.status, answer.body.code]).to.deep.equal([400, "request.invalid"]);
  });

  it("read the session of a browser's token", async () => {
    const someone = await cairn.newUser();
    const answer = await asGateway("POST", "/browser-sessions/check", { token: someone.token });
    const { id, expiresAt } = (await cairn.ask("GET", "/auth/session", { token: someone.token })).body;
    expect(BrowserSessionCheckReply.parse(answer.body)).to.include({
      state: "active",
      sessionId: id,
      userId: someone.userId,
      head: "0",
    });
    expect(new Date(answer.body.expiresAt).getTime()).to.be.at.most(new Date(expiresAt).getTime());
    await cairn.ask("POST", "/auth/logout", { token: someone.token });
    const ended = await asGateway("POST", "/browser-sessions/check", { token: someone.token });
    expect([ended.status, ended.body["state"]]).to.deep.equal([200, "revoked"]);
    for (const token of [`SES-${"A".repeat(43)}`, "no token"]) {
      const refused = await asGateway("POST", "/browser-sessions/check", { token });
      expect([refused.status, refused.body.code]).to.deep.equal([401, "session.unknown"]);
    }
  });

  it("do not extend a browser's session, however often they are asked", async () => {
    const idle = await fixture("watching-idle", { modules: ["sessions", "commands"], clock });
    try {
      const { token } = await idle.newUser();
      const sessionId = (await idle.ask("GET", "/auth/session", { token })).body.id;
      const ask = (path: string, body: object) =>
        idle.askAsGateway("POST", `/api/v1/internal${path}`, { body, issuedAt: clock.now() });
      for (let minutes = 0; minutes < 15; minutes += 5) {
        expect((await ask("/browser-sessions/check", { token })).body["state"]).to.equal("active");
        expect((await ask("/sessions/check", { ids: [sessionId] })).text).to.include('"active"');
        clock.advance(5 * 60);
      }
      expect((await ask("/browser-sessions/check", { token })).body["state"]).to.equal("expired");
      expect((await ask("/sessions/check", { ids: [sessionId] })).text).to.include('"expired"');
    } finally {
      await idle.close();
    }
  });

  it("give a user's events after a cursor, page by page", async () => {
    const someone = await cairn.newUser();
    for (const key of ["a", "b", "c"]) await appendEvent(someone.userId, key);
    const read = async (query: string) =>
      UserEventsReply.parse((await asGateway("GET", `/users/${someone.userId}/events${query}`)).body);
    const all = await read("");
    expect(all.events.map(({ seq, type, payload }) => ({ seq, type, payload }))).to.deep.equal(
      ["1", "2", "3"].map((seq) => ({ seq, type: "kyc.changed", payload: { status: "verified" } })),
    );
    expect(all.head).to.equal("3");
    expect(await read("?after=1&limit=1")).to.deep.equal({ events: all.events.slice(1, 2), head: "3" });
    expect(await read("?after=3")).to.deep.equal({ events: [], head: "3" });
    expect(UserEventsReply.parse((await asGateway("GET", `/users/${randomUUID()}/events`)).body)).to.deep.equal({
      events: [],
      head: "0",
    });
    for (const query of ["?after=-1", "?after=x", "?limit=501", "?limit=0"]) {
      expect((await asGateway("GET", `/users/${someone.userId}/events${query}`)).body.code).to.equal("request.invalid");
    }
  });

  it("say which event is the first that is stored, where those before it were deleted", async () => {
    const someone = await cairn.newUser();
    for (const key of ["a", "b", "c"]) await appendEvent(someone.userId, key);
    await cairn.context.mongo.collection("user_events").deleteMany({ userId: someone.userId, seq: { $lt: 3 } });
    const reply = UserEventsReply.parse((await asGateway("GET", `/users/${someone.userId}/events`)).body);
    expect([reply.events.map(({ seq }) => seq), reply.oldest, reply.head]).to.deep.equal([["3"], "3", "3"]);
  });
});

function pick({ deviceSessionId, userId }: { deviceSessionId: string; userId: string }) {
  return { deviceSessionId, userId };
}
