import { expect } from "chai";
import { createInboxStore } from "../../../api/webhooks/inbox/store";
import { createDeliveryStore } from "../../../api/webhooks/delivery/store";
import type { CrashPoint } from "../../support/crashPoints";
import { eventually } from "../../support/eventually";
import { fixture, type Fixture } from "../../support/fixture";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../support/oauthActors";
import {
  startVerification,
  type StartedVerification,
  finishUrl,
  redeem,
  untilStatus,
} from "../../support/oauthBrowser";
import { startChild } from "../../support/startChild";
import { startWebhookReceiver } from "../../support/webhookReceiver";

const STEPS = ["began", "session read", "verifier read", "session closed"];

/** Every moment between the write that closes a session and the end of handing its webhook over. */
const HAND_OVER: CrashPoint[] = [
  { mongo: "update oauth_sessions", when: "after", nth: 1 },
  { mongo: "insert webhook_deliveries", when: "before", nth: 1 },
  { mongo: "insert webhook_deliveries", when: "after", nth: 1 },
  { mongo: "update oauth_sessions", when: "before", nth: 2 },
];

describe("the OAuth gateway's worker, killed", () => {
  /** Every run has a database and queues of its own: a worker must find no other's work before its own. */
  async function withGateway(act: (cairn: Fixture, oauth: OAuthActors) => Promise<void>): Promise<void> {
    const cairn = await fixture("oauth_crashes", { modules: OAUTH_MODULES });
    const oauth = await startOAuthActors(cairn);
    try {
      await act(cairn, oauth);
    } finally {
      await oauth.close();
      await cairn.close();
    }
  }

  async function workUntilKilled(cairn: Fixture, dieAt: string, act: () => void): Promise<void> {
    const child = await startChild(cairn, { modules: OAUTH_MODULES, works: true, withChain: false, dieAt });
    act();
    expect(await child.ended).to.equal("SIGKILL");
  }

  async function expectOneCode(oauth: OAuthActors, started: StartedVerification): Promise<void> {
    const code = (await finishUrl(started)).searchParams.get("code") ?? "";
    expect((await redeem(oauth, code)).status).to.equal(200);
    expect((await redeem(oauth, code)).json).to.include({ error: "invalid_grant" });
  }

  async function killAndResume(step: string, cairn: Fixture, oauth: OAuthActors): Promise<void> {
    const one = await startVerification(oauth);
    await workUntilKilled(cairn, step, () => oauth.verifier.answerAsWallet(one.verificationId, "show"));
    const { closedAt } = (await oauth.sessions.findByVerification(one.verificationId))!;
    expect(closedAt !== null, `the session is closed after ${step}`).to.equal(step === "session closed");
    cairn.startWorkers();
    await untilStatus(one, "verified");
    const inbox = cairn.context.mongo.collection("webhook_inbox");
    await eventually(
      "every notification finished",
      async () => (await inbox.countDocuments({ finishedAt: null })) === 0,
    );
    await expectOneCode(oauth, one);
    const last = await oauth.sessions.findByVerification(one.verificationId);
    if (closedAt !== null) expect(last!.closedAt).to.deep.equal(closedAt);
  }

  async function killAndDeliver(crash: CrashPoint, cairn: Fixture, oauth: OAuthActors): Promise<void> {
    const receiver = await startWebhookReceiver();
    try {
      const one = await startVerification(oauth, {}, await oauth.addClient({ webhookUrl: receiver.url }));
      // The child hands over and does not deliver.
      const doomed = await startChild(cairn, { modules: ["oauth", "inbox"], works: true, withChain: false, crash });
      oauth.verifier.answerAsWallet(one.verificationId, "show");
      expect(await doomed.ended).to.equal("SIGKILL");
      const { sessionId, status } = (await oauth.sessions.findByVerification(one.verificationId))!;
      expect(status).to.equal("verified");
      expect(receiver.received).to.deep.equal([]);
      cairn.startWorkers();
      await eventually("the webhook is handed over", async () => {
        return (await oauth.sessions.findPendingDelivery(sessionId)) === null;
      });
      const deliveries = createDeliveryStore(cairn.context.mongo);
      await eventually("the webhook is delivered", async () => {
        return (await deliveries.find(`msg_${sessionId}`))?.deliveredAt instanceof Date;
      });
      const { mongo } = cairn.context;
      expect(await mongo.collection("webhook_deliveries").countDocuments()).to.equal(1);
      expect(receiver.received.map(({ id }) => id)).to.deep.equal([`msg_${sessionId}`]);
    } finally {
      receiver.close();
    }
  }

  it("at any step of the job leaves work that the next worker ends with exactly one code", async () => {
    await Promise.all(STEPS.map((step) => withGateway((cairn, oauth) => killAndResume(step, cairn, oauth))));
  });

  it("in mid-job leaves its notification to another at once: long before the lock of its job expires", () =>
    withGateway(async (cairn, oauth) => {
      const one = await startVerification(oauth);
      await workUntilKilled(cairn, "session read", () => oauth.verifier.answerAsWallet(one.verificationId, "show"));
      cairn.startWorkers();
      const inbox = cairn.context.mongo.collection("webhook_inbox");
      const isFinished = async () => (await inbox.countDocuments({ finishedAt: { $type: "date" } })) === 1;
      await eventually("the notification to be worked on", isFinished, 10_000);
      await untilStatus(one, "verified");
      await expectOneCode(oauth, one);
    }));

  it("at any moment after it closed a session still has the client's webhook delivered, once", async () => {
    await Promise.all(HAND_OVER.map((crash) => withGateway((cairn, oauth) => killAndDeliver(crash, cairn, oauth))));
  });

  it("applies a notification that was stored and acknowledged before anything was queued", () =>
    withGateway(async (cairn, oauth) => {
      const one = await startVerification(oauth);
      oauth.verifier.answerAsWallet(one.verificationId, "show", "lost");
      const facts = { verificationId: one.verificationId };
      const kept = {
        source: "oauth" as const,
        deliveryKey: one.verificationId,
        facts,
        requestId: null,
        sweepSeconds: 0,
      };
      await createInboxStore(cairn.context.mongo).insert(kept, new Date());
      cairn.startWorkers();
      await untilStatus(one, "verified");
      await expectOneCode(oauth, one);
    }));

  it("applies a notification whose job was lost with Redis", () =>
    withGateway(async (cairn, oauth) => {
      const one = await startVerification(oauth);
      oauth.verifier.answerAsWallet(one.verificationId, "show");
      await eventually("the acknowledgement", () => oauth.verifier.webhooks.pending() === 0);
      const { redis, config } = cairn.context;
      for (const key of await redis.keys(`${config.redis.prefix}:*`)) await redis.del(key);
      cairn.startWorkers();
      await untilStatus(one, "verified");
      await expectOneCode(oauth, one);
    }));
});
