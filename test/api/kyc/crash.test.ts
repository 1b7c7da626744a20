import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { listMailbox } from "../../../api/notifications/mailbox";
import type { KycConfig } from "../../../core/config/kyc";
import { eventually } from "../../support/eventually";
import type { CrashOrder, CrashPoint } from "../../support/kyc/crashChild";
import { type SmtpServer, startSmtpServer } from "../../support/kyc/smtpServer";
import { setStage, type Stage } from "../../support/kyc/stage";
import { STAND_INS } from "../../support/kyc/all";
import type { SignedDelivery, StandIn } from "../../support/kyc/standIn";
import { testRedisUrl } from "../../support/servers";

const ROOT = join(__dirname, "..", "..", "..");

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
  { title: "before its job is queued", crash: { queue: "webhook-inbox" } },
  { title: "when its job begins", crash: { mongo: "find webhook_inbox", when: "after", nth: 1 } },
  { title: "before the provider is asked", crash: { fetch: "/decision", when: "before" }, provider: "veriff" },
  { title: "after the provider has answered", crash: { fetch: "/decision", when: "after" }, provider: "veriff" },
  { title: "before the status moves", crash: { mongo: "update users", when: "before", nth: 1 } },
  { title: "after the status has moved", crash: { mongo: "update users", when: "after", nth: 1 } },
  {
    title: "after the event for the user's devices is kept",
    crash: { mongo: "insert user_events", when: "after", nth: 1 },
  },
  { title: "before the notification is kept", crash: { mongo: "insert notifications", when: "before", nth: 1 } },
  { title: "after the notification is kept", crash: { mongo: "insert notifications", when: "after", nth: 1 } },
  { title: "before the mail is queued", crash: { queue: "mail" } },
  { title: "before the change is noted as told", crash: { mongo: "update users", when: "before", nth: 2 } },
  { title: "after the change is noted as told", crash: { mongo: "update users", when: "after", nth: 2 } },
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
  let standIns: Record<"persona" | "veriff", StandIn>;
  let smtp: SmtpServer;

  before(async () => {
    standIns = { persona: await STAND_INS.persona(), veriff: await STAND_INS.veriff() };
    smtp = await startSmtpServer();
  });

  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all([...Object.values(standIns).map((standIn) => standIn.close()), smtp.close()]);
  });

  for (const { title, crash, provider = "persona", uncertain, mailbox } of STEPS) {
    it(`${title}: loses nothing acknowledged and mails nobody twice`, async () => {
      const standIn = standIns[provider];
      const kyc: KycConfig = {
        provider,
        returnUrl: undefined,
        requiredFor: [],
        recheckSeconds: 3_600,
        ...standIn.config,
      };
      const from = "Cairn <no-reply@cairn.test>";
      const smtpMail = { from, smtpUrl: smtp.url };
      const stage = await setStage("kyc_crash", { kyc, worker: false, ...(!mailbox && { mail: smtpMail }) });
      const mail = mailbox ? { from, mailboxDir: stage.mailboxDir } : smtpMail;
      try {
        const userId = await stage.addUser();
        const started = await stage.call("POST", "/api/kyc/start-verification", { userId });
        const sessionId = String(started.body["sessionId"]);
        standIn.decide(sessionId, "approved");
        const occurredAt = new Date();
        const signedAtSeconds = Math.floor(occurredAt.getTime() / 1000);
        const delivery = standIn.sign(sessionId, "approved", { signedAtSeconds, occurredAt });
        const config = {
          redis: { url: testRedisUrl(), prefix: `${stage.prefix}-child` },
          kyc,
          mail,
          http: { publicUrl: stage.url },
        };
        const child = await startChild({ mongodbUri: uriOf(stage), redisUrl: testRedisUrl(), config, crash });

        const acknowledged = await deliver(`http://127.0.0.1:${child.port}`, provider, delivery);
        await child.dead;
        // The next process finds MongoDB as it was left, and of Redis nothing at all.
        stage.startWorker();
        if (!acknowledged) expect(await deliver(stage.url, provider, delivery)).to.equal(true);
        if (uncertain || mailbox) await fiveMinutesPass(stage);

        await eventually("the decision", async () => (await stage.kycOf(userId))?.["status"] === "verified");
        await eventually("an end", async () => (await unfinished(stage)) === 0);
        const letter = await stage.mongo.collection("notifications").findOne({ userId });
        expect(letter?.["state"]).to.equal(uncertain ? "uncertain" : "sent");
        const events = await stage.mongo.collection("user_events").find({ userId }).toArray();
        expect(events.map(({ data }) => (data as { status: string }).status)).to.deep.equal(["verified"]);

        // Everything once more: the provider repeats itself, and every sweep comes by.
        expect(await deliver(stage.url, provider, delivery)).to.equal(true);
        await delay(500);
        const inFolder = (await listMailbox(stage.mailboxDir)).length;
        const letters = inFolder + smtp.taken.filter(({ to }) => to.includes(`${userId}@example.com`)).length;
        if (uncertain) expect(letters).to.be.at.most(1);
        else expect(letters).to.equal(1);
        expect((await stage.kycOf(userId))?.["version"]).to.equal(2);
        const letterJobs = await stage.mongo.collection("dead_letters").find().toArray();
        expect(letterJobs.map(({ error }) => (error as { code: string }).code)).to.deep.equal(
          uncertain ? ["mail.uncertain"] : [],
        );
      } finally {
        await stage.close();
      }
    });
  }

  async function startChild(order: CrashOrder): Promise<{ port: number; dead: Promise<unknown> }> {
    const child = spawn(
      process.execPath,
      ["--require", "./scripts/typescript.cjs", join(ROOT, "test/support/kyc/crashChild.ts")],
      {
        cwd: ROOT,
        env: { ...process.env, CRASH_CHILD: JSON.stringify(order) },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    children.push(child);
    const dead = once(child, "exit").then(([, signal]) => expect(signal).to.equal("SIGKILL"));
    for await (const line of createInterface({ input: child.stdout })) {
      return { port: (JSON.parse(line) as { port: number }).port, dead };
    }
    throw new Error("The child ended before it was ready.");
  }
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

async function unfinished({ mongo }: Stage): Promise<number> {
  const entries = await mongo.collection("webhook_inbox").countDocuments({ finishedAt: null });
  const letters = await mongo
    .collection("notifications")
    .countDocuments({ state: { $in: ["waiting", "handing_over"] } });
  const untold = await mongo.collection("users").countDocuments({ "kyc.announcements.0": { $exists: true } });
  const missing = (await mongo.collection("notifications").countDocuments()) === 0 ? 1 : 0;
  return entries + letters + untold + missing;
}

/** A letter is given up as uncertain only after its handover cannot be going on any more. */
async function fiveMinutesPass({ mongo }: Stage): Promise<void> {
  await mongo.collection("notifications").updateMany({ state: "handing_over" }, { $set: { sweepAt: new Date(0) } });
}

function uriOf({ mongo }: Stage): string {
  const uri = new URL(process.env["MONGODB_URI"] ?? "");
  uri.pathname = `/${mongo.name}`;
  return uri.href;
}
