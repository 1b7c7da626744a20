import { expect } from "chai";
import fc from "fast-check";
import { normalizeEmail } from "../../../api/http/loginFields";
import {
  isSessionToken,
  sessionEnd,
  sessionExpiresAt,
  type SessionLifetime,
  type SessionTimes,
  validityBounds,
} from "../../../api/sessions/rules";
import { randomToken } from "../../../core/crypto";

const LIFETIME: SessionLifetime = { idleSeconds: 15 * 60, extensionSeconds: 60 * 60, absoluteSeconds: 12 * 60 * 60 };
const ONE_HOUR_IN_ALL: SessionLifetime = { ...LIFETIME, absoluteSeconds: 60 * 60 };

/** A time of the day the session was opened. */
function at(time: string): Date {
  return new Date(`2025-12-06T${time}Z`);
}

function session(createdAt: string, lastActivityAt = createdAt, revokedAt?: string): SessionTimes {
  return {
    createdAt: at(createdAt),
    lastActivityAt: at(lastActivityAt),
    revokedAt: revokedAt === undefined ? null : at(revokedAt),
  };
}

describe("the life of a session", () => {
  it("begins valid, and ends 15 minutes later when nothing is asked", () => {
    const fresh = session("14:30:00");
    expect(sessionEnd(fresh, LIFETIME, at("14:30:00"))).to.equal(undefined);
    expect(sessionExpiresAt(fresh, LIFETIME)).to.deep.equal(at("14:45:00"));
  });

  it("is ended by exactly 15:00 minutes of idleness, and not a moment before", () => {
    const idle = session("14:30:00", "14:45:00");
    expect(sessionEnd(idle, LIFETIME, at("14:59:59.999"))).to.equal(undefined);
    expect(sessionEnd(idle, LIFETIME, at("15:00:00.000"))).to.equal("session.idle");
  });

  it("goes on under continuous activity beyond its first hour", () => {
    expect(sessionEnd(session("14:30:00", "15:20:00"), LIFETIME, at("15:34:59"))).to.equal(undefined);
    expect(sessionEnd(session("14:30:00", "20:00:00"), LIFETIME, at("20:14:59"))).to.equal(undefined);
  });

  it("is extended by activity to an hour from it, where idleness allows so long", () => {
    const patient = { ...LIFETIME, idleSeconds: 2 * 60 * 60 };
    const active = session("14:30:00", "14:35:00");
    expect(sessionEnd(active, patient, at("15:34:59.999"))).to.equal(undefined);
    expect(sessionEnd(active, patient, at("15:35:00"))).to.equal("session.expired");
  });

  it("reaches its end 12 hours after the login, whatever was asked", () => {
    const busy = session("01:00:00", "12:59:00");
    expect(sessionEnd(busy, LIFETIME, at("12:59:59.999"))).to.equal(undefined);
    expect(sessionEnd(busy, LIFETIME, at("13:00:00"))).to.equal("session.expired");
  });

  it("can be configured to end an hour after the login, as the stricter reading has it", () => {
    const lastAskedAt320 = session("14:30:00", "15:20:00");
    expect(sessionEnd(lastAskedAt320, ONE_HOUR_IN_ALL, at("15:29:59.999"))).to.equal(undefined);
    expect(sessionEnd(lastAskedAt320, ONE_HOUR_IN_ALL, at("15:30:00"))).to.equal("session.expired");
    expect(sessionEnd(lastAskedAt320, ONE_HOUR_IN_ALL, at("15:40:00"))).to.equal("session.expired");
  });

  it("ends with the logout at once", () => {
    expect(sessionEnd(session("14:30:00", "14:31:00", "14:31:00"), LIFETIME, at("14:31:00"))).to.equal(
      "session.revoked",
    );
  });

  it("names the earliest deadline that passed", () => {
    expect(sessionEnd(session("14:30:00"), LIFETIME, at("23:59:00"))).to.equal("session.idle");
    expect(sessionEnd(session("14:30:00", "14:40:00", "14:50:00"), LIFETIME, at("23:00:00"))).to.equal(
      "session.revoked",
    );
    expect(sessionEnd(session("14:30:00", "14:40:00", "14:55:01"), LIFETIME, at("23:00:00"))).to.equal("session.idle");
    expect(sessionEnd(session("14:30:00", "15:16:00"), ONE_HOUR_IN_ALL, at("15:31:00"))).to.equal("session.expired");
  });
});

/** The rules once more, told as a story second by second instead of by deadlines. */
function statesOf(lifetime: SessionLifetime, steps: Step[]): string[] {
  let quiet = 0;
  let age = 0;
  let end: string | undefined;
  const answers: string[] = [];
  for (const step of steps) {
    for (let second = 0; second < step.pauseSeconds; second += 1) {
      quiet += 1;
      age += 1;
      if (end !== undefined) continue;
      if (quiet === lifetime.idleSeconds) end = "session.idle";
      else if (quiet === lifetime.extensionSeconds || age === lifetime.absoluteSeconds) end = "session.expired";
    }
    if (step.action === "logout" && end === undefined) end = "session.revoked";
    answers.push(end ?? "valid");
    if (end === undefined) quiet = 0;
  }
  return answers;
}

interface Step {
  pauseSeconds: number;
  action: "ask" | "logout";
}

function history() {
  const pauses = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(14, 15, 16, 59, 60, 61));
  const actions = fc.oneof(
    { weight: 19, arbitrary: fc.constant("ask" as const) },
    { weight: 1, arbitrary: fc.constant("logout" as const) },
  );
  return fc.record({
    lifetime: fc.record({
      idleSeconds: fc.integer({ min: 1, max: 60 }),
      extensionSeconds: fc.integer({ min: 1, max: 90 }),
      absoluteSeconds: fc.integer({ min: 1, max: 300 }),
    }),
    steps: fc.array(fc.record<Step>({ pauseSeconds: pauses, action: actions }), { minLength: 1, maxLength: 15 }),
  });
}

describe("session rules against a model", () => {
  it("agree with it over 10,000 random histories, as do the bounds given to the database", () => {
    fc.assert(
      fc.property(history(), ({ lifetime, steps }) => {
        let now = at("00:00:00");
        const times: SessionTimes = { createdAt: now, lastActivityAt: now, revokedAt: null };
        const answers = steps.map((step) => {
          now = new Date(now.getTime() + step.pauseSeconds * 1000);
          const { lastActivityAfter, createdAfter } = validityBounds(lifetime, now);
          const found =
            times.revokedAt === null && times.lastActivityAt > lastActivityAfter && times.createdAt > createdAfter;
          expect(found).to.equal(sessionEnd(times, lifetime, now) === undefined);
          if (step.action === "logout" && found) times.revokedAt = now;
          const end = sessionEnd(times, lifetime, now);
          if (end === undefined) times.lastActivityAt = now;
          return end ?? "valid";
        });
        expect(answers).to.deep.equal(statesOf(lifetime, steps));
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("a session token", () => {
  it("has the prefix SES- and 256 bits, and nothing else is taken for one", () => {
    const token = randomToken("SES-");
    expect(isSessionToken(token)).to.equal(true);
    for (const other of ["", "SES-", token.slice(0, -1), `${token}A`, token.toLowerCase(), ` ${token}`, `${token}\n`]) {
      expect(isSessionToken(other), JSON.stringify(other)).to.equal(false);
    }
  });
});

describe("an e-mail address", () => {
  it("is one account however it is typed", () => {
    expect(normalizeEmail("  Alice@Example.ORG ")).to.equal("alice@example.org");
    expect(normalizeEmail("ju\u0308rg@example.org")).to.equal(normalizeEmail("J\u00dcRG@example.org"));
  });
});
