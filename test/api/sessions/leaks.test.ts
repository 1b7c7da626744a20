import { expect } from "chai";
import { registerUser } from "../../support/accounts";
import { cookieFrom } from "../../support/ask";
import { fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";

const AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const ADDRESS = "203.0.113.77";

describe("secrets", () => {
  let api: Fixture;
  const secrets: Record<string, string> = {};
  const personal = { email: "alice.leak@example.org", name: "Alice Leakproof" };

  before(async () => {
    api = await fixture("leaks", {
      modules: ["sessions"],
      clock: fakeClock(),
      config: { sessions: { limitLogins: true } },
    });
    secrets["password"] = "correct horse battery";
    secrets["next password"] = "a wholly different phrase";
    secrets["wrong password"] = "hunter2 hunter3 hunter4";
    const headers = { "user-agent": AGENT, "x-forwarded-for": ADDRESS };
    const registered = await api.ask("POST", "/auth/register", {
      body: { ...personal, password: secrets["password"] },
      headers,
    });
    secrets["token"] = registered.body.sessionId;
    const { email } = personal;
    const browser = await api.ask("POST", "/auth/login", {
      body: { email, password: secrets["password"], cookie: true },
      headers,
    });
    secrets["cookie token"] = cookieFrom(browser).split("=")[1]!;
    secrets["csrf token"] = browser.body.csrfToken;
    await api.ask("POST", "/auth/login", { body: { email, password: secrets["wrong password"] }, headers });
    await api.ask("POST", "/auth/login", { body: `{"email":"${email}","password":"${secrets["password"]}"`, headers });
    await api.ask("POST", "/auth/register", { body: { ...personal, password: secrets["password"] }, headers });
    await api.ask("GET", `/auth/session?token=${secrets["token"]}`, { token: secrets["token"], headers });
    const change = { currentPassword: secrets["password"], newPassword: secrets["next password"] };
    const changed = await api.ask("POST", "/auth/password", { token: secrets["token"], body: change, headers });
    expect(changed.status).to.equal(200);
    secrets["new token"] = changed.body.sessionId;
    await api.ask("POST", "/auth/logout", { token: secrets["new token"], headers });
    await api.ask("GET", "/auth/session", { token: secrets["new token"], headers });
  });
  after(() => api.close());

  it("are nowhere in a stolen database: it holds hashes and ciphertexts only", async () => {
    const { db } = api.context.mongo;
    const dump: string[] = [];
    for (const { name } of await db!.listCollections().toArray()) {
      dump.push(JSON.stringify(await db!.collection(name).find({}).toArray()));
    }
    const stolen = dump.join("\n");
    expect(stolen).to.include("$argon2id$");
    for (const [what, value] of Object.entries(personal)) expect(stolen.includes(value), what).to.equal(false);
    for (const [what, secret] of Object.entries(secrets)) {
      expect(stolen.includes(secret), what).to.equal(false);
      expect(stolen.includes(secret.replace("SES-", "")), what).to.equal(false);
    }
    expect(stolen).not.to.include(ADDRESS).and.not.to.include("Gecko");
  });

  it("open nothing when taken from the database", async () => {
    await registerUser(api, "Bob");
    const session = await api.context.mongo.collection("sessions").findOne({ revokedAt: null });
    const user = await api.context.mongo.collection("users").findOne({});
    const tokenHash = session?.["tokenHash"] as string;
    for (const token of [String(session?._id), tokenHash, `SES-${tokenHash}`, `SES-${tokenHash.slice(0, 43)}`]) {
      expect((await api.ask("GET", "/auth/session", { token })).status, token).to.equal(401);
    }
    const body = { email: personal.email, password: user?.["passwordHash"] as string };
    expect((await api.ask("POST", "/auth/login", { body })).status).to.equal(401);
  });

  it("are in no log line, nor is anything personal", () => {
    const log = api.log();
    expect(log).to.include("/auth/password");
    for (const [what, secret] of Object.entries(secrets)) expect(log.includes(secret), what).to.equal(false);
    for (const fact of [personal.email, personal.name, ADDRESS, "Gecko"])
      expect(log.includes(fact), fact).to.equal(false);
  });
});
