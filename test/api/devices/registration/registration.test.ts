import { expect } from "chai";
import { type KeyObject, sign } from "node:crypto";
import { createCodes } from "../../../../api/devices/registration/codes";
import { createEmailBudget } from "../../../../api/devices/registration/budgets";
import { listMailbox } from "../../../../api/notifications/mailbox";
import { randomId } from "../../../../core/crypto";
import type { DomainError } from "../../../../core/errors";
import { possessionSigningBytes } from "../../../../core/keys/devicePossession";
import { registerUser } from "../../../support/accounts";
import type { Answer } from "../../../support/ask";
import { deviceKey, eventsOf } from "../../../support/deviceActors";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";

const SEND = "/api/v1/public/auth/send-email-code";
const CONFIRM = "/api/v1/public/auth/confirm-email-code";

interface Key {
  publicKey: Buffer;
  privateKey: KeyObject;
}

describe("registering a device by a mailed code", () => {
  let api: Fixture;
  let clock: MovableClock;
  before(async () => {
    clock = movableClock();
    api = await fixture("device_registration", {
      modules: ["sessions", "devices", "notifications", "wallets"],
      clock,
      workers: true,
    });
  });
  after(() => api.close());

  const freshEmail = () => `${randomId()}@example.com`;
  const challenges = () => api.context.mongo.collection<{ _id: string }>("email_challenges");
  const sessionsOf = (userId: string) => api.context.mongo.collection("device_sessions").find({ userId }).toArray();
  const codeOf = (challengeId: string) => createCodes(api.context.keys)(challengeId);
  const accountOf = (email: string) => api.modules.sessions.ports.accounts.ofEmail(email);
  const outcome = ({ status, body }: Answer) => [status, body.code];

  async function send(email: string): Promise<string> {
    const answer = await api.askAsGateway("POST", SEND, { body: { email }, issuedAt: clock.now() });
    expect(answer.status).to.equal(200);
    return answer.body["challenge_id"] as string;
  }

  function proofOf({ publicKey, privateKey }: Key, challengeId: string): string {
    return sign(null, possessionSigningBytes({ challengeId, publicKey }), privateKey).toString("base64url");
  }

  async function bodyFor(challengeId: string, key: Key, changes: Record<string, unknown> = {}) {
    return {
      challenge_id: challengeId,
      code: await codeOf(challengeId),
      public_key: key.publicKey.toString("base64url"),
      proof: proofOf(key, challengeId),
      device_name: "Alice's phone",
      ...changes,
    };
  }

  const confirm = async (challengeId: string, key: Key, changes: Record<string, unknown> = {}) =>
    api.askAsGateway("POST", CONFIRM, { body: await bodyFor(challengeId, key, changes), issuedAt: clock.now() });

  /** Another code than the right one. */
  const wrongCode = async (challengeId: string) =>
    String((Number(await codeOf(challengeId)) + 1) % 1e6).padStart(6, "0");

  async function mailTo(email: string) {
    const { mail } = api.context.config;
    const folder = mail !== undefined && "mailboxDir" in mail ? mail.mailboxDir : "";
    return eventually("the mail", async () => (await listMailbox(folder)).find(({ to }) => to.includes(email)));
  }

  it("mails six digits, opens an account without a password, and registers the key", async () => {
    const email = freshEmail();
    const challengeId = await send(` ${email.toUpperCase()} `);
    const { text, subject } = await mailTo(email);
    const code = /\b\d{6}\b/.exec(text)?.[0];
    expect(code).to.equal(await codeOf(challengeId));
    expect(subject).to.contain(code);
    const key = deviceKey();
    const answer = await confirm(challengeId, key, { code });
    expect(answer.status).to.equal(200);
    const session = await api.modules.devices.ports.readDeviceSession(answer.body["device_session_id"] as string);
    expect(session).to.include({ state: "active", publicKey: key.publicKey.toString("base64url") });
    const account = await accountOf(email);
    expect(account).to.deep.equal({ userId: session?.userId, passwordVersion: 0, isConfirmed: true });
    const login = await api.ask("POST", "/auth/login", { body: { email, password: "" } });
    expect(outcome(login)).to.deep.equal([401, "login.refused"]);
  });

  it("stores the code nowhere, and neither e-mail address nor device's name in plain", async () => {
    const email = freshEmail();
    const challengeId = await send(email);
    await confirm(challengeId, deviceKey());
    const stored = JSON.stringify(await challenges().findOne({ _id: challengeId }));
    for (const secret of [await codeOf(challengeId), email, "phone"]) expect(stored).to.not.contain(secret);
    expect(api.log())
      .to.not.contain(email)
      .and.not.contain(`"${await codeOf(challengeId)}"`);
  });

  it("does the same for an address that has an account and one that has none", async () => {
    const known = await registerUser(api);
    const emails = [known.email, freshEmail()];
    const calls: string[][] = [];
    // Their sweeps ask the database as well.
    await api.stopWorkers();
    for (const email of emails) {
      const asked: string[] = [];
      api.context.mongo.set("debug", (collection: string, method: string) => {
        asked.push(`${collection}.${method}`);
      });
      const answer = await api.askAsGateway("POST", SEND, { body: { email }, issuedAt: clock.now() });
      api.context.mongo.set("debug", false);
      expect(Object.keys(answer.body)).to.deep.equal(["challenge_id"]);
      calls.push(asked);
    }
    api.startWorkers();
    for (const email of emails) expect((await mailTo(email)).text).to.match(/^Hello,\n/);
    expect(calls[0]).to.deep.equal(calls[1]).and.deep.equal(["email_challenges.insertOne"]);
  });

  describe("attempts", () => {
    it("are five, of any number of racing guesses; then the right code is refused as well", async () => {
      const challengeId = await send(freshEmail());
      const code = await wrongCode(challengeId);
      const key = deviceKey();
      const answers = await Promise.all(Array.from({ length: 64 }, () => confirm(challengeId, key, { code })));
      const wrong = answers.filter(({ body }) => body.code === "email_code.wrong");
      expect(wrong.map(({ body }) => body["attemptsLeft"])).to.have.members([4, 3, 2, 1, 0]);
      expect(answers.filter(({ body }) => body.code === "email_code.exhausted")).to.have.length(59);
      expect(outcome(await confirm(challengeId, key))).to.deep.equal([410, "email_code.exhausted"]);
    });

    it("end with the tenth minute, to the second", async () => {
      const challengeId = await send(freshEmail());
      clock.moveSeconds(600);
      expect(outcome(await confirm(challengeId, deviceKey()))).to.deep.equal([410, "email_code.expired"]);
    });

    it("are not spent by a weak key, a key that is none, or a proof of another key or challenge", async () => {
      const challengeId = await send(freshEmail());
      const key = deviceKey();
      const weak = { publicKey: Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]), privateKey: key.privateKey };
      const malformed = { publicKey: Buffer.alloc(32, 0xff), privateKey: key.privateKey };
      expect(outcome(await confirm(challengeId, weak))).to.deep.equal([400, "key.weak"]);
      expect(outcome(await confirm(challengeId, malformed))).to.deep.equal([400, "key.malformed"]);
      const proofs = [proofOf(deviceKey(), challengeId), proofOf(key, randomId())];
      for (const proof of proofs) {
        expect(outcome(await confirm(challengeId, key, { proof }))).to.deep.equal([400, "key.possession_unproven"]);
      }
      expect((await confirm(challengeId, key)).status).to.equal(200);
    });

    it("for a challenge that does not exist are refused as such", async () => {
      expect(outcome(await confirm(randomId(), deviceKey()))).to.deep.equal([404, "email_code.unknown"]);
    });
  });

  describe("the right code", () => {
    it("registers one session, however many confirm it with the same key at once", async () => {
      const email = freshEmail();
      const challengeId = await send(email);
      const key = deviceKey();
      const answers = await Promise.all(Array.from({ length: 64 }, () => confirm(challengeId, key)));
      const confirmed = answers.filter(({ status }) => status === 200);
      expect(confirmed.length).to.be.greaterThan(0);
      expect(new Set(confirmed.map(({ body }) => body["device_session_id"])).size).to.equal(1);
      const others = answers.filter(({ status }) => status !== 200);
      expect(others.every(({ body }) => body.code === "email_code.exhausted")).to.equal(true);
      const { userId } = (await accountOf(email))!;
      expect(await sessionsOf(userId)).to.have.length(1);
      const again = await confirm(challengeId, key);
      expect(again.body).to.deep.equal(confirmed[0]?.body);
    });

    it("registers one of 64 keys that race for it", async () => {
      const email = freshEmail();
      const challengeId = await send(email);
      const answers = await Promise.all(Array.from({ length: 64 }, () => confirm(challengeId, deviceKey())));
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      const { userId } = (await accountOf(email))!;
      expect(await sessionsOf(userId)).to.have.length(1);
      expect(outcome(await confirm(challengeId, deviceKey()))).to.deep.equal([409, "email_code.used"]);
    });

    it("is needed to repeat a confirmation, too", async () => {
      const challengeId = await send(freshEmail());
      const key = deviceKey();
      expect((await confirm(challengeId, key)).status).to.equal(200);
      const code = await wrongCode(challengeId);
      expect(outcome(await confirm(challengeId, key, { code }))).to.deep.equal([401, "email_code.wrong"]);
    });

    it("of a second device enters the account that the first one confirmed", async () => {
      const email = freshEmail();
      const first = await confirm(await send(email), deviceKey());
      const second = await confirm(await send(email), deviceKey());
      expect([first.status, second.status]).to.deep.equal([200, 200]);
      const { userId } = (await accountOf(email))!;
      expect(await sessionsOf(userId)).to.have.length(2);
    });
  });

  describe("an account whose address nobody confirmed", () => {
    it("is not taken over by a code alone", async () => {
      const { email, userId } = await registerUser(api);
      const answer = await confirm(await send(email), deviceKey());
      expect(outcome(answer)).to.deep.equal([403, "account.password_needed"]);
      expect(await sessionsOf(userId)).to.have.length(0);
      expect((await accountOf(email))?.isConfirmed).to.equal(false);
    });

    it("is entered with its password, and confirmed from then on", async () => {
      const { email, password, token, userId } = await registerUser(api);
      const challengeId = await send(email);
      const key = deviceKey();
      const wrong = await confirm(challengeId, key, { password: "not the password" });
      expect(outcome(wrong)).to.deep.equal([403, "password.wrong"]);
      expect((await confirm(challengeId, key, { password })).status).to.equal(200);
      expect((await api.ask("GET", "/auth/session", { token })).body["emailVerifiedAt"]).to.be.a("string");
      expect((await confirm(await send(email), deviceKey())).status).to.equal(200);
      expect(await sessionsOf(userId)).to.have.length(2);
      expect((await api.ask("POST", "/auth/login", { body: { email, password } })).status).to.equal(200);
    });

    it("is reset on request: password, sessions and wallets' links end, the new device stays", async () => {
      const { email, password, token, userId } = await registerUser(api);
      await api.linkWallet(userId, `0x${"ab".repeat(20)}`);
      const key = deviceKey();
      const challengeId = await send(email);
      const answer = await confirm(challengeId, key, { reset: true });
      expect(answer.status).to.equal(200);
      const deviceSessionId = answer.body["device_session_id"] as string;
      expect((await api.modules.devices.ports.readDeviceSession(deviceSessionId))?.state).to.equal("active");
      expect((await api.ask("GET", "/auth/session", { token })).body.code).to.equal("session.revoked");
      const login = await api.ask("POST", "/auth/login", { body: { email, password } });
      expect(outcome(login)).to.deep.equal([401, "login.refused"]);
      expect(await api.modules.wallets.ports.walletsOf(userId)).to.deep.equal([]);
      expect((await accountOf(email))?.isConfirmed).to.equal(true);
      expect((await eventsOf(api, userId)).map(({ type }) => type)).to.deep.equal(["session.invalidated"]);
      expect((await confirm(challengeId, key, { reset: true })).body).to.deep.equal(answer.body);
      expect((await api.modules.devices.ports.readDeviceSession(deviceSessionId))?.state).to.equal("active");
    });

    it("is reset or entered, not both", async () => {
      const { email } = await registerUser(api);
      const both = await confirm(await send(email), deviceKey(), { reset: true, password: "some password" });
      expect(outcome(both)).to.deep.equal([400, "request.invalid"]);
    });
  });

  it("mails by the sweep what Redis forgot", async () => {
    await api.stopWorkers();
    const email = freshEmail();
    await send(email);
    const keys = await api.context.redis.keys(`${api.context.config.redis.prefix}:email-codes*`);
    if (keys.length > 0) await api.context.redis.del(...keys);
    api.startWorkers();
    expect((await mailTo(email)).text).to.match(/\b\d{6}\b/);
  });

  it("limits the codes of one e-mail address to one a minute, five an hour and ten a day", async () => {
    const { redis, config } = api.context;
    const take = createEmailBudget(api.context);
    const email = freshEmail();
    const forget = async (window: string) => {
      const keys = await redis.keys(`${config.redis.prefix}:limit:email-code-${window}*`);
      if (keys.length > 0) await redis.del(...keys);
    };
    const attempt = () =>
      take(email).then(
        () => "sent",
        (error: unknown) => (error as DomainError).code,
      );
    expect([await attempt(), await attempt()]).to.deep.equal(["sent", "request.too_many"]);
    const outcomes: string[] = [];
    for (let sent = 1; sent < 12; sent += 1) {
      await forget("minute");
      if (sent === 5) {
        outcomes.push(await attempt());
        await forget("minute");
        await forget("hour");
      }
      outcomes.push(await attempt());
    }
    expect(outcomes.map((code) => code === "sent")).to.deep.equal([
      ...[true, true, true, true],
      false,
      ...[true, true, true, true, true],
      ...[false, false],
    ]);
  });
});
