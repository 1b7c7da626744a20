import { expect } from "chai";
import fc from "fast-check";
import { logout, openSession, readSession } from "../../../api/sessions/actions";
import { sessionEnd, type SessionLifetime, type SessionTimes } from "../../../api/sessions/rules";
import { createSessionStore } from "../../../api/sessions/store";
import { createUserStore, type UserStore } from "../../../api/sessions/users/store";
import { type DomainError } from "../../../core/errors";
import { randomId } from "../../../core/crypto";
import { sha256Hex } from "../../../core/hash";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { encryptionOn } from "../../support/encryption";
import { fakeClock } from "../../support/fakeClock";
import { testMongo } from "../../support/servers";

interface Step {
  pauseSeconds: number;
  action: "ask" | "logout" | "revokeOthers" | "revokeById";
}

const LIFETIME: SessionLifetime = { idleSeconds: 15 * 60, extensionSeconds: 60 * 60, absoluteSeconds: 12 * 60 * 60 };

describe("the store of sessions", () => {
  let mongo: Mongo;
  let users: UserStore;
  before(async () => {
    mongo = await testMongo("session_store");
    createSessionStore(mongo, LIFETIME);
    users = createUserStore(encryptionOn(mongo));
    await ensureIndexes(mongo);
  });
  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  function depsAt(lifetime: SessionLifetime) {
    const clock = fakeClock();
    mongo.deleteModel("Session");
    return {
      sessions: createSessionStore(mongo, lifetime),
      clock,
      config: { sessions: lifetime },
      appendUserEvent: () => Promise.resolve(),
    };
  }

  it("agrees with the rules over random histories of requests, logouts and revocations", async () => {
    const steps = fc.array(
      fc.record<Step>({
        pauseSeconds: fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(29, 30, 31)),
        action: fc.oneof(
          { weight: 12, arbitrary: fc.constant("ask" as const) },
          { weight: 1, arbitrary: fc.constantFrom("logout" as const, "revokeOthers" as const, "revokeById" as const) },
        ),
      }),
      { minLength: 1, maxLength: 10 },
    );
    const lifetimes = fc.record({
      idleSeconds: fc.constantFrom(30, 60, 100),
      extensionSeconds: fc.constantFrom(40, 60, 90),
      absoluteSeconds: fc.constantFrom(50, 120, 200),
    });
    await fc.assert(
      fc.asyncProperty(lifetimes, steps, async (lifetime, history) => {
        const deps = depsAt(lifetime);
        const userId = randomId();
        const { token, sessionId } = await openSession(deps, { userId, userAgent: undefined });
        const expected: SessionTimes = {
          createdAt: deps.clock.now(),
          lastActivityAt: deps.clock.now(),
          revokedAt: null,
        };
        for (const { pauseSeconds, action } of history) {
          deps.clock.advance(pauseSeconds);
          const now = deps.clock.now();
          const end = sessionEnd(expected, lifetime, now);
          if (action === "ask") {
            const found = await readSession(deps, token).then(
              () => undefined,
              (error: unknown) => (error as DomainError).code,
            );
            expect(found).to.equal(end);
            if (end === undefined) expected.lastActivityAt = now;
          } else {
            if (action === "logout") await logout(deps, { sessionId, userId });
            else if (action === "revokeById")
              expect(await deps.sessions.revoke({ sessionId, userId }, now)).to.equal(end === undefined);
            else await deps.sessions.revokeAll(userId, now);
            expected.revokedAt ??= action === "revokeOthers" || end === undefined ? now : null;
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  it("never brings a session back, however touches race its end", async () => {
    const deps = depsAt(LIFETIME);
    for (let round = 0; round < 5; round += 1) {
      const userId = randomId();
      const { token, sessionId } = await openSession(deps, { userId, userAgent: undefined });
      const tokenHash = sha256Hex(token);
      const touch = () => deps.sessions.touch(tokenHash, deps.clock.now());
      const early = Array.from({ length: 13 * round }, touch);
      const revoked = deps.sessions.revoke({ sessionId, userId }, deps.clock.now());
      const late = Array.from({ length: 64 - 13 * round }, touch);
      await Promise.all([...early, revoked, ...late]);
      expect(await deps.sessions.touch(tokenHash, deps.clock.now())).to.equal(null);
      expect((await deps.sessions.findById(sessionId))?.revokedAt).to.be.instanceOf(Date);
    }
  });

  it("does not touch what is no longer there", async () => {
    const deps = depsAt(LIFETIME);
    const before = await mongo.collection("sessions").countDocuments({});
    expect(await deps.sessions.touch(sha256Hex("SES-unknown"), deps.clock.now())).to.equal(null);
    expect(await mongo.collection("sessions").countDocuments({})).to.equal(before);
  });

  it("keeps the later activity when a machine's clock is behind", async () => {
    const deps = depsAt(LIFETIME);
    const { token } = await openSession(deps, { userId: randomId(), userAgent: undefined });
    const tokenHash = sha256Hex(token);
    const later = new Date(deps.clock.now().getTime() + 5_000);
    await deps.sessions.touch(tokenHash, later);
    const touched = await deps.sessions.touch(tokenHash, deps.clock.now());
    expect(touched?.lastActivityAt).to.deep.equal(later);
  });

  it("lets the database forget a session only a day after its last possible moment", async () => {
    const deps = depsAt(LIFETIME);
    const { sessionId } = await openSession(deps, { userId: randomId(), userAgent: undefined });
    const kept = await deps.sessions.findById(sessionId);
    expect(kept!.purgeAt.getTime() - kept!.createdAt.getTime()).to.equal((12 + 24) * 60 * 60 * 1000);
    const indexes = await mongo.collection("sessions").indexes();
    expect(indexes.find(({ key }) => "purgeAt" in key)?.["expireAfterSeconds"]).to.equal(0);
  });

  it("adds exactly one of 32 racing accounts with one address", async () => {
    const outcomes = await Promise.all(
      Array.from({ length: 32 }, () =>
        users.insert({
          _id: randomId(),
          email: "one@example.org",
          name: "One",
          passwordHash: "x",
          createdAt: new Date(),
          passwordVersion: 1,
          emailVerifiedAt: null,
        }),
      ),
    );
    expect(outcomes.filter((won) => won)).to.have.length(1);
  });
});
