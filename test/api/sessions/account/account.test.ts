import { expect } from "chai";
import { Wallet } from "ethers";
import { RECENT_LOGIN_SECONDS, SETTLE_SECONDS, continueErasure } from "../../../../api/sessions/account/actions";
import { createOperationStore } from "../../../../api/control/store";
import { createSessionStore } from "../../../../api/sessions/store";
import { createUserStore } from "../../../../api/sessions/users/store";
import { systemClock } from "../../../../core/clock";
import { registerUser } from "../../../support/accounts";
import {
  answerChallenge,
  confirm,
  issue,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { newController, newSuccessor, prepareNaming } from "../../../support/controlActors";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";

const DEGREE = "BS Confidential Studies";
const REFERENCE = "matriculation-4711";

type Registered = TestHolder & { password: string };

describe("an account", () => {
  let on: Fixture;
  let clock: MovableClock;
  let issuer: TestIssuer;
  let verifier: TestVerifier;

  before(async () => {
    clock = movableClock();
    on = await fixture("account", { chain: true, workers: true, clock });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
  });
  after(() => on.close());

  /** A user with a password and a wallet. */
  async function newPerson(): Promise<Registered> {
    const name = "Alicia Unmistakable";
    const user = await registerUser(on, name);
    const wallet = Wallet.createRandom();
    const did = await on.linkWallet(user.userId, wallet.address);
    return { ...user, name, wallet, did };
  }

  async function logIn({ email, password }: Registered): Promise<{ status: number; token: string }> {
    const { status, body } = await on.ask("POST", "/auth/login", { body: { email, password } });
    return { status, token: body.sessionId };
  }

  /** Everything in the database, as text. */
  async function dumpDatabase(): Promise<string> {
    const { db } = on.context.mongo;
    const dump: string[] = [];
    for (const { name } of await db!.listCollections().toArray()) {
      dump.push(JSON.stringify(await db!.collection(name).find({}).toArray()));
    }
    return dump.join("\n");
  }

  /** Every key of this installation in Redis with what it holds, as text. */
  async function dumpRedis(): Promise<string> {
    const { redis, config } = on.context;
    const dump: string[] = [];
    for (const key of await redis.keys(`${config.redis.prefix}*`)) {
      // Null when the key expired since it was listed.
      const value = (await redis.dumpBuffer(key)) as Buffer | null;
      dump.push(key, value?.toString("latin1") ?? "");
    }
    return dump.join("\n");
  }

  const usersStore = () => createUserStore(on.context);
  const isErased = (userId: string) =>
    eventually("the account to be erased", async () => (await usersStore().findErasure(userId))?.state === "erased");

  it("leaves no plain value in database, Redis or log after a whole story, and is exported with all of it", async () => {
    const alice = await newPerson();
    const issued = await issue(on, issuer, alice, {
      claims: { name: alice.name, degree: DEGREE },
      reference: REFERENCE,
      maxUsages: 2,
    });
    const credentialId = issued["credentialId"] as string;
    const jwt = issued["jwt"] as string;
    const foreign = `${jwt.slice(0, -4)}AAAA`;
    await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credential: foreign } });
    const requested = await requestVerification(on, verifier, credentialId);
    expect((await confirm(on, answerChallenge(requested, alice))).status).to.equal(200);
    await logIn({ ...alice, password: "a wrong password" });

    const plain = [alice.email, alice.name, DEGREE, REFERENCE, jwt, jwt.split(".")[1]!, foreign];
    const stored = { database: await dumpDatabase(), redis: await dumpRedis(), log: on.log() };
    for (const [where, text] of Object.entries(stored)) {
      for (const value of plain) expect(text.includes(value), `${value.slice(0, 30)} in ${where}`).to.equal(false);
    }

    const exported = await on.ask("GET", "/auth/account/export", { token: alice.token });
    expect(exported.status, exported.text).to.equal(200);
    expect(exported.headers.get("content-disposition")).to.equal(`attachment; filename="cairn-${alice.userId}.json"`);
    const data = exported.body["data"] as Record<string, Record<string, unknown>[]>;
    expect(data["account"]).to.include({ email: alice.email, name: alice.name });
    expect(data["wallets"]![0]).to.include({ did: alice.did });
    expect(data["credentials"]![0]).to.deep.include({ jwt, reference: REFERENCE, credentialId });
    expect(data["credentials"]![0]!["claims"]).to.deep.equal({ name: alice.name, degree: DEGREE });
    expect(data["usage"]![0]).to.include({ verifierName: "ACME", result: "SUCCESS" });
    expect(data["verifications"]).to.have.length(2);
    expect(Object.keys(data)).to.include.members(["sessions", "kyc", "notifications", "events", "controlOperations"]);
    expect(exported.text).to.not.include("passwordHash").and.not.include("tokenHash");
  });

  it("is erased after a recent login alone, once, however many ask; its address is free at once", async () => {
    const alice = await newPerson();
    const issued = await issue(on, issuer, alice, { reference: "erase-me" });
    const credentialId = issued["credentialId"] as string;
    const requested = await requestVerification(on, verifier, credentialId);
    clock.moveSeconds(RECENT_LOGIN_SECONDS);
    const refused = await on.ask("DELETE", "/auth/account", { token: alice.token });
    expect([refused.status, refused.body.code]).to.deep.equal([403, "account.login_not_recent"]);

    const sessions = await Promise.all(Array.from({ length: 16 }, () => logIn(alice)));
    const answers = await Promise.all(sessions.map(({ token }) => on.ask("DELETE", "/auth/account", { token })));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted.length).to.be.at.least(1);
    for (const { status, body } of answers) {
      expect(status === 202 || (status === 401 && body.code.startsWith("session."))).to.equal(true);
    }
    expect(new Set(accepted.map(({ body }) => body["since"])).size).to.equal(1);
    expect(accepted[0]!.body["remains"].join(" ")).to.include("on the chain cannot be erased");

    for (const { token } of sessions) {
      expect((await on.ask("GET", "/auth/session", { token })).status).to.equal(401);
    }
    expect((await logIn(alice)).status).to.equal(401);
    const { email, password, name } = alice;
    const again = await on.ask("POST", "/auth/register", { body: { email, password, name } });
    expect(again.status).to.equal(201);

    await eventually("the credential to be erased", async () => {
      const answered = await on.ask("GET", `/issuer/credentials/${credentialId}`, { token: issuer.apiKey });
      return answered.body["jwt"] === "" || answered.status === 404;
    });
    const late = await confirm(on, answerChallenge(requested, alice));
    expect([late.status, late.body.code]).to.deep.equal([404, "credential.unknown"]);

    clock.moveSeconds(SETTLE_SECONDS);
    await isErased(alice.userId);
    const database = await dumpDatabase();
    for (const value of [alice.did, alice.wallet.address.toLowerCase(), "erase-me"]) {
      expect(database.includes(value), value).to.equal(false);
    }
    // The wallet is free for whoever proves control of it, and the credential stays revocable.
    await on.linkWallet(again.body.userId, alice.wallet.address);
    expect(await on.modules.credentials.ports.findCredId(credentialId)).to.include({ credId: issued["credId"] });
  });

  it("names its changes of control and what was paid for it when exported, and neither leads to it once erased", async () => {
    const person = await newPerson();
    const alice = await newController(on);
    const asked = await on.ask("POST", "/control/name-successor", {
      body: await prepareNaming(on, alice, newSuccessor(alice.identity)),
      token: alice.token,
    });
    expect(asked.status, asked.text).to.equal(202);
    const operationId = asked.body["operationId"] as string;
    const { budgets } = on.context;
    const operations = createOperationStore(on.context.mongo);
    await eventually("it was paid for", async () => {
      return (await budgets.spentOn({ kind: "user", id: alice.userId })) !== null;
    });
    const part = on.modules.control.ports.personalData;
    const exported = await part.export({ userId: alice.userId, dids: [] });
    expect(exported["controlOperations"]).to.have.length(1);
    expect((exported["controlOperations"] as object[])[0]).to.include({
      operationId,
      identity: alice.identity,
      type: "NameSuccessor",
    });
    expect((exported["relayerSpending"] as { gas: number }).gas).to.be.greaterThan(0);
    const others = await part.export({ userId: person.userId, dids: [] });
    expect(others).to.deep.equal({ controlOperations: [], relayerSpending: null });

    await eventually("it is mined", async () => (await operations.find(operationId))?.state === "mined");
    await part.erase({ userId: alice.userId, dids: [] });
    await part.erase({ userId: alice.userId, dids: [] });
    expect((await operations.find(operationId))?.requestedBy).to.equal(null);
    expect(await budgets.spentOn({ kind: "user", id: alice.userId })).to.equal(null);
    for (const name of ["control_operations", "relayer_spending"]) {
      const stored = await on.context.mongo.collection(name).find({}).toArray();
      expect(JSON.stringify(stored).includes(alice.userId), name).to.equal(false);
    }
    expect(await part.export({ userId: alice.userId, dids: [] })).to.deep.equal({
      controlOperations: [],
      relayerSpending: null,
    });
  });

  it("opens no session for logins that race its erasure", async () => {
    const alice = await newPerson();
    const { token } = await logIn(alice);
    const [erased, ...logins] = await Promise.all([
      on.ask("DELETE", "/auth/account", { token }),
      ...Array.from({ length: 16 }, () => logIn(alice)),
      ...Array.from({ length: 16 }, () =>
        on.modules.sessions.ports.openSession({ userId: alice.userId, userAgent: undefined }).then(
          (opened) => ({ status: 200, token: opened.token }),
          () => ({ status: 401, token: "" }),
        ),
      ),
    ]);
    expect(erased.status).to.equal(202);
    for (const { token: opened } of logins.filter(({ status }) => status === 200)) {
      expect((await on.ask("GET", "/auth/session", { token: opened })).status).to.equal(401);
    }
  });

  it("is used or erased when a confirmation races its erasure, never left in between", async () => {
    const alice = await newPerson();
    const credentialId = (await issue(on, issuer, alice))["credentialId"] as string;
    const requested = await requestVerification(on, verifier, credentialId);
    const { token } = await logIn(alice);
    const [erased, ...confirmed] = await Promise.all([
      on.ask("DELETE", "/auth/account", { token }),
      ...Array.from({ length: 16 }, () => confirm(on, answerChallenge(requested, alice))),
    ]);
    expect(erased.status).to.equal(202);
    for (const { status } of confirmed) expect(status).to.be.oneOf([200, 404]);
    clock.moveSeconds(SETTLE_SECONDS);
    await isErased(alice.userId);
    expect((await dumpDatabase()).includes(alice.did)).to.equal(false);
  });

  it("is erased to the end when whoever erases it is killed at any step", async () => {
    await on.stopWorkers();
    const alice = await newPerson();
    await issue(on, issuer, alice);
    const { token } = await logIn(alice);
    expect((await on.ask("DELETE", "/auth/account", { token })).status).to.equal(202);
    const { sessions, devices, verification, credentials, kyc, notifications, control, wallets } = on.modules;
    const parts = [sessions, devices, verification, credentials, kyc, notifications, control, wallets].map(
      ({ ports }) => ports.personalData,
    );
    for (let step = 0; step < parts.length; step += 1) {
      const dying = parts.map((part, index) =>
        index === step ? { ...part, erase: () => Promise.reject(new Error("killed")) } : part,
      );
      const outcome = await continueErasure(
        {
          users: usersStore(),
          sessions: createSessionStore(on.context.mongo, on.context.config.sessions),
          clock: systemClock,
          didsOf: wallets.ports.didsOf,
          personalData: () => dying,
          appendUserEvent: notifications.ports.appendUserEvent,
          endDeviceSessions: devices.ports.endDeviceSessions,
        },
        alice.userId,
      ).catch((error: unknown) => (error as Error).message);
      expect(outcome).to.equal("killed");
      expect((await usersStore().findErasure(alice.userId))?.state).to.equal("erasing");
    }
    clock.moveSeconds(SETTLE_SECONDS);
    on.startWorkers();
    await isErased(alice.userId);
    const database = await dumpDatabase();
    for (const value of [alice.did, alice.email]) expect(database.includes(value), value).to.equal(false);
  });
});
