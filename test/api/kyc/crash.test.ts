import { expect } from "chai";
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { listMailbox } from "../../../api/notifications/mailbox";
import type { KycConfig } from "../../../core/config/kyc";
import { eventually } from "../../support/eventually";
import type { CrashPoint } from "../../support/crashPoints";
import { type SmtpServer, startSmtpServer } from "../../support/kyc/smtpServer";
import { type KycFixture, kycFixture, mailBySmtp, mailTo } from "../../support/kyc/kycFixture";
import { MOCK_PROVIDERS } from "../../support/kyc/mockProviders";
import { startChild } from "../../support/startChild";
import type { SignedDelivery, MockProvider } from "../../support/kyc/mockProvider";

interface Step {
  title: string;
  crash: CrashPoint;
  provider?: "persona" | "veriff";
  /** Into a folder, where one id is one letter, that moment is harmless. */
  mailbox?: true;
  /** In the one moment SMTP leaves open, the letter is kept as uncertain and not sent again. */
  uncertain?: true;
}

const STEPS: Step[] = [
  { title: "before the delivery is kept", crash: { mongo: "insert webhook_inbox", when: "before", nth: 1 } },
  {
    title: "after it is kept and before it is acknowledged",
    crash: { mongo: "insert webhook_inbox", when: "after", nth: 1 },
  },
  { title: "before its job is queued", crash: { queue: "webhook-inbox-kyc" } },
  { title: "when its job begins", crash: { mongo: "find webhook_inbox", when: "after", nth: 1 } },
  { title: "before the provider is asked", crash: { fetch: "/decision", when: "before" }, provider: "veriff" },
  { title: "after the provider has answered", crash: { fetch: "/decision", when: "after" }, provider: "veriff" },
  { title: "before the status moves", crash: { mongo: "update kyc_verifications", when: "before", nth: 1 } },
  { title: "after the status has moved", crash: { mongo: "update kyc_verifications", when: "after", nth: 1 } },
  {
    title: "after the event for the user's devices is kept",
    crash: { mongo: "insert user_events", when: "after", nth: 1 },
  },
  { title: "before the notification is kept", crash: { mongo: "insert notifications", when: "before", nth: 1 } },
  { title: "after the notification is kept", crash: { mongo: "insert notifications", when: "after", nth: 1 } },
  { title: "before the mail is queued", crash: { queue: "mail" } },
  {
    title: "before the change is recorded as notified",
    crash: { mongo: "update kyc_verifications", when: "before", nth: 2 },
  },
  {
    title: "after the change is recorded as notified",
    crash: { mongo: "update kyc_verifications", when: "after", nth: 2 },
  },
  { title: "before the delivery is finished", crash: { mongo: "update webhook_inbox", when: "before", nth: 1 } },
  { title: "before the mail's point of no return", crash: { mongo: "update notifications", when: "before", nth: 1 } },
  {
    title: "at the mail's point of no return",
    crash: { mongo: "update notifications", when: "after", nth: 1 },
    uncertain: true,
  },
  {
    title: "after the mail server took the mail",
    crash: { mongo: "update notifications", when: "before", nth: 2 },
    uncertain: true,
  },
  {
    title: "at a mailbox folder's point of no return",
    crash: { mongo: "update notifications", when: "after", nth: 1 },
    mailbox: true,
  },
  {
    title: "after a mailbox folder took the mail",
    crash: { mongo: "update notifications", when: "before", nth: 2 },
    mailbox: true,
  },
  { title: "after the mail is noted as sent", crash: { mongo: "update notifications", when: "after", nth: 2 } },
];

describe("KYC, killed with SIGKILL", () => {
  const children: ChildProcess[] = [];
  let mocks: Record<"persona" | "veriff", MockProvider>;
  let smtp: SmtpServer;

  before(async () => {
    mocks = { persona: await MOCK_PROVIDERS.persona(), veriff: await MOCK_PROVIDERS.veriff() };
    smtp = await startSmtpServer();
  });

  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...Object.values(mocks).map((mock) => mock.close()), smtp.close()]);
  });

  for (const { title, crash, provider = "persona", uncertain, mailbox } of STEPS) {
    it(`${title}: loses nothing acknowledged and mails nobody twice`, async () => {
      const mock = mocks[provider];
      const kyc: KycConfig = {
        provider,
        returnUrl: undefined,
        requiredFor: [],
        recheckSeconds: 3_600,
        ...mock.config,
      };
      const on = await kycFixture("kyc_crash", {
        kyc,
        workers: false,
        ...(!mailbox && { mail: mailBySmtp(smtp.url) }),
      });
      const mail = mailbox ? mailTo(on.mailboxDir) : mailBySmtp(smtp.url);
      try {
        const userId = (await on.newUser()).userId;
        const started = await on.call("POST", "/api/kyc/start-verification", { userId });
        const sessionId = started.body.sessionId;
        mock.decide(sessionId, "approved");
        const occurredAt = new Date();
        const signedAtSeconds = Math.floor(occurredAt.getTime() / 1000);
        const delivery = mock.sign(sessionId, "approved", { signedAtSeconds, occurredAt });
        const { environment } = on.contextOptions;
        const REDIS_PREFIX = `${String(environment["REDIS_PREFIX"])}-child`;
        const child = await startChild(on, {
          context: { environment: { ...environment, REDIS_PREFIX }, config: { kyc, mail } },
          modules: ["kyc", "notifications", "inbox"],
          serves: true,
          works: true,
          withChain: false,
          crash,
        });
        children.push(child.process);

        const acknowledged = await deliver(child.url, provider, delivery);
        expect(await child.ended).to.equal("SIGKILL");
        // The next process finds MongoDB as it was left, and of Redis nothing at all.
        on.startWorkers();
        if (!acknowledged) expect(await deliver(on.url, provider, delivery)).to.equal(true);
        if (uncertain || mailbox) await fiveMinutesPass(on);

        await eventually("the decision", async () => (await on.kycOf(userId))?.["status"] === "verified");
        await eventually("an end", async () => (await unfinished(on)) === 0);
        const letter = await on.context.mongo.collection("notifications").findOne({ userId });
        expect(letter?.["state"]).to.equal(uncertain ? "uncertain" : "sent");
        const events = await on.context.mongo.collection("user_events").find({ userId }).toArray();
        expect(events.map(({ payload }) => (payload as { status: string }).status)).to.deep.equal(["verified"]);

        // Everything once more: the provider repeats itself, and every sweep comes by.
        expect(await deliver(on.url, provider, delivery)).to.equal(true);
        await delay(500);
        const inFolder = (await listMailbox(on.mailboxDir)).length;
        const letters = inFolder + smtp.accepted.filter(({ to }) => to.includes(`${userId}@example.com`)).length;
        if (uncertain) expect(letters).to.be.at.most(1);
        else expect(letters).to.equal(1);
        expect((await on.kycOf(userId))?.["version"]).to.equal(2);
        const letterJobs = await on.context.mongo.collection("dead_letters").find().toArray();
        expect(letterJobs.map(({ error }) => (error as { code: string }).code)).to.deep.equal(
          uncertain ? ["mail.uncertain"] : [],
        );
      } finally {
        await on.close();
      }
    });
  }

  it("in mid-job: its delivery is taken up by another worker at once, long before the lock of its job expires", async () => {
    const mock = mocks.persona;
    const kyc: KycConfig = {
      provider: "persona",
      returnUrl: undefined,
      requiredFor: [],
      recheckSeconds: 3_600,
      ...mock.config,
    };
    const on = await kycFixture("kyc_crash", { kyc, workers: false });
    try {
      const userId = (await on.newUser()).userId;
      const { sessionId } = (await on.call("POST", "/api/kyc/start-verification", { userId })).body;
      const occurredAt = new Date();
      const signedAtSeconds = Math.floor(occurredAt.getTime() / 1000);
      const child = await startChild(on, {
        context: { config: { kyc, mail: mailTo(on.mailboxDir) } },
        modules: ["kyc", "inbox"],
        works: true,
        withChain: false,
        crash: { mongo: "update kyc_verifications", when: "before", nth: 1 },
      });
      children.push(child.process);
      const delivery = mock.sign(sessionId, "approved", { signedAtSeconds, occurredAt });
      expect(await deliver(on.url, "persona", delivery)).to.equal(true);
      expect(await child.ended).to.equal("SIGKILL");
      on.startWorkers();
      const isVerified = async () => (await on.kycOf(userId))?.["status"] === "verified";
      await eventually("the decision", isVerified, 10_000);
      expect((await on.kycOf(userId))?.["version"]).to.equal(2);
    } finally {
      await on.close();
    }
  });
});

/** Whether a delivery was acknowledged; false when the process died over it. */
async function deliver(url: string, provider: string, { headers, body }: SignedDelivery): Promise<boolean> {
  try {
    const path = `${url}/api/webhooks/kyc-status/${provider}`;
    return (await fetch(path, { method: "POST", headers, body: new Uint8Array(body) })).status === 200;
  } catch {
    return false;
  }
}

async function unfinished({ context: { mongo } }: KycFixture): Promise<number> {
  const entries = await mongo.collection("webhook_inbox").countDocuments({ finishedAt: null });
  const letters = await mongo
    .collection("notifications")
    .countDocuments({ state: { $in: ["waiting", "handing_over"] } });
  const pending = await mongo.collection("kyc_verifications").countDocuments({ "pendingNotices.0": { $exists: true } });
  const missing = (await mongo.collection("notifications").countDocuments()) === 0 ? 1 : 0;
  return entries + letters + pending + missing;
}

/** A letter is given up as uncertain only after its handover cannot be going on any more. */
async function fiveMinutesPass({ context: { mongo } }: KycFixture): Promise<void> {
  await mongo.collection("notifications").updateMany({ state: "handing_over" }, { $set: { sweepAt: new Date(0) } });
}
