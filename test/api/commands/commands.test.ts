import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { hashMessage, TypedDataEncoder, Wallet } from "ethers";
import { commandQuery, type CommandRoute, COMMANDS, type CommandType } from "../../../core/internalApi";
import type { Answer } from "../../support/ask";
import {
  answerChallenge,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../support/credentialActors";
import { type Fixture, fixture, type TestDevice } from "../../support/fixture";
import { askAsGateway } from "../../support/serviceTokens";
import { startChild } from "../../support/startChild";

describe("commands", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;
  let phone: TestDevice;

  before(async () => {
    on = await fixture("commands", { chain: true, workers: true });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
    phone = await on.newDevice(alice.userId);
  });

  after(() => on.close());

  /** Sends a command as a gateway does: the payload of a read as the query, that of a write as the body. */
  function send(type: CommandType, payload: object = {}, { of = phone, requestId = randomUUID() } = {}) {
    const { method, path }: CommandRoute = COMMANDS[type];
    const { userId, deviceSessionId } = of;
    const as = { userId, deviceSessionId, requestId };
    const query = commandQuery(payload)?.toString() ?? "";
    if (method === "get") return on.askAsGateway("GET", `${path}?${query}`, as);
    return on.askAsGateway(method.toUpperCase(), path, { ...as, body: payload });
  }
  const outcome = ({ status, body }: Answer) => [status, body.code];

  it("are all served, on the internal port alone, each for the operation that it does", () => {
    const served = on.internal.endpoints.filter(({ auth }) => auth === "command");
    const names = served.map(({ method, path }) => `${method} ${path}`).sort();
    expect(names).to.deep.equal(
      Object.values(COMMANDS)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    );
    const published = new Set(on.endpoints.map(({ method, path }) => `${method.toUpperCase()} ${path}`));
    for (const { does, path } of served) {
      if (path !== COMMANDS["wallet.challenge"].path) expect(published.has(does ?? ""), path).to.equal(true);
      expect(on.endpoints.some((endpoint) => endpoint.path === path)).to.equal(false);
    }
  });

  it("refuse what the operation does not know, and name it", async () => {
    const answer = await send("credentials.list", { limit: 20, colour: "red" });
    expect([answer.status, answer.body.code, answer.body.errors.map(({ field }) => field)]).to.deep.equal([
      400,
      "request.invalid",
      ["query.colour"],
    ]);
    const write = await send("profile.update", { name: "Alice", email: "mallory@example.com" });
    expect(write.body.errors.map(({ field }) => field)).to.deep.equal(["body.email"]);
    expect((await send("session.revoke", {})).body.errors.map(({ field }) => field)).to.deep.equal(["body.id"]);
  });

  it("list and end sessions: session.list, session.revoke", async () => {
    const tablet = await on.newDevice(alice.userId);
    const listed = await send("session.list");
    const current = listed.body.sessions.filter((session) => session.current);
    expect(current.map(({ id }) => id)).to.deep.equal([phone.deviceSessionId]);
    expect(listed.body.sessions.map(({ id }) => id)).to.include(tablet.deviceSessionId);
    const ended = await send("session.revoke", { id: tablet.deviceSessionId });
    expect([ended.status, ended.body]).to.deep.equal([200, {}]);
    expect(outcome(await send("session.list", {}, { of: tablet }))).to.deep.equal([401, "session.revoked"]);
    const bob = await on.newUser();
    const foreign = await on.newDevice(bob.userId);
    expect(outcome(await send("session.revoke", { id: foreign.deviceSessionId }))).to.deep.equal([
      404,
      "session.not_found",
    ]);
  });

  it("are of nobody else's device: the session must be the user's", async () => {
    const bob = await on.newUser();
    const forged = { userId: bob.userId, deviceSessionId: phone.deviceSessionId };
    expect(outcome(await on.askAsGateway("GET", COMMANDS["session.list"].path, forged))).to.deep.equal([
      401,
      "session.unknown",
    ]);
  });

  it("change the name: profile.update, and PATCH /auth/profile for browsers", async () => {
    const updated = await send("profile.update", { name: "  Alice Jones " });
    expect([updated.status, updated.body]).to.deep.equal([
      200,
      { userId: alice.userId, email: alice.email, name: "Alice Jones" },
    ]);
    expect((await on.ask("GET", "/auth/session", { token: alice.token })).body["name"]).to.equal("Alice Jones");
    const again = await on.ask("PATCH", "/auth/profile", { token: alice.token, body: { name: "Alice Smith" } });
    expect([again.status, again.body["name"]]).to.deep.equal([200, "Alice Smith"]);
    for (const name of ["", " ", "a".repeat(201), "line\nbreak"]) {
      expect(outcome(await send("profile.update", { name })), JSON.stringify(name)).to.deep.equal([
        400,
        "request.invalid",
      ]);
    }
    expect((await on.ask("PATCH", "/auth/profile", { body: { name: "Eve" } })).body.code).to.equal("session.missing");
  });

  it("read credentials: credentials.list, read, share and usage", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const listed = await send("credentials.list", { limit: 1 });
    expect(listed.body["credentials"][0].credentialId).to.equal(credentialId);
    const read = await send("credentials.read", { id: credentialId });
    expect(read.body["credentialId"]).to.equal(credentialId);
    const published = await on.ask("GET", `/credentials/${credentialId}`, { token: alice.token });
    expect(read.body).to.deep.equal(published.body);
    const shared = await send("credentials.share", { id: credentialId });
    expect(shared.body["payload"].credentialId).to.equal(credentialId);
    expect((await send("credentials.share", { id: credentialId, format: "png" })).body.code).to.equal(
      "request.invalid",
    );
    const usage = await send("credentials.usage", { id: credentialId, limit: 5 });
    expect(usage.body).to.deep.equal({ entries: [], next: null });
    const stranger = await on.newDevice((await on.newUser()).userId);
    for (const type of ["credentials.read", "credentials.share", "credentials.usage"] as const) {
      const refused = await send(type, { id: credentialId }, { of: stranger });
      expect(outcome(refused), type).to.deep.equal([404, "credential.unknown"]);
    }
  });

  it("list what verifiers ask of all credentials, and confirm: verification.requests.list, verification.confirm", async () => {
    const holder = await newHolder(on);
    const device = await on.newDevice(holder.userId);
    const list = async () =>
      (await send("verification.requests.list", {}, { of: device })).body["requests"] as unknown[];
    expect(await list()).to.deep.equal([]);
    const first = await issue(on, issuer, holder);
    const second = await issue(on, issuer, holder);
    const asked = await requestVerification(on, verifier, first.credentialId);
    const other = await requestVerification(on, await newVerifier(on, "Another"), second.credentialId);
    const open = (requested: Answer["body"], name: string) => ({
      verificationId: requested["verificationId"],
      credential: requested["credential"],
      challenge: requested["challenge"],
      name,
    });
    const shown = (await list()) as { verificationId: string; verifier: { name: string } }[];
    expect(shown.map(({ verifier: { name }, ...rest }) => ({ ...rest, name }))).to.have.deep.members([
      open(asked, "ACME"),
      open(other, "Another"),
    ]);
    // Browsers have the same list.
    const published = await on.ask("GET", "/verify/requests", { token: holder.token });
    expect(published.body["requests"]).to.deep.equal(shown);
    expect((await on.ask("GET", "/verify/requests", { token: alice.token })).body).to.deep.equal({ requests: [] });

    const confirmed = await send("verification.confirm", answerChallenge(asked, holder), { of: device });
    expect([confirmed.status, confirmed.body["status"]]).to.deep.equal([200, "verified"]);
    expect(await list()).to.have.length(1);
    const usage = await send("credentials.usage", { id: first.credentialId }, { of: device });
    expect(usage.body["entries"].map(({ result }: { result: string }) => result)).to.deep.equal(["SUCCESS"]);
  });

  it("record the address of the gateway's caller, not the gateway's", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const { deviceSessionId, userId } = phone;
    const asked = { userId, deviceSessionId, clientAddress: "198.51.100.77", body: answer };
    expect((await on.askAsGateway("POST", COMMANDS["verification.confirm"].path, asked)).status).to.equal(200);
    const [entry] = await on.context.mongo.collection("credential_usage_log").find({ credentialId }).toArray();
    expect(entry!["ipAddress"]).to.equal("198.51.100.77");
  });

  it("link, list, anchor and unlink wallets: wallet.challenge, link, list, anchor, unlink", async () => {
    const wallet = Wallet.createRandom();
    const walletAddress = wallet.address.toLowerCase();
    const challenge = await send("wallet.challenge", { walletAddress });
    expect(challenge.status, challenge.text).to.equal(201);
    const signature = wallet.signingKey.sign(hashMessage(challenge.body["message"])).serialized;
    const { domain, types, message } = challenge.body["typedData"];
    const { EIP712Domain: _domain, ...own } = types;
    const registrationSignature = wallet.signingKey.sign(TypedDataEncoder.hash(domain, own, message)).serialized;
    const nonce = challenge.body["nonce"];
    // A challenge is its session's: another device of the same user cannot answer it.
    const tablet = await on.newDevice(alice.userId);
    const stolen = await send("wallet.link", { walletAddress, nonce, signature }, { of: tablet });
    expect(outcome(stolen)).to.deep.equal([404, "wallet.challenge_unknown"]);

    const linked = await send("wallet.link", { walletAddress, nonce, signature });
    expect([linked.status, linked.body["walletAddress"]]).to.deep.equal([201, walletAddress]);
    const listed = await send("wallet.list");
    expect(listed.body["wallets"].map((one: { walletAddress: string }) => one.walletAddress)).to.include(walletAddress);
    const fresh = await send("wallet.challenge", { walletAddress, purpose: "anchor" });
    const anchor = { walletAddress, nonce: fresh.body["nonce"], registrationSignature };
    expect(outcome(await send("wallet.anchor", anchor))[0]).to.be.oneOf([202, 403]);
    expect((await send("wallet.unlink", { walletAddress })).body).to.deep.equal({});
    expect(outcome(await send("wallet.unlink", { walletAddress }))).to.deep.equal([404, "wallet.not_found"]);
    expect((await send("wallet.challenge", { walletAddress, purpose: "login" })).body.code).to.equal("request.invalid");
  });

  it("verify an identity: kyc.start, kyc.status", async () => {
    expect((await send("kyc.status")).body["status"]).to.equal("not_verified");
    const started = await send("kyc.start");
    expect([started.status, started.body["status"]]).to.deep.equal([201, "pending"]);
    expect((await send("kyc.status")).body["status"]).to.equal("pending");
  });

  it("make one challenge, however many of 64 with one id arrive at once", async () => {
    const walletAddress = Wallet.createRandom().address.toLowerCase();
    const requestId = randomUUID();
    const raced = await Promise.all(
      Array.from({ length: 64 }, () => send("wallet.challenge", { walletAddress }, { requestId })),
    );
    const answered = raced.filter(({ status }) => status === 201);
    expect(answered).not.to.have.length(0);
    expect(raced.every(({ status, body }) => status === 201 || body.code === "command.in_progress")).to.equal(true);
    const again = await send("wallet.challenge", { walletAddress }, { requestId });
    for (const { text } of answered) expect(text).to.equal(again.text);
    const challenges = on.context.mongo.collection("wallet_challenges");
    expect(await challenges.countDocuments({ walletAddress })).to.equal(1);
  });

  it("take one use when the API is killed after it was taken, and the command is sent again", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    const requestId = randomUUID();
    const doomed = await startChild(on, {
      modules: ["sessions", "devices", "verification", "commands"],
      gatewayKey: on.internal.key.publicKey,
      withChain: true,
      dieAt: "taken",
    });
    const { userId, deviceSessionId } = phone;
    const asked = { userId, deviceSessionId, requestId, body: answer };
    const at = { url: doomed.internalUrl, key: on.internal.key };
    const { path } = COMMANDS["verification.confirm"];
    const sent = askAsGateway(at, "POST", path, asked).catch(() => undefined);
    expect(await doomed.ended).to.equal("SIGKILL");
    expect(await sent).to.equal(undefined);
    expect(outcome(await on.askAsGateway("POST", path, asked))).to.deep.equal([409, "command.in_progress"]);
    // 60 s later.
    await on.context.mongo
      .collection<{ _id: string }>("device_commands")
      .updateOne({ _id: `${deviceSessionId}/${requestId}` }, { $set: { startedAt: new Date(Date.now() - 60_000) } });
    const again = await on.askAsGateway("POST", path, asked);
    expect([again.status, again.body["status"]]).to.deep.equal([200, "verified"]);
    const read = await send("credentials.read", { id: credentialId });
    expect([read.body["status"], read.body["usageCount"]]).to.deep.equal(["USED", 1]);
    const usage = await send("credentials.usage", { id: credentialId });
    expect(usage.body["entries"]).to.have.length(1);
  });
});
