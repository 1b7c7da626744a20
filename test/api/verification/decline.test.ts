import { expect } from "chai";
import { rawCollection } from "../../../core/mongo";
import { type FakeClock, fakeClock } from "../../support/fakeClock";
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
import { type Fixture, fixture } from "../../support/fixture";
import { startWebhookReceiver, type WebhookReceiver } from "../../support/webhookReceiver";

describe("declining a verifier's request", () => {
  let on: Fixture;
  let clock: FakeClock;
  let receiver: WebhookReceiver;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    clock = fakeClock();
    receiver = await startWebhookReceiver();
    on = await fixture("decline", {
      modules: ["issuers", "credentials", "verification", "delivery"],
      chain: true,
      workers: true,
      clock,
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on, "ACME", receiver.url);
  });
  beforeEach(async () => {
    alice = await newHolder(on);
  });
  after(async () => {
    await on.close();
    receiver.close();
  });

  const decline = (verificationId: string, who: TestHolder, body: object = {}) =>
    on.ask("POST", `/verify/${verificationId}/decline`, { token: who.token, body });
  const read = async (verificationId: string) =>
    (await on.ask("GET", `/verify/${verificationId}`, { token: verifier.apiKey })).body;

  it("tells the verifier at once, with the reason, by webhook and where it waits", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const { verificationId } = await requestVerification(on, verifier, credentialId);
    const waiting = on.ask("GET", `/verify/${verificationId}?waitSeconds=25`, { token: verifier.apiKey });
    const declined = await decline(verificationId, alice, { reason: "  I do not know you. " });
    expect(declined.status, declined.text).to.equal(200);
    expect(declined.body).to.include({ status: "declined", reason: "I do not know you." });
    expect((await waiting).body).to.include({
      status: "declined",
      message: "The holder declined to answer.",
      declineReason: "I do not know you.",
      credential: null,
      presenterDid: null,
    });
    await eventually("the webhook", () =>
      receiver.received.some(({ body }) => {
        const message = JSON.parse(body) as { type: string; data: { verificationId: string } };
        return message.type === "verification.declined" && message.data.verificationId === verificationId;
      }),
    );
    expect(JSON.stringify(receiver.received)).not.to.include("do not know");
    const stored = await rawCollection<{ _id: string }>(on.context.mongo, "verifications").findOne({
      _id: verificationId,
    });
    expect(JSON.stringify(stored)).not.to.include("do not know");
  });

  it("again gives the first answer, and of 64 at once one reason stays", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const { verificationId } = await requestVerification(on, verifier, credentialId);
    const answers = await Promise.all(
      Array.from({ length: 64 }, (_, index) => decline(verificationId, alice, { reason: `reason ${index}` })),
    );
    for (const { status, body } of answers)
      expect({ status, ...body }).to.deep.equal({ status: 200, ...answers[0]!.body });
    clock.advance(600);
    expect((await decline(verificationId, alice)).body).to.deep.equal(answers[0]!.body);
  });

  it("ends the request: the challenge is consumed, and it is asked no more", async () => {
    const { credentialId } = await issue(on, issuer, alice);
    const request = await requestVerification(on, verifier, credentialId);
    await decline(request.verificationId, alice);
    const refused = await confirm(on, answerChallenge(request, alice));
    expect([refused.status, refused.body.code]).to.deep.equal([409, "verification.challenge_consumed"]);
    const asked = await on.ask("GET", `/verify/request?credentialId=${credentialId}`, { token: alice.token });
    expect(asked.body.code).to.equal("verification.none_pending");
    expect(await read(request.verificationId)).to.include({ status: "declined", declineReason: null });
  });

  it("races the answer: 64 times either the use was taken and is shown, or none was taken", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 64 });
    let taken = 0;
    // Ten verifications of one credential may be open at once.
    for (let round = 0; round < 64; round += 8) {
      await Promise.all(
        Array.from({ length: 8 }, async () => {
          const request = await requestVerification(on, verifier, credentialId);
          const [confirmed, declined] = await Promise.all([
            confirm(on, answerChallenge(request, alice)),
            decline(request.verificationId, alice),
          ]);
          expect(declined.status).to.be.oneOf([200, 409]);
          if (confirmed.status === 200) taken += 1;
          const expected = confirmed.status === 200 ? "verified" : "declined";
          expect((await read(request.verificationId)).status, confirmed.text).to.equal(expected);
        }),
      );
    }
    const { body } = await on.ask("GET", `/credentials/${credentialId}`, { token: alice.token });
    expect(body["usageCount"]).to.equal(taken);
  });

  it("is the holder's alone, and comes too late after an answer or the end", async () => {
    const { credentialId } = await issue(on, issuer, alice, { maxUsages: 2 });
    const request = await requestVerification(on, verifier, credentialId);
    const bob = await newHolder(on);
    const strange = await decline(request.verificationId, bob);
    expect([strange.status, strange.body.code]).to.deep.equal([404, "verification.unknown"]);
    const unknown = await decline("7b0cbd9e-2c1b-4a36-8b52-9d3c5ad3a4d5", bob);
    expect([unknown.status, unknown.body.code]).to.deep.equal([404, "verification.unknown"]);
    await confirm(on, answerChallenge(request, alice));
    expect((await decline(request.verificationId, alice)).body.code).to.equal("verification.decided");
    const other = await requestVerification(on, verifier, credentialId);
    clock.advance(on.context.config.verification.challengeSeconds);
    expect((await decline(other.verificationId, alice)).body.code).to.equal("verification.challenge_expired");
    expect((await decline(other.verificationId, alice, { reason: "x".repeat(201) })).body.code).to.equal(
      "request.invalid",
    );
  });
});
