import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import { startedState } from "../../../api/kyc/rules";
import { createKycStore } from "../../../api/kyc/store";
import type { KycConfig } from "../../../core/config/kyc";
import { movableClock } from "../../support/fakeClock";
import { eventually } from "../../support/eventually";
import { MOCK_PROVIDERS } from "../../support/kyc/mockProviders";
import { type KycFixture, kycFixture } from "../../support/kyc/kycFixture";
import type { ReviewState, MockProvider } from "../../support/kyc/mockProvider";

const DAY_SECONDS = 86_400;

describe("starting a verification", () => {
  const clock = movableClock();
  let persona: MockProvider;
  let veriff: MockProvider;
  let on: KycFixture;

  before(async () => {
    persona = await MOCK_PROVIDERS.persona();
    veriff = await MOCK_PROVIDERS.veriff();
    const kyc: KycConfig = {
      provider: "veriff",
      returnUrl: undefined,
      requiredFor: [],
      recheckSeconds: 600,
      ...veriff.config,
      ...persona.config,
    };
    on = await kycFixture("kyc_start", { kyc, clock });
  });

  after(async () => {
    expect(on.undeclared).to.deep.equal([]);
    await on.close();
    await Promise.all([persona.close(), veriff.close()]);
  });

  const verifications = () => on.context.mongo.collection<{ _id: string }>("kyc_verifications");
  const start = (userId: string) => on.call("POST", "/api/kyc/start-verification", { userId });

  function deliver(mock: MockProvider, sessionId: string, state: ReviewState) {
    const now = clock.now();
    const delivery = mock.sign(sessionId, state, {
      signedAtSeconds: Math.floor(now.getTime() / 1000),
      occurredAt: now,
    });
    return on.call("POST", `/api/webhooks/kyc-status/${mock.name}`, delivery);
  }

  it("waits for another request of the user that is under way, and takes over from one that died", async () => {
    const userId = (await on.newUser()).userId;
    const claim = { attemptId: "attempt-of-a-dead-process", since: clock.now() };
    await verifications().replaceOne({ _id: userId }, { claim }, { upsert: true });
    const waiting = start(userId);
    await delay(300);
    expect(veriff.sessionsOf(userId)).to.equal(0);
    clock.moveSeconds(31);
    expect((await waiting).status).to.equal(201);
    expect(veriff.sessionsOf(userId)).to.equal(1);
    expect(await on.kycOf(userId)).not.to.have.property("claim");
  });

  it("repeats its attempt's name when it takes over, so that the provider makes one session", async () => {
    const kyc: KycConfig = {
      provider: "persona",
      returnUrl: undefined,
      requiredFor: [],
      recheckSeconds: 600,
      ...persona.config,
    };
    const other = await kycFixture("kyc_start_persona", { kyc, clock });
    try {
      const userId = (await other.newUser()).userId;
      const first = await other.call("POST", "/api/kyc/start-verification", { userId });
      const { startedAt } = (await other.kycOf(userId)) as { startedAt: Date };
      // As the process left it that died between the provider's answer and our note of it.
      const attemptId = "attempt-1";
      const stored = other.context.mongo.collection<{ _id: string }>("kyc_verifications");
      for (let death = 0; death < 2; death += 1) {
        const claim = { attemptId, since: new Date(startedAt.getTime() - 60_000) };
        await stored.replaceOne({ _id: userId }, { claim });
        const again = await other.call("POST", "/api/kyc/start-verification", { userId });
        expect(again.status).to.equal(201);
        expect(again.body["sessionId"]).not.to.equal(first.body["sessionId"]);
      }
      expect(persona.sessionsOf(userId)).to.equal(2);
    } finally {
      await other.close();
    }
  });

  it("opens a new session when the old one's time is over, and ignores the old one from then on", async () => {
    const userId = (await on.newUser()).userId;
    const old = (await start(userId)).body.sessionId;
    clock.moveSeconds(7 * DAY_SECONDS + 1);
    const status = await on.call("GET", "/api/kyc/status", { userId });
    expect(status.body).to.deep.include({ status: "not_verified", substatus: "expired" });
    const renewed = await start(userId);
    expect(renewed.status).to.equal(201);
    expect(renewed.body["sessionId"]).not.to.equal(old);

    veriff.decide(old, "approved");
    expect((await deliver(veriff, old, "approved")).status).to.equal(200);
    await eventually("the delivery to be worked on", async () => {
      const entry = await on.context.mongo.collection("webhook_inbox").findOne({ "facts.decision.sessionId": old });
      return entry?.["outcome"] === "superseded";
    });
    expect(await on.kycOf(userId)).to.deep.include({ status: "pending", sessionId: renewed.body["sessionId"] });
  });

  it("opens no session when a review of the former one is heard of in between", async () => {
    const userId = (await on.newUser()).userId;
    const { sessionId } = (await start(userId)).body;
    const store = createKycStore(on.context.mongo);
    const before = (await store.find(userId)).state!;
    const claim = { attemptId: "attempt", since: clock.now() };
    expect(await store.claimSession(userId, { version: before.version, stale: null }, claim)).to.equal(true);
    veriff.decide(sessionId, "review");
    await deliver(veriff, sessionId, "review");
    await eventually("the review", async () => (await on.kycOf(userId))?.["substatus"] === "needs_review");

    const state = startedState(
      { provider: "veriff", sessionId: "another", expiresAt: clock.now() },
      before,
      clock.now(),
    );
    const session = { state, resumeHandle: null, checkAt: clock.now() };
    expect(await store.startSession(userId, claim, session)).to.equal(false);
    expect(await on.kycOf(userId)).to.deep.include({ sessionId, substatus: "needs_review" });
  });

  it("keeps the provider's link sealed, and only while it is of use", async () => {
    const userId = (await on.newUser()).userId;
    const { body } = await start(userId);
    const token = String(body["sessionUrl"]).split("/").at(-1)!;
    expect(JSON.stringify(await on.kycOf(userId))).not.to.contain(token);
    expect((await start(userId)).body["sessionUrl"]).to.equal(body["sessionUrl"]);
    const sessionId = body.sessionId;
    veriff.decide(sessionId, "approved");
    await deliver(veriff, sessionId, "approved");
    await eventually("the approval", async () => (await on.kycOf(userId))?.["status"] === "verified");
    expect(await on.kycOf(userId)).not.to.have.property("resumeHandle");
  });

  it("asks the provider what became of a session that cannot be resumed", async () => {
    const userId = (await on.newUser()).userId;
    const { body } = await start(userId);
    await verifications().updateOne({ _id: userId }, { $set: { resumeHandle: "sealed-with-a-secret-that-is-gone" } });
    expect((await start(userId)).body["code"]).to.equal("kyc.provider_unavailable");
    veriff.decide(body.sessionId, "expired");
    const renewed = await start(userId);
    expect(renewed.status).to.equal(201);
    expect(renewed.body["sessionId"]).not.to.equal(body["sessionId"]);
  });

  it("takes deliveries of a provider that was replaced, and none of a provider that is not configured", async () => {
    const userId = (await on.newUser()).userId;
    const expiresAt = new Date(clock.now().getTime() + 1e9);
    await verifications().replaceOne({ _id: userId }, { ...PENDING_AT_PERSONA, expiresAt }, { upsert: true });
    expect((await deliver(persona, PENDING_AT_PERSONA.sessionId, "approved")).status).to.equal(200);
    await eventually("the approval", async () => (await on.kycOf(userId))?.["status"] === "verified");
    const unknown = await on.call("POST", "/api/webhooks/kyc-status/stripe", { body: "{}" });
    expect([unknown.status, unknown.body["code"]]).to.deep.equal([404, "webhook.unknown_provider"]);
  });

  it("is refused without an account", async () => {
    const { userId, token } = await on.newUser();
    await on.context.mongo.collection<{ _id: string }>("users").deleteOne({ _id: userId });
    const refused = await on.ask("POST", "/api/kyc/start-verification", { token });
    expect(refused.body.code).to.equal("kyc.no_account");
  });
});

const PENDING_AT_PERSONA = {
  status: "pending",
  substatus: "opened",
  provider: "persona",
  sessionId: "inq_of_old",
  rejectionReason: null,
  mayRetry: true,
  version: 1,
  startedAt: new Date(0),
  updatedAt: new Date(0),
  decidedAt: null,
  occurredAt: null,
};
