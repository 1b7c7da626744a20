import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { LOGIN_LIMITS, pauseAfterAttempt } from "../../../../api/sessions/loginLimits/rules";
import type { PasswordHasher } from "../../../../api/sessions/users/passwordHashing";
import type { Answer } from "../../../support/ask";
import { setTimeout as delay } from "node:timers/promises";
import { fakeClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";

/** Hashing takes most of a login's time; how it is limited does not depend on it. */
const quickPasswords: PasswordHasher = {
  hash: (password) => Promise.resolve(`quick:${password}`),
  verify: (passwordHash, password) => Promise.resolve(passwordHash === `quick:${password}`),
  isOutdated: () => false,
};

/** The first pause. */
const PAUSE_MS = 1_000;

type Quickly = <T>(attempts: () => Promise<T>) => Promise<T>;

/**
 * Plays a scenario, with what it passes to `quickly` done within the first pause. What a busy machine drew out says
 * nothing about attempts made at once: the scenario is played again then, so it takes an account of its own each time.
 */
async function undisturbed<T>(scenario: (quickly: Quickly) => Promise<T>): Promise<T> {
  for (;;) {
    let longestMs = 0;
    const outcome = await scenario(async (attempts) => {
      const startedAt = performance.now();
      const said = await attempts();
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      return said;
    });
    if (longestMs < PAUSE_MS) return outcome;
  }
}

/** The answers of attempts made one after another. */
async function inTurn(howMany: number, attempt: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < howMany) answers.push(await attempt());
  return answers;
}

/** How many attempts the rules let through in this time. */
function mostWithin(seconds: number): number {
  let attempts = 4;
  for (let waited = pauseAfterAttempt(attempts, false); waited <= seconds; attempts += 1) {
    waited += pauseAfterAttempt(attempts + 1, false);
  }
  return attempts;
}

let lastAddress = 0;
/** An address nobody has used yet. */
function newAddress(): string {
  lastAddress += 1;
  return `198.51.${Math.floor(lastAddress / 250)}.${(lastAddress % 250) + 1}`;
}

describe("login limits", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("limits", {
      modules: ["sessions"],
      clock: fakeClock(),
      config: { sessions: { limitLogins: true } },
      replacements: { passwords: quickPasswords },
    });
  });
  after(() => api.close());

  const login = (email: string, password: string, address: string): Promise<Answer> =>
    api.ask("POST", "/auth/login", { body: { email, password }, headers: { "x-forwarded-for": address } });

  async function newAccount(address = newAddress()): Promise<{ email: string; password: string; address: string }> {
    const email = `${randomBytes(6).toString("hex")}@example.org`;
    const password = "correct horse battery";
    const answer = await api.ask("POST", "/auth/register", {
      body: { email, password, name: "Alice" },
      headers: { "x-forwarded-for": address },
    });
    expect(answer.status).to.equal(201);
    return { email, password, address };
  }

  it("let three attempts through, then make each failure wait longer", async () => {
    const said = await undisturbed(async (quickly) => {
      const { email } = await newAccount();
      const stranger = newAddress();
      const atOnce = (howMany: number) => quickly(() => inTurn(howMany, () => login(email, "wrong", stranger)));
      const first = await atOnce(5);
      await delay(PAUSE_MS + 50);
      return [...first, ...(await atOnce(2))];
    });
    const words = said.map(({ status, body, headers }) => [status, body.code, headers.get("retry-after")]);
    const refused = [401, "login.refused", null];
    expect(words).to.deep.equal([
      ...Array<unknown>(4).fill(refused),
      [429, "login.too_many", "1"],
      refused,
      [429, "login.too_many", "2"],
    ]);
  });

  it("let the pause grow to a quarter of an hour, at a trusted address to a minute", () => {
    const pauses = [1, 2, 3, 4, 5, 6, 10, 13, 14, 100].map((attempt) => pauseAfterAttempt(attempt, false));
    expect(pauses).to.deep.equal([0, 0, 0, 1, 2, 4, 64, 512, 900, 900]);
    expect(pauseAfterAttempt(100, true)).to.equal(60);
  });

  it("let no more than four of 64 racing guesses reach the password, and one more after each pause", async () => {
    const { email } = await newAccount();
    const stranger = newAddress();
    const startedAt = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => login(email, `guess ${index}`, stranger)),
    );
    const seconds = (performance.now() - startedAt) / 1000;
    const looked = answers.filter(({ body }) => body.code === "login.refused");
    // Four at once; where the machine took longer than the pause for the 64, what the pauses let through meanwhile.
    expect(mostWithin(0)).to.equal(4);
    expect(looked.length).to.be.within(1, mostWithin(seconds));
    expect(answers.filter(({ status }) => status === 429)).to.have.length(64 - looked.length);
  });

  it("stop one address that tries one password on many accounts (password spraying)", async () => {
    const sprayer = newAddress();
    const victims = await Promise.all(Array.from({ length: 3 }, () => newAccount()));
    const codes: string[] = [];
    for (let index = 0; index < LOGIN_LIMITS.address.limit + 10; index += 1) {
      codes.push((await login(`someone${index}@example.org`, "correct horse battery", sprayer)).body.code);
    }
    expect(codes.filter((code) => code === "login.refused")).to.have.length(LOGIN_LIMITS.address.limit);
    expect(codes.at(-1)).to.equal("login.too_many");
    const spared = await login(victims[0]!.email, victims[0]!.password, sprayer);
    expect(spared.status, "even the right password is no longer looked at").to.equal(429);
    expect((await login(victims[1]!.email, victims[1]!.password, victims[1]!.address)).status).to.equal(200);
  });

  it("do not let strangers with many addresses lock a holder out of a trusted address", async () => {
    const { email, password, address } = await newAccount();
    for (let index = 0; index < LOGIN_LIMITS.account.limit; index += 1) await login(email, "wrong", newAddress());
    expect((await login(email, "wrong", newAddress())).body.code).to.equal("login.too_many");
    expect((await login(email, password, newAddress())).status, "a new address has to wait").to.equal(429);
    expect((await login(email, password, address)).status, "the trusted address does not").to.equal(200);
  });

  it("do not let a stranger behind the same address use up what the holder has left", async () => {
    const { email, password, address } = await newAccount();
    for (let index = 0; index < LOGIN_LIMITS.address.limit + 1; index += 1)
      await login(`other${index}@example.org`, "wrong", address);
    expect((await login("another@example.org", "wrong", address)).status).to.equal(429);
    expect((await login(email, password, address)).status).to.equal(200);
  });

  it("forget failures once the password was right", async () => {
    const { email, password } = await newAccount();
    const place = newAddress();
    for (let round = 0; round < 3; round += 1) {
      await login(email, "wrong", place);
      await login(email, "wrong", place);
      expect((await login(email, password, place)).status).to.equal(200);
    }
  });

  it("treat unknown accounts like existing ones", async () => {
    const said = await undisturbed(async (quickly) => {
      const { email } = await newAccount();
      const [here, there] = [newAddress(), newAddress()];
      const existing = await quickly(() => inTurn(6, () => login(email, "wrong", here)));
      const unknown = await quickly(() => inTurn(6, () => login("nobody.here@example.org", "wrong", there)));
      return { existing, unknown };
    });
    const statuses = said.existing.map(({ status }) => status);
    expect(said.unknown.map(({ status }) => status)).to.deep.equal(statuses);
  });

  it("count guesses of the current password in a session that was left open", async () => {
    const said = await undisturbed(async (quickly) => {
      const { email, password, address } = await newAccount();
      const { sessionId: token } = (await login(email, password, address)).body;
      const headers = { "x-forwarded-for": address };
      const body = { currentPassword: "a guess", newPassword: "a wholly different phrase" };
      return quickly(() => inTurn(6, () => api.ask("POST", "/auth/password", { token, body, headers })));
    });
    const codes = said.map(({ body }) => body.code);
    expect(codes).to.deep.equal([...Array<string>(4).fill("password.wrong"), "login.too_many", "login.too_many"]);
  });

  it("limit how many accounts one address opens", async () => {
    const address = newAddress();
    const statuses = [];
    for (let index = 0; index < 21; index += 1) {
      const body = { email: `many${index}@example.org`, password: "correct horse battery", name: "Many" };
      statuses.push(
        (await api.ask("POST", "/auth/register", { body, headers: { "x-forwarded-for": address } })).status,
      );
    }
    expect(statuses.filter((status) => status === 201)).to.have.length(20);
    expect(statuses.at(-1)).to.equal(429);
  });
});
