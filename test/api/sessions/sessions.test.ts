import { expect } from "chai";
import { createPasswordHasher, type PasswordHasher } from "../../../api/sessions/users/passwordHashing";
import { registerUser } from "../../support/accounts";
import { ask, cookieFrom } from "../../support/ask";
import { fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture, type FixtureOptions } from "../../support/fixture";

const MINUTE = 60;
const HOUR = 60 * MINUTE;

describe("sessions", () => {
  const clock = fakeClock();
  let api: Fixture;
  before(async () => {
    api = await fixture("sessions", { modules: ["sessions"], clock });
  });
  const others: Fixture[] = [];
  after(async () => {
    for (const started of [api, ...others]) await started.close();
  });
  async function another(name: string, options: FixtureOptions): Promise<Fixture> {
    const started = await fixture(name, { modules: ["sessions"], ...options });
    others.push(started);
    return started;
  }

  const code = async (token: string) =>
    (await api.ask("GET", "/auth/session", { token })).body.code as string | undefined;

  describe("registering", () => {
    it("answers with the user and a session that is valid at once", async () => {
      const body = { email: " New.Alice@Example.org", password: "correct horse battery", name: " Alice Smith " };
      const answer = await api.ask("POST", "/auth/register", { body });
      expect(answer.status).to.equal(201);
      expect(answer.body.sessionId).to.match(/^SES-[A-Za-z0-9_-]{43}$/);
      const session = await api.ask("GET", "/auth/session", { token: answer.body.sessionId });
      expect(session.body).to.include({
        userId: answer.body.userId,
        email: "new.alice@example.org",
        name: "Alice Smith",
      });
    });

    it("refuses an address that has an account, however it is typed", async () => {
      const { email } = await registerUser(api);
      const body = { email: ` ${email.toUpperCase()} `, password: "another good phrase", name: "Mallory" };
      const answer = await api.ask("POST", "/auth/register", { body });
      expect([answer.status, answer.body.code]).to.deep.equal([409, "account.exists"]);
    });

    it("lets exactly one of 32 racing registrations of one address win", async () => {
      const attempts = Array.from({ length: 32 }, (_, index) =>
        api.ask("POST", "/auth/register", {
          body: { email: "race@example.org", password: `racing phrase number ${index}`, name: `Racer ${index}` },
        }),
      );
      const answers = await Promise.all(attempts);
      expect(answers.filter(({ status }) => status === 201)).to.have.length(1);
      expect(answers.filter(({ body }) => body.code === "account.exists")).to.have.length(31);
      const emailIndex = await api.context.blindIndex("users.email", "race@example.org");
      expect(await api.context.mongo.collection("users").countDocuments({ emailIndex })).to.equal(1);
      const winner = answers.findIndex(({ status }) => status === 201);
      const login = { email: "race@example.org", password: `racing phrase number ${winner}` };
      expect((await api.ask("POST", "/auth/login", { body: login })).status).to.equal(200);
    });

    it("refuses weak passwords, and ones too short or too long, by name of the field", async () => {
      const cases = {
        Password123: "password.too_weak",
        alicesmith: "password.too_weak",
        short7c: "request.invalid",
        ["long phrase ".repeat(11)]: "request.invalid",
      };
      for (const [password, expected] of Object.entries(cases)) {
        const answer = await api.ask("POST", "/auth/register", {
          body: { email: "weak@example.org", password, name: "Alice Smith" },
        });
        expect([answer.status, answer.body.code], password).to.deep.equal([400, expected]);
        expect(answer.body.errors[0]!.field).to.equal("body.password");
        expect(answer.text).not.to.include(password);
      }
    });

    it("counts 8 to 128 characters as people do", async () => {
      const passwords = ["žluťoučk", "👍🐎🔋📎🌍🌊🌋🏔", "👩🏽".repeat(1) + "x1y2z3w4v5u6".repeat(10) + "abcdef"];
      for (const [index, password] of passwords.entries()) {
        const body = { email: `count${index}@example.org`, password, name: "Alice Smith" };
        expect((await api.ask("POST", "/auth/register", { body })).status, password).to.equal(201);
        expect((await api.ask("POST", "/auth/login", { body: { email: body.email, password } })).status).to.equal(200);
      }
    });
  });

  describe("logging in", () => {
    it("opens a session of its own each time", async () => {
      const { email, password, token, userId } = await registerUser(api);
      const first = await api.ask("POST", "/auth/login", { body: { email, password } });
      const second = await api.ask("POST", "/auth/login", { body: { email, password } });
      expect(first.body).to.include({ userId, walletAddress: null, did: null });
      expect(new Set([token, first.body.sessionId, second.body.sessionId]).size).to.equal(3);
    });

    it("answers a wrong password and an unknown account alike", async () => {
      const { email } = await registerUser(api);
      const wrong = await api.ask("POST", "/auth/login", { body: { email, password: "not this one at all" } });
      const unknown = await api.ask("POST", "/auth/login", {
        body: { email: "nobody@example.org", password: "not this one at all" },
      });
      for (const answer of [wrong, unknown]) delete answer.body.requestId;
      expect(wrong.status).to.equal(401);
      expect(unknown.body).to.deep.equal(wrong.body);
    });

    it("takes a password typed in another Unicode form for the same", async () => {
      const body = { email: "unicode@example.org", password: "Ångström fährt Rad", name: "Bob" };
      await api.ask("POST", "/auth/register", { body });
      const login = { email: body.email, password: body.password.normalize("NFD") };
      expect((await api.ask("POST", "/auth/login", { body: login })).status).to.equal(200);
    });

    it("never adopts a token the caller brings along (session fixation)", async () => {
      const attacker = await registerUser(api, "Mallory");
      const { email, password, userId } = await registerUser(api);
      const planted = [attacker.token, `SES-${"A".repeat(43)}`];
      for (const token of planted) {
        const cookie = `__Host-cairn-session=${token}`;
        const answer = await api.ask("POST", "/auth/login", { body: { email, password, cookie: true }, cookie });
        expect(answer.status).to.equal(200);
        expect(cookieFrom(answer)).not.to.include(token);
        const session = await api.ask("GET", "/auth/session", { token });
        expect(session.body.userId, "the planted token must not open the victim's session").not.to.equal(userId);
      }
      expect(await code(attacker.token), "a replaced cookie session has ended").to.equal("session.revoked");
    });

    it("renews a hash made with older parameters", async () => {
      const { hash } = await import("@node-rs/argon2");
      const { userId, email, password } = await registerUser(api);
      const users = api.context.mongo.collection("users");
      const outdated = await hash(password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
      await users.updateOne({ _id: userId as never }, { $set: { passwordHash: outdated } });
      expect((await api.ask("POST", "/auth/login", { body: { email, password } })).status).to.equal(200);
      const renewed = (await users.findOne({ _id: userId as never }))?.["passwordHash"] as string;
      expect(renewed).to.match(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      expect((await api.ask("POST", "/auth/login", { body: { email, password } })).status).to.equal(200);
    });
  });

  describe("the life cycle over HTTP, to the second", () => {
    it("ends after 15 minutes of idleness, each request putting it off", async () => {
      const { token } = await registerUser(api);
      for (let round = 0; round < 3; round += 1) {
        clock.advance(15 * MINUTE - 1);
        expect(await code(token)).to.equal(undefined);
      }
      clock.advance(15 * MINUTE);
      expect(await code(token)).to.equal("session.idle");
    });

    it("ends 12 hours after the login under continuous activity", async () => {
      const { token } = await registerUser(api);
      for (let quarter = 0; quarter < 4 * 12 + 3; quarter += 1) {
        clock.advance(14 * MINUTE);
        expect(await code(token), `after ${14 * (quarter + 1)} minutes`).to.equal(undefined);
      }
      clock.advance(12 * HOUR - 51 * 14 * MINUTE - 1);
      expect(await code(token)).to.equal(undefined);
      clock.advance(1);
      expect(await code(token)).to.equal("session.expired");
    });

    it("says when it will end", async () => {
      const { token } = await registerUser(api);
      clock.advance(5 * MINUTE);
      const { body } = await api.ask("GET", "/auth/session", { token });
      expect(body.lastActivityAt).to.equal(clock.now().toISOString());
      expect(new Date(body.expiresAt).getTime() - clock.now().getTime()).to.equal(15 * MINUTE * 1000);
    });

    it("ends with the logout, for good", async () => {
      const { token } = await registerUser(api);
      expect((await api.ask("POST", "/auth/logout", { token })).status).to.equal(204);
      expect(await code(token)).to.equal("session.revoked");
      expect((await api.ask("POST", "/auth/logout", { token })).body.code).to.equal("session.revoked");
      clock.advance(HOUR);
      expect(await code(token)).to.equal("session.revoked");
    });

    it("refuses no token, another scheme and a token nobody was given", async () => {
      expect((await api.ask("GET", "/auth/session")).body.code).to.equal("session.missing");
      const basic = await api.ask("GET", "/auth/session", { headers: { authorization: "Basic YTpi" } });
      expect([basic.status, basic.body.code]).to.deep.equal([401, "session.missing"]);
      expect(basic.headers.get("www-authenticate")).to.match(/^Bearer/);
      expect(await code(`SES-${"x".repeat(43)}`)).to.equal("session.unknown");
      expect(await code("nonsense")).to.equal("session.unknown");
    });
  });

  describe("the stricter reading, one hour in all", () => {
    it("follows the requirement's example: in use from 2:40 to 3:20, expired at 3:30", async () => {
      const day = fakeClock();
      const strict = await another("strict", {
        clock: day,
        config: { sessions: { idleSeconds: 15 * MINUTE, extensionSeconds: HOUR, absoluteSeconds: HOUR } },
      });
      const { token } = await registerUser(strict);
      const askAt = async (time: string) => {
        day.set(new Date(`2100-12-06T${time}.000Z`));
        return (await strict.ask("GET", "/auth/session", { token })).body.code as string | undefined;
      };
      for (const time of ["14:40:00", "14:50:00", "15:00:00", "15:10:00", "15:20:00", "15:29:59"]) {
        expect(await askAt(time), time).to.equal(undefined);
      }
      expect(await askAt("15:30:00")).to.equal("session.expired");
      expect(await askAt("15:40:00")).to.equal("session.expired");
    });
  });

  describe("races", () => {
    it("64 requests racing a logout never bring the session back", async () => {
      const { token } = await registerUser(api);
      const touches = Array.from({ length: 64 }, () => api.ask("GET", "/auth/session", { token }));
      const logout = api.ask("POST", "/auth/logout", { token });
      const answers = await Promise.all(touches);
      expect((await logout).status).to.equal(204);
      for (const { status, body } of answers)
        expect(status === 200 || body.code === "session.revoked", `${status}`).to.equal(true);
      const after = await Promise.all(Array.from({ length: 16 }, () => code(token)));
      expect(new Set(after)).to.deep.equal(new Set(["session.revoked"]));
    });

    it("of 16 racing logouts exactly one writes, and all end it", async () => {
      const { token } = await registerUser(api);
      const answers = await Promise.all(Array.from({ length: 16 }, () => api.ask("POST", "/auth/logout", { token })));
      expect(answers.some(({ status }) => status === 204)).to.equal(true);
      expect(await code(token)).to.equal("session.revoked");
    });
  });

  describe("devices", () => {
    const firefox = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };

    it("are listed without their tokens, the current one marked, ended ones left out", async () => {
      const { email, password, token } = await registerUser(api);
      clock.advance(1);
      const laptop = await api.ask("POST", "/auth/login", { body: { email, password }, headers: firefox });
      const ended = await api.ask("POST", "/auth/login", { body: { email, password } });
      await api.ask("POST", "/auth/logout", { token: ended.body.sessionId });
      const list = await api.ask("GET", "/auth/sessions", { token: laptop.body.sessionId });
      expect(list.body.sessions).to.have.length(2);
      expect(list.body.sessions[0]).to.include({ device: "Firefox on Linux", current: true });
      expect(list.body.sessions[1]).to.include({ current: false });
      expect(list.text).not.to.include(token).and.not.to.match(/SES-/);
    });

    it("can be ended one by one, by their owner only", async () => {
      const { email, password, token } = await registerUser(api);
      const other = await api.ask("POST", "/auth/login", { body: { email, password } });
      const { id } = (await api.ask("GET", "/auth/session", { token: other.body.sessionId })).body;
      const stranger = await registerUser(api, "Mallory");
      const foreign = await api.ask("DELETE", `/auth/sessions/${id}`, { token: stranger.token });
      expect([foreign.status, foreign.body.code]).to.deep.equal([404, "session.not_found"]);
      expect((await api.ask("DELETE", `/auth/sessions/${id}`, { token })).status).to.equal(204);
      expect(await code(other.body.sessionId)).to.equal("session.revoked");
      expect((await api.ask("DELETE", `/auth/sessions/${id}`, { token })).body.code).to.equal("session.not_found");
      expect(await code(token)).to.equal(undefined);
    });

    it("can be ended all at once but the current one", async () => {
      const { email, password, token } = await registerUser(api);
      const others = [];
      for (let index = 0; index < 3; index += 1)
        others.push(await api.ask("POST", "/auth/login", { body: { email, password } }));
      const answer = await api.ask("DELETE", "/auth/sessions", { token });
      expect(answer.body).to.deep.equal({ revoked: 3 });
      for (const { body } of others) expect(await code(body.sessionId)).to.equal("session.revoked");
      expect(await code(token)).to.equal(undefined);
    });
  });

  describe("changing the password", () => {
    it("ends every session, gives a new token, and the old password opens nothing", async () => {
      const { email, password, token } = await registerUser(api);
      const other = await api.ask("POST", "/auth/login", { body: { email, password } });
      const newPassword = "a wholly different phrase";
      const answer = await api.ask("POST", "/auth/password", {
        token,
        body: { currentPassword: password, newPassword },
      });
      expect(answer.status).to.equal(200);
      expect(answer.body.sessionId).to.match(/^SES-/).and.not.to.equal(token);
      expect(await code(token)).to.equal("session.revoked");
      expect(await code(other.body.sessionId)).to.equal("session.revoked");
      expect(await code(answer.body.sessionId)).to.equal(undefined);
      expect((await api.ask("POST", "/auth/login", { body: { email, password } })).body.code).to.equal("login.refused");
      expect((await api.ask("POST", "/auth/login", { body: { email, password: newPassword } })).status).to.equal(200);
    });

    it("needs the current password, and a new one that is strong and different", async () => {
      const { password, token } = await registerUser(api);
      const change = async (currentPassword: string, newPassword: string) =>
        (await api.ask("POST", "/auth/password", { token, body: { currentPassword, newPassword } })).body.code;
      expect(await change("not the password", "a wholly different phrase")).to.equal("password.wrong");
      expect(await change(password, "Password123")).to.equal("password.too_weak");
      expect(await change(password, password)).to.equal("password.unchanged");
      expect(await code(token), "a refused change ends nothing").to.equal(undefined);
    });

    it("has one winner when 16 changes race, whose password alone opens the account afterwards", async () => {
      const { email, password, token } = await registerUser(api);
      const phrases = Array.from({ length: 16 }, (_, index) => `phrase of contender ${index}`);
      const answers = await Promise.all(
        phrases.map((newPassword) =>
          api.ask("POST", "/auth/password", { token, body: { currentPassword: password, newPassword } }),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      const opened = [];
      for (const phrase of phrases) {
        const { status } = await api.ask("POST", "/auth/login", { body: { email, password: phrase } });
        if (status === 200) opened.push(phrase);
      }
      expect(opened).to.deep.equal([phrases[answers.findIndex(({ status }) => status === 200)]]);
    });

    it("leaves no session opened with the old password, though logins race it", async () => {
      const { email, password, token } = await registerUser(api);
      const newPassword = "a wholly different phrase";
      const logins = Array.from({ length: 24 }, () => api.ask("POST", "/auth/login", { body: { email, password } }));
      const change = api.ask("POST", "/auth/password", { token, body: { currentPassword: password, newPassword } });
      const tokens = (await Promise.all(logins)).map(({ body }) => body.sessionId as string | undefined);
      expect((await change).status).to.equal(200);
      for (const opened of tokens) if (opened !== undefined) expect(await code(opened)).to.equal("session.revoked");
    });
  });

  describe("a login that verified the old password before it was changed", () => {
    it("opens nothing afterwards", async () => {
      const real = createPasswordHasher();
      let verified: () => void = () => undefined;
      let goOn: Promise<void> | undefined;
      const slow: PasswordHasher = {
        ...real,
        async verify(passwordHash, password) {
          const matches = await real.verify(passwordHash, password);
          const pause = goOn;
          goOn = undefined;
          if (pause !== undefined) {
            verified();
            await pause;
          }
          return matches;
        },
      };
      const own = await another("overtaken", { replacements: { passwords: slow } });
      const { email, password, token } = await registerUser(own);
      let release: () => void = () => undefined;
      goOn = new Promise((resolve) => (release = resolve));
      const reached = new Promise<void>((resolve) => (verified = resolve));
      const login = own.ask("POST", "/auth/login", { body: { email, password } });
      await reached;
      const body = { currentPassword: password, newPassword: "a wholly different phrase" };
      expect((await own.ask("POST", "/auth/password", { token, body })).status).to.equal(200);
      release();
      expect((await login).body.code).to.equal("login.refused");
      expect(await own.context.mongo.collection("sessions").countDocuments({ revokedAt: null })).to.equal(1);
    });
  });

  it("answers 401 with the same code whether the token comes as bearer or cookie", async () => {
    const { token } = await registerUser(api);
    await api.ask("POST", "/auth/logout", { token });
    const answer = await ask(`${api.url}/auth/session`, "GET", { cookie: `__Host-cairn-session=${token}` });
    expect([answer.status, answer.body.code]).to.deep.equal([401, "session.revoked"]);
  });
});
