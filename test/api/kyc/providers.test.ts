import { expect } from "chai";
import { randomBytes, randomUUID } from "node:crypto";
import { KYC_PROVIDERS } from "../../../core/config/kyc";
import { listMailbox } from "../../../api/notifications/mailbox";
import { movableClock } from "../../support/fakeClock";
import { eventually } from "../../support/eventually";
import { MOCK_PROVIDERS } from "../../support/kyc/mockProviders";
import { type KycFixture, kycFixture } from "../../support/kyc/kycFixture";
import {
  type DeliveryOptions,
  type ReviewState,
  PERSONAL,
  type SignedDelivery,
  type MockProvider,
} from "../../support/kyc/mockProvider";
import { everythingIn, personalDataIn, type RedisTraffic, watchRedis } from "../../support/kyc/traces";
import { testRedisUrl } from "../../support/servers";

/** How each provider rejects a person; Stripe only ever asks for another try. */
const REJECTED: Record<MockProvider["name"], { status: string; substatus: string }> = {
  sandbox: { status: "rejected", substatus: "declined" },
  persona: { status: "rejected", substatus: "declined" },
  veriff: { status: "rejected", substatus: "declined" },
  onfido: { status: "rejected", substatus: "declined" },
  sumsub: { status: "rejected", substatus: "declined" },
  stripe: { status: "pending", substatus: "resubmission_requested" },
};

for (const name of KYC_PROVIDERS) {
  describe(`KYC with ${name}`, () => {
    const clock = movableClock();
    let mock: MockProvider;
    let on: KycFixture;
    let redisTraffic: RedisTraffic;

    before(async () => {
      mock = await MOCK_PROVIDERS[name]();
      const kyc = { provider: name, returnUrl: "https://app.example/done", requiredFor: [], recheckSeconds: 3_600 };
      on = await kycFixture(`kyc_${name}`, { kyc: { ...kyc, ...mock.config }, clock });
      redisTraffic = await watchRedis(testRedisUrl());
    });

    after(async () => {
      redisTraffic.end();
      await on.close();
      await mock.close();
    });

    async function start(userId?: string) {
      const user = userId ?? (await on.newUser()).userId;
      const answer = await on.call("POST", "/api/kyc/start-verification", { userId: user });
      return { userId: user, answer, sessionId: answer.body.sessionId };
    }

    /** The provider comes to a result and tells it. */
    function result(sessionId: string, state: ReviewState, options: Partial<DeliveryOptions> = {}): SignedDelivery {
      mock.decide(sessionId, state);
      return signed(sessionId, state, options);
    }

    function signed(sessionId: string, state: ReviewState, options: Partial<DeliveryOptions> = {}): SignedDelivery {
      const now = clock.now();
      return mock.sign(sessionId, state, {
        signedAtSeconds: Math.floor(now.getTime() / 1000),
        occurredAt: now,
        ...options,
      });
    }

    function deliver({ headers, body }: SignedDelivery, path = `/api/webhooks/kyc-status/${name}`) {
      return on.call("POST", path, { headers, body });
    }

    const kycOf = async (userId: string) => ({ ...(await on.kycOf(userId)) });
    const expire = (userId: string) =>
      on.context.mongo
        .collection<{ _id: string }>("kyc_verifications")
        .updateOne({ _id: userId }, { $set: { expiresAt: new Date(0) } });
    const entries = () => on.context.mongo.collection("webhook_inbox").countDocuments();

    function untilSubstatus(userId: string, substatus: string) {
      return eventually(`the substatus ${substatus}`, async () => {
        const kyc = await kycOf(userId);
        return kyc["substatus"] === substatus && kyc;
      });
    }

    async function lettersTo(userId: string) {
      return (await listMailbox(on.mailboxDir)).filter(({ to }) => to.includes(userId));
    }

    /** Until everything that was kept is worked on and every letter is sent. */
    function quiet() {
      return eventually("quiet", async () => {
        const open = await on.context.mongo.collection("webhook_inbox").countDocuments({ finishedAt: null });
        const unsent = await on.context.mongo.collection("notifications").countDocuments({ state: { $ne: "sent" } });
        return open + unsent === 0;
      });
    }

    it("gives a session with a way in, and the same one while it is pending", async () => {
      const { userId, answer, sessionId } = await start();
      expect(answer.status).to.equal(201);
      expect(answer.body["sessionUrl"] ?? answer.body["sdkToken"]).to.be.a("string");
      expect(await kycOf(userId)).to.deep.include({
        status: "pending",
        substatus: "opened",
        provider: name,
        sessionId,
      });
      const again = await start(userId);
      expect(again.answer.status).to.equal(200);
      expect(again.sessionId).to.equal(sessionId);
      expect(again.answer.body["sessionUrl"]).to.be.a("string");
      expect(mock.sessionsOf(userId)).to.equal(1);
    });

    it("verifies a user by a valid delivery, with one letter and one event", async () => {
      const { userId, sessionId } = await start();
      const answer = await deliver(result(sessionId, "approved"), "/api/webhooks/kyc-status");
      expect([answer.status, answer.body]).to.deep.equal([200, { received: true }]);
      expect(await untilSubstatus(userId, "approved")).to.deep.include({ status: "verified" });
      await quiet();
      expect(await lettersTo(userId)).to.have.length(1);
      const events = await on.context.mongo.collection("user_events").find({ userId }).toArray();
      expect(events.map(({ type, payload }) => [type, payload])).to.deep.equal([
        ["kyc.changed", { status: "verified", substatus: "approved", version: 2 }],
      ]);
      expect(await on.kycOf(userId)).not.to.have.any.keys("resumeHandle", "claim", "checkAt");
    });

    it("does not verify whom the provider rejects", async () => {
      const { userId, sessionId } = await start();
      await deliver(result(sessionId, "declined"));
      expect(await untilSubstatus(userId, REJECTED[name].substatus)).to.deep.include(REJECTED[name]);
    });

    it("refuses forged signatures and wrong secrets, and keeps no trace of them but a number", async () => {
      const { userId, sessionId } = await start();
      const kept = await entries();
      const genuine = result(sessionId, "approved");
      const forgeries: SignedDelivery[] = [
        signed(sessionId, "approved", {
          secret: name === "sandbox" ? `whsec_${randomBytes(32).toString("base64")}` : randomUUID(),
        }),
        { ...genuine, headers: { "content-type": "application/json" } },
        { ...genuine, body: Buffer.from(genuine.body.toString().replace(/[a-z]/, (letter) => letter.toUpperCase())) },
        { ...genuine, body: Buffer.concat([genuine.body, Buffer.from(" ")]) },
        { ...genuine, headers: mapped(genuine.headers, mock.signedHeaders, (value) => value.toUpperCase()) },
        { ...genuine, headers: mapped(genuine.headers, mock.signedHeaders, () => "") },
      ];
      for (const forgery of forgeries) {
        const answer = await deliver(forgery);
        expect([answer.status, answer.body["code"]]).to.deep.equal([401, "webhook.unverified"]);
      }
      expect(await entries()).to.equal(kept);
      expect(await kycOf(userId)).to.deep.include({ substatus: "opened", version: 1 });
      expect(await on.metrics()).to.match(new RegExp(`sender="${name}",outcome="refused_signature"} [1-9]`));
    });

    it("takes the old secret during a rotation", async () => {
      const { userId, sessionId } = await start();
      const answer = await deliver(result(sessionId, "approved", { secret: mock.secrets[1] }));
      expect(answer.status).to.equal(200);
      await untilSubstatus(userId, "approved");
    });

    it("answers a replay and sixteen duplicates with 200, and changes nothing", async () => {
      const { userId, sessionId } = await start();
      const kept = await entries();
      const delivery = result(sessionId, "approved");
      const answers = await Promise.all(Array.from({ length: 16 }, () => deliver(delivery)));
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
      await untilSubstatus(userId, "approved");
      await quiet();
      const before = await kycOf(userId);
      expect((await deliver(delivery)).status).to.equal(200);
      await quiet();
      expect(await entries()).to.equal(kept + 1);
      expect(await kycOf(userId)).to.deep.equal(before);
      expect(await lettersTo(userId)).to.have.length(1);
    });

    // Stripe has no reviews: what it works on is `processing` until it is decided.
    if (name !== "stripe") {
      it("waits for a review that outlives its session, opens no other meanwhile, and applies its decision", async () => {
        const { userId, sessionId } = await start();
        await deliver(result(sessionId, "review"));
        await untilSubstatus(userId, "needs_review");
        await expire(userId);
        const refused = await start(userId);
        expect([refused.answer.status, refused.answer.body["code"]]).to.deep.equal([409, "kyc.under_review"]);
        expect(mock.sessionsOf(userId)).to.equal(1);
        expect(await kycOf(userId)).to.deep.include({ sessionId, status: "pending", substatus: "needs_review" });

        clock.moveSeconds(1);
        await deliver(result(sessionId, "approved", { eventId: "late" }));
        expect(await untilSubstatus(userId, "approved")).to.deep.include({ status: "verified", sessionId });
      });
    }

    if (name !== "stripe" && name !== "sandbox") {
      it("asks what became of an expired session before it opens another, so that a lost review is found", async () => {
        const { userId, sessionId } = await start();
        mock.decide(sessionId, "review");
        await expire(userId);
        expect((await start(userId)).answer.body["code"]).to.equal("kyc.under_review");
        mock.decide(sessionId, "approved");
        expect((await start(userId)).answer.body["code"]).to.equal("kyc.already_verified");
        expect(mock.sessionsOf(userId)).to.equal(1);
      });
    }

    it("does not let a reordered delivery move a status back", async () => {
      const { userId, sessionId } = await start();
      const earlier = new Date(clock.now().getTime() - 20_000);
      const submitted = signed(sessionId, "submitted", { occurredAt: earlier, eventId: randomUUID() });
      await deliver(result(sessionId, "approved", { eventId: randomUUID() }));
      await untilSubstatus(userId, "approved");
      expect((await deliver(submitted)).status).to.equal(200);
      await quiet();
      expect(await kycOf(userId)).to.deep.include({ status: "verified", substatus: "approved", version: 2 });
      expect(await lettersTo(userId)).to.have.length(1);
    });

    it("moves on with deliveries in their order", async () => {
      const { userId, sessionId } = await start();
      await deliver(
        result(sessionId, "submitted", { eventId: randomUUID(), occurredAt: new Date(clock.now().getTime() - 9_000) }),
      );
      await untilSubstatus(userId, "in_progress");
      await deliver(result(sessionId, "approved", { eventId: randomUUID() }));
      await untilSubstatus(userId, "approved");
    });

    it("refuses a body that was cut short or is empty", async () => {
      const { userId, sessionId } = await start();
      const { headers, body } = result(sessionId, "approved");
      for (const cut of [body.subarray(0, -1), body.subarray(0, 20), Buffer.alloc(0)]) {
        expect((await deliver({ headers, body: cut })).status).to.equal(401);
      }
      expect(await kycOf(userId)).to.deep.include({ substatus: "opened" });
    });

    it("goes by the signed bytes and not by the media type", async () => {
      const { userId, sessionId } = await start();
      const { headers, body } = result(sessionId, "approved");
      const answer = await deliver({
        headers: { ...headers, "content-type": "application/x-www-form-urlencoded" },
        body,
      });
      expect(answer.status).to.equal(200);
      await untilSubstatus(userId, "approved");
    });

    it("refuses ten megabytes without reading them", async () => {
      const { headers } = signed("none", "approved");
      // A server may close while ten megabytes are still being sent; then there is no answer to read.
      const answer = await deliver({ headers, body: Buffer.alloc(10_485_760, 0x20) }).catch(() => undefined);
      expect(answer?.status ?? 413).to.equal(413);
    });

    it("says that a signed body is not what is documented, and repeats nothing of it", async () => {
      const odd = oddDelivery(mock, Math.floor(clock.now().getTime() / 1000));
      const answer = await deliver(odd);
      expect([answer.status, answer.body["code"]]).to.deep.equal([400, "webhook.malformed"]);
      expect(personalDataIn(JSON.stringify(answer.body))).to.deep.equal([]);
    });

    if (name !== "sandbox") {
      it("opens no session while the provider is down, and one afterwards", async () => {
        mock.outage = true;
        const { userId, answer } = await start();
        expect([answer.status, answer.body["code"]]).to.deep.equal([503, "kyc.provider_unavailable"]);
        mock.outage = false;
        expect((await start(userId)).answer.status).to.equal(201);
        expect(mock.sessionsOf(userId)).to.equal(1);
      });
    }

    const timed = name === "sandbox" || name === "persona" || name === "stripe";
    if (timed) {
      for (const [what, seconds] of [
        ["stale", -301],
        ["future", 302],
      ] as const) {
        it(`refuses a ${what} delivery`, async () => {
          const { userId, sessionId } = await start();
          const signedAtSeconds = Math.floor(clock.now().getTime() / 1000) + seconds;
          expect((await deliver(result(sessionId, "approved", { signedAtSeconds }))).status).to.equal(401);
          expect(await kycOf(userId)).to.deep.include({ substatus: "opened" });
          expect(await on.metrics()).to.match(new RegExp(`sender="${name}",outcome="refused_timestamp"} [1-9]`));
        });
      }

      it("takes a delivery just within 300 s of either side", async () => {
        for (const seconds of [-298, 298]) {
          const { userId, sessionId } = await start();
          const signedAtSeconds = Math.floor(clock.now().getTime() / 1000) + seconds;
          expect((await deliver(result(sessionId, "approved", { signedAtSeconds }))).status).to.equal(200);
          await untilSubstatus(userId, "approved");
        }
      });
    } else {
      it("trusts the provider's API over an old delivery that is replayed", async () => {
        const { userId, sessionId } = await start();
        const old = signed(sessionId, "approved", { occurredAt: new Date(0), eventId: "attempt-0" });
        mock.decide(sessionId, "declined");
        clock.moveSeconds(3 * 24 * 60 * 60);
        expect((await deliver(old)).status).to.equal(200);
        expect(await untilSubstatus(userId, "declined")).to.deep.include({ status: "rejected" });
      });

      it("loses no decision to an outage of the provider's API", async () => {
        const { userId, sessionId } = await start();
        const delivery = result(sessionId, "approved");
        mock.outage = true;
        expect((await deliver(delivery)).status).to.equal(200);
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(await kycOf(userId)).to.deep.include({ substatus: "opened" });
        mock.outage = false;
        await untilSubstatus(userId, "approved");
      });
    }

    it("declares every answer it gives", () => {
      expect(on.undeclared).to.deep.equal([]);
    });

    it("leaves no document, address, name or payload in MongoDB, in Redis or in a log line", async () => {
      await quiet();
      const log = on.log();
      expect(log.split("\n").length).to.be.greaterThan(20);
      expect(redisTraffic.text()).to.contain("webhook-inbox-kyc");
      expect(Object.values(PERSONAL).length).to.equal(5);
      expect(personalDataIn(await everythingIn(on.context.mongo))).to.deep.equal([]);
      expect(personalDataIn(redisTraffic.text())).to.deep.equal([]);
      expect(personalDataIn(log)).to.deep.equal([]);
    });
  });
}

function mapped(
  headers: Record<string, string>,
  names: string[],
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, names.includes(name) ? change(value) : value]),
  );
}

/** A delivery the provider really signed, over a body of another form that is full of personal data. */
function oddDelivery(mock: MockProvider, signedAtSeconds: number): SignedDelivery {
  const stringify = JSON.stringify;
  try {
    // The mock provider signs whatever it serializes.
    JSON.stringify = () => stringify({ surprise: PERSONAL });
    return mock.sign("none", "approved", { signedAtSeconds, occurredAt: new Date(0) });
  } finally {
    JSON.stringify = stringify;
  }
}
