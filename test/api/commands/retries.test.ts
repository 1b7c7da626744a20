import { expect } from "chai";
import { randomUUID } from "node:crypto";
import type { Answer } from "../../support/ask";
import type { CrashPoint } from "../../support/crashPoints";
import { type MovableClock, movableClock } from "../../support/fakeClock";
import { type Fixture, fixture, type TestDevice, type TestUser } from "../../support/fixture";
import { type AskAsGateway, askAsGateway } from "../../support/serviceTokens";
import { startChild } from "../../support/startChild";

const REVOKE = "/api/v1/user/session/revoke";
const RENAME = "/api/v1/user/profile/update";

describe("writes of devices", () => {
  let on: Fixture;
  let clock: MovableClock;
  let moved = 0;
  let alice: TestUser;
  let phone: TestDevice;

  before(async () => {
    clock = movableClock();
    on = await fixture("retries", { modules: ["sessions", "commands"], clock });
  });

  beforeEach(async () => {
    alice = await on.newUser();
    phone = await on.newDevice(alice.userId);
  });

  // Processes of their own go by the machine's clock.
  afterEach(() => {
    clock.moveSeconds(-moved);
    moved = 0;
  });

  after(() => on.close());

  function wait(seconds: number): void {
    clock.moveSeconds(seconds);
    moved += seconds;
  }

  const as = (requestId: string, body: unknown): AskAsGateway => ({
    userId: alice.userId,
    deviceSessionId: phone.deviceSessionId,
    requestId,
    body,
    issuedAt: clock.now(),
  });
  const rename = (requestId: string, name: string) => on.askAsGateway("PATCH", RENAME, as(requestId, { name }));
  const revoke = (requestId: string, id: string) => on.askAsGateway("POST", REVOKE, as(requestId, { id }));
  const nameNow = async () => (await on.ask("GET", "/auth/session", { token: alice.token })).body["name"] as string;
  const outcome = ({ status, body }: Answer) => [status, body.code];
  const invalidations = async () =>
    on.context.mongo.collection("user_events").countDocuments({ userId: alice.userId, type: "session.invalidated" });

  it("are answered by their first answer when they are sent again", async () => {
    const tablet = await on.newDevice(alice.userId);
    const requestId = randomUUID();
    const first = await revoke(requestId, tablet.deviceSessionId);
    expect([first.status, first.body]).to.deep.equal([200, {}]);
    const again = await revoke(requestId, tablet.deviceSessionId);
    expect([again.status, again.text]).to.deep.equal([first.status, first.text]);
    // A command of its own finds that there is nothing left to end.
    expect(outcome(await revoke(randomUUID(), tablet.deviceSessionId))).to.deep.equal([404, "session.not_found"]);
    expect(await invalidations()).to.equal(1);
  });

  it("are rejected again as they were the first time", async () => {
    const tablet = await on.newDevice(alice.userId);
    const requestId = randomUUID();
    const unknown = randomUUID();
    const first = await revoke(requestId, unknown);
    const again = await revoke(requestId, unknown);
    expect(outcome(first)).to.deep.equal([404, "session.not_found"]);
    const { requestId: _first, ...problem } = first.body;
    expect(again.body).to.deep.include(problem);
    expect((await revoke(randomUUID(), tablet.deviceSessionId)).status).to.equal(200);
  });

  it("are refused under the id of another write", async () => {
    const requestId = randomUUID();
    expect((await rename(requestId, "Alice")).status).to.equal(200);
    expect(outcome(await rename(requestId, "Mallory"))).to.deep.equal([409, "command.id_reused"]);
    expect(outcome(await revoke(requestId, phone.deviceSessionId))).to.deep.equal([409, "command.id_reused"]);
    expect(await nameNow()).to.equal("Alice");
  });

  it("have their ids for themselves in each session", async () => {
    const requestId = randomUUID();
    expect((await rename(requestId, "First")).status).to.equal(200);
    const bob = await on.newUser();
    const laptop = await on.newDevice(bob.userId);
    const other = { ...as(requestId, { name: "Bob" }), userId: bob.userId, deviceSessionId: laptop.deviceSessionId };
    expect((await on.askAsGateway("PATCH", RENAME, other)).body["name"]).to.equal("Bob");
    expect(await nameNow()).to.equal("First");
  });

  it("need the key of the session and request that the token names", async () => {
    const requestId = randomUUID();
    const keys = ["", requestId, `${randomUUID()}/${requestId}`, `${phone.deviceSessionId}/${randomUUID()}`];
    for (const key of keys) {
      const asked = { ...as(requestId, { name: "Eve" }), headers: { "idempotency-key": key } };
      const answer = await on.askAsGateway("PATCH", RENAME, asked);
      expect(outcome(answer), key).to.deep.equal([400, "command.idempotency_key_invalid"]);
    }
    expect(await nameNow()).to.equal("Alice Smith");
  });

  it("take effect once when 64 are sent at the same moment", async () => {
    const tablet = await on.newDevice(alice.userId);
    const requestId = randomUUID();
    const raced = await Promise.all(Array.from({ length: 64 }, () => revoke(requestId, tablet.deviceSessionId)));
    const answers = raced.map((answer) => outcome(answer).join(" ").trim());
    expect(answers).to.include("200");
    for (const answer of answers) expect(answer).to.be.oneOf(["200", "409 command.in_progress"]);
    const waiting = raced.find(({ status }) => status === 409);
    if (waiting !== undefined) expect(waiting.headers.get("retry-after")).to.match(/^[12]$/);
    expect((await revoke(requestId, tablet.deviceSessionId)).status).to.equal(200);
    expect(await invalidations()).to.equal(1);
    expect(await on.context.mongo.collection("device_commands").countDocuments({ userId: alice.userId })).to.equal(1);
  });

  it("are refused once the device's session is over, whatever they were answered before", async () => {
    const requestId = randomUUID();
    expect((await rename(requestId, "Alice")).status).to.equal(200);
    expect((await on.ask("DELETE", `/auth/sessions/${phone.deviceSessionId}`, { token: alice.token })).status).to.equal(
      204,
    );
    expect(outcome(await rename(requestId, "Alice"))).to.deep.equal([401, "session.revoked"]);
    expect(outcome(await rename(randomUUID(), "Eve"))).to.deep.equal([401, "session.revoked"]);
  });

  it("let a device end its own session", async () => {
    expect((await revoke(randomUUID(), phone.deviceSessionId)).status).to.equal(200);
    expect(outcome(await rename(randomUUID(), "Eve"))).to.deep.equal([401, "session.revoked"]);
  });

  it("run again at once after an error that passes", async () => {
    const requestId = randomUUID();
    const real = on.context.fields.encrypt;
    on.context.fields.encrypt = (place, text) =>
      place.collection === "users" ? Promise.reject(new Error("nobody foresaw this")) : real(place, text);
    try {
      expect(outcome(await rename(requestId, "Alicia"))).to.deep.equal([500, "internal.error"]);
    } finally {
      on.context.fields.encrypt = real;
    }
    expect((await rename(requestId, "Alicia")).body["name"]).to.equal("Alicia");
  });

  it("are stored so that the database shows neither answers nor what was asked", async () => {
    await rename(randomUUID(), "Alice the Unforgettable");
    const stored = await on.context.mongo.collection("device_commands").find({ userId: alice.userId }).toArray();
    expect(stored).to.have.length(1);
    expect(JSON.stringify(stored)).not.to.match(/Unforgettable|example\.com/);
    expect(stored[0]!["outcome"]).to.match(/^data-1\./);
  });

  it("are exported and erased with the account", async () => {
    await rename(randomUUID(), "Alice Exported");
    const exported = await on.ask("GET", "/auth/account/export", { token: alice.token });
    expect(JSON.stringify(exported.body["data"].commands)).to.include("Alice Exported");
    const person = { userId: alice.userId, dids: [] };
    await on.modules.commands.ports.personalData.erase(person);
    expect(await on.context.mongo.collection("device_commands").countDocuments({ userId: alice.userId })).to.equal(0);
  });

  const MOMENTS: { dies: string; crash: CrashPoint; ended: boolean; answered: boolean }[] = [
    {
      dies: "once it is stored that the command runs",
      crash: { mongo: "insert device_commands", when: "after", nth: 1 },
      ended: false,
      answered: false,
    },
    {
      dies: "before the effect",
      crash: { mongo: "update device_sessions", when: "before", nth: 2 },
      ended: false,
      answered: false,
    },
    {
      dies: "after the effect",
      crash: { mongo: "update device_sessions", when: "after", nth: 2 },
      ended: true,
      answered: false,
    },
    {
      dies: "before the answer is stored",
      crash: { mongo: "update device_commands", when: "before", nth: 1 },
      ended: true,
      answered: false,
    },
    {
      dies: "after the answer is stored",
      crash: { mongo: "update device_commands", when: "after", nth: 1 },
      ended: true,
      answered: true,
    },
  ];

  for (const { dies, crash, ended, answered } of MOMENTS) {
    it(`have one effect when the API is killed ${dies}`, async () => {
      const tablet = await on.newDevice(alice.userId);
      const requestId = randomUUID();
      const asked = as(requestId, { id: tablet.deviceSessionId });
      const doomed = await startChild(on, {
        modules: ["sessions", "commands"],
        gatewayKey: on.internal.key.publicKey,
        withChain: false,
        crash,
      });
      const at = { url: doomed.internalUrl, key: on.internal.key };
      const sent = askAsGateway(at, "POST", REVOKE, asked).catch(() => undefined);
      expect(await doomed.ended).to.equal("SIGKILL");
      expect(await sent, "an answer of a process that was killed before it answered").to.equal(undefined);
      const session = await on.modules.devices.ports.readDeviceSession(tablet.deviceSessionId);
      expect(session?.state).to.equal(ended ? "revoked" : "active");

      const soon = await revoke(requestId, tablet.deviceSessionId);
      expect(outcome(soon)).to.deep.equal(answered ? [200, undefined] : [409, "command.in_progress"]);
      wait(60);
      const later = await revoke(requestId, tablet.deviceSessionId);
      expect([later.status, later.body]).to.deep.equal([200, {}]);
      expect((await on.modules.devices.ports.readDeviceSession(tablet.deviceSessionId))?.state).to.equal("revoked");
      const { body } = await on.askAsGateway("GET", "/api/v1/user/session/list", {
        userId: alice.userId,
        deviceSessionId: phone.deviceSessionId,
        issuedAt: clock.now(),
      });
      expect(body.sessions.map(({ id }) => id)).not.to.include(tablet.deviceSessionId);
    });
  }

  it("are run by one of 64 once their run was abandoned", async () => {
    const tablet = await on.newDevice(alice.userId);
    const requestId = randomUUID();
    const doomed = await startChild(on, {
      modules: ["sessions", "commands"],
      gatewayKey: on.internal.key.publicKey,
      withChain: false,
      crash: { mongo: "insert device_commands", when: "after", nth: 1 },
    });
    const at = { url: doomed.internalUrl, key: on.internal.key };
    await askAsGateway(at, "POST", REVOKE, as(requestId, { id: tablet.deviceSessionId })).catch(() => undefined);
    expect(await doomed.ended).to.equal("SIGKILL");
    wait(60);
    const raced = await Promise.all(Array.from({ length: 64 }, () => revoke(requestId, tablet.deviceSessionId)));
    const answers = new Set(raced.map((answer) => outcome(answer).join(" ").trim()));
    expect([...answers].every((answer) => ["200", "409 command.in_progress"].includes(answer))).to.equal(true);
    expect(answers.has("200")).to.equal(true);
    expect(await invalidations()).to.equal(1);
  });
});
