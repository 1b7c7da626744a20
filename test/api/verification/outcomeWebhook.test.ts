import { expect } from "chai";
import { handOverOutcome, type OutcomeWebhook } from "../../../api/verification/outcomeWebhook";
import { EXPIRY_GRACE_SECONDS } from "../../../api/verification/rules";
import { createVerificationStore } from "../../../api/verification/store";
import { createVerifierStore } from "../../../api/verification/verifiers/store";
import { createDeliveryStore } from "../../../api/webhooks/delivery/store";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../support/credentialActors";
import { eventually } from "../../support/eventually";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";
import { expectSigned, startWebhookReceiver, type WebhookReceiver } from "../../support/webhookReceiver";

describe("a verifier's webhook", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let alice: TestHolder;
  let verifier: TestVerifier;
  let receiver: WebhookReceiver;

  before(async () => {
    clock = fakeClock();
    on = await fixture("webhook", {
      modules: ["issuers", "credentials", "verification", "delivery"],
      chain: true,
      workers: true,
      clock,
      timing: { sweepAfterSeconds: 1 },
    });
    receiver = await startWebhookReceiver();
    issuer = await newIssuer(on);
    alice = await newHolder(on);
    verifier = await newVerifier(on, "ACME", receiver.url);
  });

  beforeEach(() => {
    receiver.received = [];
    receiver.answerWith = 204;
  });

  after(async () => {
    receiver.close();
    await on.close();
  });

  async function request() {
    const { credentialId } = await issue(on, issuer, alice);
    return requestVerification(on, verifier, credentialId);
  }

  async function present(signer = alice): Promise<string> {
    const requested = await request();
    await confirm(on, answerChallenge(requested, alice, signer));
    return requested["verificationId"];
  }

  const deliveryOf = (id: string) => createDeliveryStore(on.context.mongo).find(id);
  const verificationOf = async (id: string) => (await createVerificationStore(on.context).find(id))!;

  it("is told of a success once, signed, without the credential's content", async () => {
    const verificationId = await present();
    await eventually("the webhook", () => receiver.received.length > 0);
    const [message] = receiver.received;
    expectSigned(message!, verifier.webhookSecret!, clock.now());
    expect(message!.id).to.equal(`msg_${verificationId}_verified`);
    const { type, timestamp, data } = JSON.parse(message!.body);
    expect(type).to.equal("verification.verified");
    expect(timestamp).to.equal(clock.now().toISOString());
    expect(data).to.include({ verificationId, status: "verified", code: null });
    expect(message!.body).not.to.include("Alice Smith");
    await eventually("the delivery to be recorded", async () => {
      const delivery = await deliveryOf(message!.id);
      return delivery !== null && delivery.deliveredAt !== null && delivery.nextAttemptAt === null;
    });
    await eventually("the verification to have nothing left to hand over", async () => {
      return (await verificationOf(verificationId)).deliveryPendingSince === null;
    });
    expect(receiver.received).to.have.length(1);
  });

  it("is told of a failure with the check that failed", async () => {
    await present(await newHolder(on));
    await eventually("the webhook", () => receiver.received.length > 0);
    const { type, data } = JSON.parse(receiver.received[0]!.body);
    expect(type).to.equal("verification.failed");
    expect(data.code).to.equal("verification.holder_mismatch");
    expect(data.checks).to.deep.include({ name: "holder_signature", outcome: "fail" });
  });

  it("is tried again under the same id when it does not take the message", async () => {
    receiver.answerWith = 500;
    const id = `msg_${await present()}_verified`;
    await eventually("the first attempt to be recorded", async () => (await deliveryOf(id))?.attempts === 1);
    receiver.answerWith = 200;
    expect(receiver.received, "attempts before the pause is over").to.have.length(1);
    clock.advance(5);
    await eventually("the second attempt", () => receiver.received.length === 2);
    expect(receiver.received[1]!.id).to.equal(receiver.received[0]!.id);
    expectSigned(receiver.received[1]!, verifier.webhookSecret!, clock.now());
  });

  it("is not stored for a verifier without a URL", async () => {
    const silent = await newVerifier(on, "Silent");
    const { credentialId } = await issue(on, issuer, alice);
    const requested = await requestVerification(on, silent, credentialId);
    await confirm(on, answerChallenge(requested, alice));
    expect(await verificationOf(requested["verificationId"])).to.include({
      status: "verified",
      wantsWebhook: false,
      deliveryPendingSince: null,
    });
  });

  it("is told once that nobody answered in time, with no check reached", async () => {
    const requested = await request();
    const { verificationId } = requested;
    clock.advance(5 * 60 + EXPIRY_GRACE_SECONDS);
    await eventually("the webhook", () => receiver.received.length > 0);
    const [message] = receiver.received;
    expectSigned(message!, verifier.webhookSecret!, clock.now());
    expect(message!.id).to.equal(`msg_${verificationId}_expired`);
    const { type, timestamp, data } = JSON.parse(message!.body);
    const { challenge } = await verificationOf(verificationId);
    expect([type, timestamp]).to.deep.equal(["verification.expired", challenge.expiresAt.toISOString()]);
    expect(data).to.include({ verificationId, status: "expired", code: null });
    expect(new Set(data.checks.map(({ outcome }: { outcome: string }) => outcome))).to.deep.equal(
      new Set(["not_reached"]),
    );

    const late = await confirm(on, answerChallenge(requested, alice));
    expect([late.status, late.body["code"]]).to.deep.equal([410, "verification.challenge_expired"]);
    const shown = await on.ask("GET", `/verify/${verificationId}`, { token: verifier.apiKey });
    expect(shown.body).to.include({ status: "expired", code: null });
    await eventually("nothing left to hand over", async () => {
      return (await verificationOf(verificationId)).deliveryPendingSince === null;
    });
    expect(receiver.received.map(({ id }) => id)).to.deep.equal([`msg_${verificationId}_expired`]);
  });

  it("is told one outcome, raced by sixteen that expire it and sixteen that reject it", async () => {
    await on.stopWorkers();
    const verifications = createVerificationStore(on.context);
    const requests = await Promise.all(Array.from({ length: 8 }, request));
    const decision = {
      code: "verification.challenge_expired",
      message: "",
      presenterDid: alice.did,
      confirmationHash: "",
      decidedAt: clock.now(),
      block: { number: 1, hash: "0x" },
    } as const;
    const handOverDeps = {
      verifications,
      verifiers: createVerifierStore(on.context.mongo),
      deliver: (webhook: OutcomeWebhook) => on.modules.delivery.ports.deliver(webhook),
    };
    await Promise.all(
      requests.flatMap(({ verificationId }) =>
        Array.from({ length: 32 }, async (_, number) => {
          const decided = { verificationId, wantsWebhook: true };
          if (number % 2 === 0) await verifications.recordExpired(decided, clock.now());
          else await verifications.recordFailed(decided, decision);
          await handOverOutcome(handOverDeps, verificationId);
        }),
      ),
    );
    for (const { verificationId } of requests) {
      const { status, deliveryPendingSince } = await verificationOf(verificationId);
      expect(deliveryPendingSince).to.equal(null);
      const told = ["expired", "failed", "verified"].map((outcome) => deliveryOf(`msg_${verificationId}_${outcome}`));
      const stored = (await Promise.all(told)).filter((delivery) => delivery !== null);
      expect(stored.map(({ deliveryId }) => deliveryId)).to.deep.equal([`msg_${verificationId}_${status}`]);
    }
    on.startWorkers();
    await eventually("the webhooks", () => receiver.received.length === requests.length);
  });

  it("is told of the success alone when a stranger failed while the holder was verified", async () => {
    const verifications = createVerificationStore(on.context);
    const { verificationId } = await request();
    await on.stopWorkers();
    const decision = {
      message: "",
      presenterDid: alice.did,
      confirmationHash: "",
      decidedAt: clock.now(),
      block: { number: 1, hash: "0x" },
    };
    const decided = { verificationId, wantsWebhook: true };
    await verifications.recordFailed(decided, { ...decision, code: "verification.holder_mismatch" });
    const handOver = (before: () => Promise<void>) =>
      handOverOutcome(
        {
          verifications,
          verifiers: createVerifierStore(on.context.mongo),
          async deliver(webhook) {
            if (webhook.type === "verification.failed") await before();
            await on.modules.delivery.ports.deliver(webhook);
          },
        },
        verificationId,
      );
    // The success is recorded and handed over while the failure's hand-over is under way.
    await handOver(async () => {
      await verifications.recordVerified(decided, { ...decision, code: null });
      await handOver(() => Promise.resolve());
    });
    expect((await deliveryOf(`msg_${verificationId}_failed`))!.supersededBy).to.equal(`msg_${verificationId}_verified`);
    expect((await verificationOf(verificationId)).deliveryPendingSince).to.equal(null);
    on.startWorkers();
    await eventually("the success to be delivered", async () => {
      return (await deliveryOf(`msg_${verificationId}_verified`))!.deliveredAt !== null;
    });
    expect(receiver.received.map(({ id }) => id)).to.deep.equal([`msg_${verificationId}_verified`]);
  });
});
