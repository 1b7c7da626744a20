import { expect } from "chai";
import { registerUser } from "../../support/accounts";
import { cookieFrom } from "../../support/ask";
import { eventsOf, newDevice } from "../../support/deviceActors";
import { eventually } from "../../support/eventually";
import { type Fixture, fixture } from "../../support/fixture";
import { startChild } from "../../support/startChild";
import type { CrashPoint } from "../../support/crashPoints";

describe("devices and browsers in one list of sessions", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("device_list", { modules: ["sessions", "devices", "notifications"] });
  });
  after(() => api.close());

  const stateOf = async (deviceSessionId: string) =>
    (await api.modules.devices.ports.readDeviceSession(deviceSessionId))?.state;
  const idOf = async (token: string) => (await api.ask("GET", "/auth/session", { token })).body["id"];
  const invalidated = async (userId: string) =>
    (await eventsOf(api, userId)).map(({ type, payload }) => [type, payload["sessionIds"]]);

  it("lists a registered device by its own name, without its key", async () => {
    const { token, userId } = await registerUser(api);
    const { deviceSessionId, publicKey } = await newDevice(api, userId, "Alice's phone");
    const list = await api.ask("GET", "/auth/sessions", { token });
    const shown = list.body["sessions"] as unknown as Record<string, unknown>[];
    expect(shown.map(({ kind, current }) => [kind, current])).to.have.deep.members([
      ["device", false],
      ["browser", true],
    ]);
    expect(shown.find(({ kind }) => kind === "device")).to.include({
      id: deviceSessionId,
      device: "Alice's phone",
      wallet: null,
    });
    expect(list.text).to.not.contain(publicKey.toString("base64url"));
  });

  it("ends a device by its owner alone, once, and tells the user's devices", async () => {
    const { token, userId } = await registerUser(api);
    const stranger = await registerUser(api, "Mallory");
    const { deviceSessionId } = await newDevice(api, userId);
    const path = `/auth/sessions/${deviceSessionId}`;
    expect((await api.ask("DELETE", path, { token: stranger.token })).body.code).to.equal("session.not_found");
    expect(await stateOf(deviceSessionId)).to.equal("active");
    const answers = await Promise.all(Array.from({ length: 64 }, () => api.ask("DELETE", path, { token })));
    expect(answers.filter(({ status }) => status === 204)).to.have.length(1);
    expect(new Set(answers.map(({ body }) => body.code))).to.deep.equal(new Set([undefined, "session.not_found"]));
    expect(await stateOf(deviceSessionId)).to.equal("revoked");
    expect(await invalidated(userId)).to.deep.equal([["session.invalidated", [deviceSessionId]]]);
    expect(await invalidated(stranger.userId)).to.deep.equal([]);
  });

  it("ends other browsers and devices alike, and tells of all", async () => {
    const { email, password, token, userId } = await registerUser(api);
    const other = await api.ask("POST", "/auth/login", { body: { email, password } });
    const otherId = await idOf(other.body["sessionId"]);
    const devices = [await newDevice(api, userId), await newDevice(api, userId)];
    expect((await api.ask("DELETE", "/auth/sessions", { token })).body).to.deep.equal({ revoked: 3 });
    for (const { deviceSessionId } of devices) expect(await stateOf(deviceSessionId)).to.equal("revoked");
    const told = (await invalidated(userId)).flatMap(([, ids]) => ids as string[]);
    expect(told).to.have.members([otherId, ...devices.map(({ deviceSessionId }) => deviceSessionId)]);
  });

  it("ends both kinds when the password changes, and when the account is erased", async () => {
    const { password, token, userId } = await registerUser(api);
    const first = await newDevice(api, userId);
    const changed = await api.ask("POST", "/auth/password", {
      token,
      body: { currentPassword: password, newPassword: "a wholly different phrase" },
    });
    expect(await stateOf(first.deviceSessionId)).to.equal("revoked");
    const second = await newDevice(api, userId);
    expect((await api.ask("DELETE", "/auth/account", { token: changed.body["sessionId"] })).status).to.equal(202);
    expect(await stateOf(second.deviceSessionId)).to.equal("revoked");
  });

  it("tells of a logout and of a login that replaces a browser's session", async () => {
    const { email, password, token, userId } = await registerUser(api);
    const sessionId = await idOf(token);
    const asCookie = { email, password, cookie: true };
    const replaced = await api.ask("POST", "/auth/login", { body: asCookie });
    const cookie = cookieFrom(replaced);
    const { id: replacedId } = (await api.ask("GET", "/auth/session", { headers: { cookie } })).body;
    await api.ask("POST", "/auth/login", { body: asCookie, headers: { cookie } });
    await api.ask("POST", "/auth/logout", { token });
    expect(await invalidated(userId)).to.deep.equal([
      ["session.invalidated", [replacedId]],
      ["session.invalidated", [sessionId]],
    ]);
  });

  describe("killed while it ends a device's session", () => {
    const crashes: Record<string, CrashPoint> = {
      "after the session ended": { mongo: "update device_sessions", when: "after", nth: 1 },
      "before the event is stored": { mongo: "insert user_events", when: "before", nth: 1 },
      "after the event is stored": { mongo: "insert user_events", when: "after", nth: 1 },
      "before it is recorded that everybody was told": { mongo: "update device_sessions", when: "before", nth: 2 },
    };
    for (const [moment, crash] of Object.entries(crashes)) {
      it(`${moment}: the user's devices are told of it, once`, async () => {
        const { token, userId } = await registerUser(api);
        const { deviceSessionId } = await newDevice(api, userId);
        const child = await startChild(api, {
          modules: ["sessions", "devices", "notifications"],
          serves: true,
          withChain: false,
          crash,
        });
        const url = `${child.url}/auth/sessions/${deviceSessionId}`;
        const asked = await fetch(url, { method: "DELETE", headers: { authorization: `Bearer ${token}` } }).then(
          ({ status }) => status,
          () => "cut",
        );
        expect([asked, await child.ended]).to.deep.equal(["cut", "SIGKILL"]);
        expect(await stateOf(deviceSessionId)).to.equal("revoked");
        api.startWorkers();
        const stored = api.context.mongo.collection("device_sessions");
        await eventually("the sweep", async () => {
          const left = await stored.countDocuments({ userId, unannouncedSince: { $exists: true } });
          return left === 0;
        });
        expect(await invalidated(userId)).to.deep.equal([["session.invalidated", [deviceSessionId]]]);
        const events = api.context.mongo.collection("user_events");
        await eventually("the announcement", async () => {
          const event = await events.findOne({ userId });
          return event?.["announcedAt"] !== undefined;
        });
        await api.stopWorkers();
      });
    }
  });
});
