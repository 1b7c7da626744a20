import { expect } from "chai";
import { createCredentialStore } from "../../../api/credentials/store";
import { createUsageStore } from "../../../api/verification/usage/store";
import { createVerificationStore } from "../../../api/verification/store";
import { createDeliveryStore } from "../../../api/webhooks/delivery/store";
import type { CrashPoint } from "../../support/crashPoints";
import { eventually } from "../../support/eventually";
import { type Answer, ask } from "../../support/ask";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  present,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../support/credentialActors";
import { type Fixture, fixture } from "../../support/fixture";
import { startChild } from "../../support/startChild";
import { startWebhookReceiver } from "../../support/webhookReceiver";

/** Every moment between receiving a confirmation and answering it, and whether the use is taken by then. */
const STEPS = [
  { step: "received", taken: false },
  { step: "read", taken: false },
  { step: "evaluated", taken: false },
  { step: "taken", taken: true },
  { step: "recorded", taken: true },
] as const;

/** Every moment between the write that decides and the end of handing its webhook over. */
const HAND_OVER: { dies: string; crash: CrashPoint }[] = [
  { dies: "right after deciding", crash: { mongo: "update verifications", when: "after", nth: 1 } },
  { dies: "before storing the delivery", crash: { mongo: "insert webhook_deliveries", when: "before", nth: 1 } },
  { dies: "after storing the delivery", crash: { mongo: "insert webhook_deliveries", when: "after", nth: 1 } },
  { dies: "before marking it handed over", crash: { mongo: "update verifications", when: "before", nth: 2 } },
];

describe("an API process that is killed while it confirms", () => {
  let on: Fixture;
  let issuer: TestIssuer;
  let verifier: TestVerifier;
  let alice: TestHolder;

  before(async () => {
    on = await fixture("killed", {
      modules: ["issuers", "credentials", "verification", "delivery"],
      chain: true,
      workers: true,
    });
    issuer = await newIssuer(on);
    verifier = await newVerifier(on);
    alice = await newHolder(on);
  });

  after(() => on.close());

  for (const { step, taken } of STEPS) {
    it(`at "${step}" leaves ${taken ? "one use, which gets its log entry without anybody asking" : "no use"}, and the same confirmation then succeeds`, async () => {
      const { credentialId, answer } = await killAt(step);
      const credentials = createCredentialStore(on.context);
      expect((await credentials.find(credentialId))!.usageCount).to.equal(taken ? 1 : 0);

      if (taken)
        await eventually("the use to be recorded by the worker", () => isRecorded(credentialId, answer.verificationId));
      const again = await confirm(on, answer);
      expect(again.status, again.text).to.equal(200);
      expect((await confirm(on, answer)).body).to.deep.equal(again.body);
      await expectOneUse(credentialId);
    });
  }

  it(`at "taken" lets the repeated confirmation record the use before the worker does`, async () => {
    const { credentialId, answer } = await killAt("taken");
    const again = await confirm(on, answer);
    expect(again.status, again.text).to.equal(200);
    await expectOneUse(credentialId);
    await eventually("nothing to be left to record", async () => {
      const credential = await createCredentialStore(on.context).find(credentialId);
      return credential!.unrecorded.length === 0;
    });
    await expectOneUse(credentialId);
  });

  it(`at "taken" leaves nothing for another confirmation to take`, async () => {
    const { credentialId } = await killAt("taken");
    const refused = await present(on, verifier, credentialId, alice);
    expect(refused.body.code).to.equal("verification.already_used");
    await eventually("the use to be recorded by the worker", async () =>
      (await log(credentialId)).some(({ result }) => result === "SUCCESS"),
    );
    await expectOneUse(credentialId);
  });

  it(`at "rejected" has recorded the rejection`, async () => {
    const bob = await newHolder(on);
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), bob);
    await confirmAndKill("rejected", answer);
    expect((await log(credentialId)).map(({ result }) => result)).to.deep.equal(["FAILED"]);
    expect((await createVerificationStore(on.context).find(answer.verificationId))!.status).to.equal("failed");
  });

  for (const { dies, crash } of HAND_OVER) {
    it(`${dies} still has the verifier's webhook delivered, once`, async () => {
      const receiver = await startWebhookReceiver();
      try {
        const informed = await newVerifier(on, "Informed", receiver.url);
        const { credentialId } = await issue(on, issuer, alice);
        const answer = answerChallenge(await requestVerification(on, informed, credentialId), alice);
        const doomed = await startChild(on, { modules: ["verification"], serves: true, withChain: true, crash });
        // The webhook is handed over beside the answer, so that either may be first.
        await ask(`${doomed.url}/verify/confirm`, "POST", { body: answer }).catch(() => undefined);
        expect(await doomed.ended).to.equal("SIGKILL");
        const id = `msg_${answer.verificationId}_verified`;
        const verification = async () => (await createVerificationStore(on.context).find(answer.verificationId))!;
        expect((await verification()).status).to.equal("verified");
        await eventually("the delivery to be recorded", async () => {
          const delivery = await createDeliveryStore(on.context.mongo).find(id);
          return delivery !== null && delivery.deliveredAt !== null;
        });
        await eventually("nothing to be left to hand over", async () => {
          return (await verification()).deliveryPendingSince === null;
        });
        expect(receiver.received.map((message) => message.id)).to.deep.equal([id]);
      } finally {
        receiver.close();
      }
    });
  }

  async function killAt(step: string): Promise<{ credentialId: string; answer: ReturnType<typeof answerChallenge> }> {
    const { credentialId } = await issue(on, issuer, alice);
    const answer = answerChallenge(await requestVerification(on, verifier, credentialId), alice);
    await confirmAndKill(step, answer);
    return { credentialId, answer };
  }

  async function confirmAndKill(step: string, body: object): Promise<void> {
    const doomed = await startChild(on, { modules: ["verification"], serves: true, withChain: true, dieAt: step });
    const sent: Promise<Answer | undefined> = ask(`${doomed.url}/verify/confirm`, "POST", { body }).catch(
      () => undefined,
    );
    expect(await doomed.ended).to.equal("SIGKILL");
    expect(await sent, "an answer of a process that was killed before it answered").to.equal(undefined);
  }

  const log = (credentialId: string) =>
    createUsageStore(on.context.mongo).list({ credentialId }, { limit: 100, before: null });

  async function isRecorded(credentialId: string, verificationId: string): Promise<boolean> {
    const verification = await createVerificationStore(on.context).find(verificationId);
    return verification!.status === "verified" && (await log(credentialId)).some(({ result }) => result === "SUCCESS");
  }

  async function expectOneUse(credentialId: string): Promise<void> {
    const credential = (await createCredentialStore(on.context).find(credentialId))!;
    expect(credential).to.include({ status: "USED", usageCount: 1 });
    expect(credential.uses).to.have.length(1);
    expect((await log(credentialId)).filter(({ result }) => result === "SUCCESS")).to.have.length(1);
  }
});
