import { expect } from "chai";
import { authenticateDevice, checkDeviceSessions, readDeviceSession } from "../../../api/devices/actions";
import { createDeviceSessionStore, type DeviceSessionStore } from "../../../api/devices/store";
import { addSeconds } from "../../../core/clock";
import { randomId } from "../../../core/crypto";
import type { DomainError } from "../../../core/errors";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { encryptionOn } from "../../support/encryption";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { testMongo } from "../../support/servers";

const DAY = 24 * 60 * 60;
const PUBLIC_KEY = Buffer.from("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c", "hex");

describe("the store of devices' sessions", () => {
  let mongo: Mongo;
  let deviceSessions: DeviceSessionStore;
  let clock: FakeClock;
  before(async () => {
    mongo = await testMongo("device_sessions");
    deviceSessions = createDeviceSessionStore(encryptionOn(mongo));
    await ensureIndexes(mongo);
  });
  beforeEach(() => (clock = fakeClock()));
  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  async function register(userId = randomId()): Promise<{ deviceSessionId: string; userId: string }> {
    const deviceSessionId = randomId();
    const publicKey = PUBLIC_KEY.toString("base64url");
    const createdAt = clock.now();
    await deviceSessions.insert({ _id: deviceSessionId, userId, publicKey, name: "Alice's phone", createdAt });
    return { deviceSessionId, userId };
  }

  const readState = async (deviceSessionId: string) =>
    (await readDeviceSession({ deviceSessions, clock }, deviceSessionId))?.state;

  async function codeOf(attempt: Promise<unknown>): Promise<string> {
    return attempt.then(
      () => "none",
      (error: unknown) => (error as DomainError).code,
    );
  }

  it("reads what decides about a command, and null for an id that nobody has", async () => {
    const { deviceSessionId, userId } = await register();
    expect(await readDeviceSession({ deviceSessions, clock }, deviceSessionId)).to.deep.equal({
      deviceSessionId,
      userId,
      publicKey: PUBLIC_KEY.toString("base64url"),
      state: "active",
      expiresAt: addSeconds(clock.now(), 30 * DAY),
    });
    expect(await readDeviceSession({ deviceSessions, clock }, randomId())).to.equal(null);
  });

  it("ends a session after exactly 30 days without activity", async () => {
    const { deviceSessionId } = await register();
    clock.advance(30 * DAY - 1);
    expect(await readState(deviceSessionId)).to.equal("active");
    clock.advance(1);
    expect(await readState(deviceSessionId)).to.equal("expired");
  });

  it("ends a session after exactly 180 days whatever its activity", async () => {
    const session = await register();
    for (let day = 0; day < 179; day += 20) {
      await authenticateDevice({ deviceSessions, clock }, session);
      clock.advance(20 * DAY - (day === 160 ? 1 : 0));
    }
    expect(await readState(session.deviceSessionId)).to.equal("active");
    clock.advance(1);
    expect(await readState(session.deviceSessionId)).to.equal("expired");
    expect(await codeOf(authenticateDevice({ deviceSessions, clock }, session))).to.equal("session.expired");
  });

  it("writes activity once in five minutes, by a command or an open stream, and not by reading", async () => {
    const session = await register();
    const { deviceSessionId } = session;
    const registeredAt = clock.now();
    const lastActivity = async () => (await deviceSessions.find(deviceSessionId))?.lastActivityAt;
    clock.advance(299);
    await authenticateDevice({ deviceSessions, clock }, session);
    await checkDeviceSessions({ deviceSessions, clock }, [deviceSessionId]);
    expect(await lastActivity()).to.deep.equal(registeredAt);
    clock.advance(1);
    await readDeviceSession({ deviceSessions, clock }, deviceSessionId);
    expect(await lastActivity()).to.deep.equal(registeredAt);
    await authenticateDevice({ deviceSessions, clock }, session);
    expect(await lastActivity()).to.deep.equal(clock.now());
    clock.advance(300);
    await checkDeviceSessions({ deviceSessions, clock }, [deviceSessionId]);
    expect(await lastActivity()).to.deep.equal(clock.now());
  });

  it("says of many sessions what they are, in the order asked", async () => {
    const [active, revoked, expired] = [await register(), await register(), await register()];
    await deviceSessions.revoke(revoked, clock.now());
    clock.advance(30 * DAY - 1);
    await authenticateDevice({ deviceSessions, clock }, active);
    clock.advance(1);
    const unknown = randomId();
    const asked = [expired.deviceSessionId, unknown, active.deviceSessionId, revoked.deviceSessionId];
    expect(await checkDeviceSessions({ deviceSessions, clock }, asked)).to.deep.equal([
      { id: expired.deviceSessionId, state: "expired", userId: expired.userId },
      { id: unknown, state: "unknown" },
      { id: active.deviceSessionId, state: "active", userId: active.userId },
      { id: revoked.deviceSessionId, state: "revoked", userId: revoked.userId },
    ]);
  });

  it("never revives a revoked session, whatever is asked of it meanwhile", async () => {
    const session = await register();
    clock.advance(600);
    const asking = Array.from({ length: 64 }, () => codeOf(authenticateDevice({ deviceSessions, clock }, session)));
    const ended = await deviceSessions.revoke(session, clock.now());
    expect(ended).to.equal(true);
    expect(new Set(await Promise.all(asking))).to.satisfy((codes: Set<string>) =>
      [...codes].every((code) => ["none", "session.revoked"].includes(code)),
    );
    const { _id, userId, publicKey, createdAt } = (await deviceSessions.find(session.deviceSessionId))!;
    await deviceSessions.insert({ _id, userId, publicKey, name: "again", createdAt });
    expect(await readState(session.deviceSessionId)).to.equal("revoked");
    expect(await codeOf(authenticateDevice({ deviceSessions, clock }, session))).to.equal("session.revoked");
  });

  it("is ended by one of 64 who end it at once", async () => {
    const session = await register();
    const ends = await Promise.all(Array.from({ length: 64 }, () => deviceSessions.revoke(session, clock.now())));
    expect(ends.filter(Boolean)).to.have.length(1);
  });

  it("takes a session for its own user alone", async () => {
    const session = await register();
    const stranger = { ...session, userId: randomId() };
    expect(await codeOf(authenticateDevice({ deviceSessions, clock }, stranger))).to.equal("session.unknown");
    expect(await deviceSessions.revoke(stranger, clock.now())).to.equal(false);
    expect(await readState(session.deviceSessionId)).to.equal("active");
  });

  it("stores the device's name encrypted, and shows it to its owner", async () => {
    const { deviceSessionId, userId } = await register();
    const stored = await mongo.db!.collection<{ _id: string; name: string }>("device_sessions").findOne({
      _id: deviceSessionId,
    });
    expect(stored!.name).to.not.contain("phone");
    const listed = await deviceSessions.listActive(userId, clock.now());
    expect(listed.map(({ _id, name }) => ({ _id, name }))).to.deep.equal([
      { _id: deviceSessionId, name: "Alice's phone" },
    ]);
  });
});
