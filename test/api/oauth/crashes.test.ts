import { expect } from "chai";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { openInbox } from "../../../api/webhooks/inbox/store";
import { eventually } from "../../support/eventually";
import { begin, type Begun, finishUrl, redeem, untilStatus } from "../../support/swiyuBrowser";
import { setStage, type Stage } from "../../support/swiyuStage";

const STEPS = ["began", "session read", "verifier read", "session closed"];

describe("the OAuth gateway's worker, killed", () => {
  let stage: Stage;
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    stage = await setStage("oauth_crashes", { worker: false });
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await stage.close();
  });

  async function workUntilKilled(dieAt: string, act: () => void): Promise<void> {
    const child = spawn(
      process.execPath,
      [
        "--require",
        "./scripts/typescript.cjs",
        join(__dirname, "../../support/swiyuWorkerChild.ts"),
        JSON.stringify({ orders: stage.orders, dieAt }),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    children.push(child);
    await once(child.stdout, "data");
    const exit = once(child, "exit");
    act();
    const [, signal] = (await exit) as [number | null, string | null];
    expect(signal).to.equal("SIGKILL");
  }

  async function expectOneCode(begun: Begun): Promise<void> {
    const code = (await finishUrl(begun)).searchParams.get("code") ?? "";
    expect((await redeem(stage, code)).status).to.equal(200);
    expect((await redeem(stage, code)).json).to.include({ error: "invalid_grant" });
  }

  it("with kill -9 at any step of the job leaves work that the next one ends with exactly one code", async () => {
    const begun: Begun[] = [];
    const closedAt: (Date | null)[] = [];
    for (const step of STEPS) {
      const one = await begin(stage);
      await workUntilKilled(step, () => stage.verifier.answerAsWallet(one.verificationId, "show"));
      begun.push(one);
      closedAt.push((await stage.sessions.findByVerification(one.verificationId))!.closedAt);
    }
    // Only the last step had closed its session.
    expect(closedAt.map((date) => date !== null)).to.deep.equal([false, false, false, true]);
    await stage.startWorker();
    await Promise.all(begun.map((one) => untilStatus(one, "verified")));
    await eventually("every notification finished", async () => {
      const open = await stage.mongo.collection("webhook_inbox").countDocuments({ finishedAt: null });
      return open === 0;
    });
    for (const one of begun) await expectOneCode(one);
    const last = await stage.sessions.findByVerification(begun[3]!.verificationId);
    expect(last!.closedAt).to.deep.equal(closedAt[3]);
  });

  it("does a notification that was kept and acknowledged before anything was queued", async () => {
    const one = await begin(stage);
    stage.verifier.answerAsWallet(one.verificationId, "show", "lost");
    const facts = { verificationId: one.verificationId, keyHash: null };
    const kept = { source: "oauth", deliveryKey: one.verificationId, facts, requestId: null, sweepSeconds: 0 };
    await openInbox(stage.mongo).keep(kept, new Date());
    await stage.startWorker();
    await untilStatus(one, "verified");
    await expectOneCode(one);
  });

  it("does a notification whose job went with Redis", async () => {
    const one = await begin(stage);
    stage.verifier.answerAsWallet(one.verificationId, "show");
    await eventually("the acknowledgement", () => stage.verifier.webhooks.pending() === 0);
    for (const key of await stage.redis.keys(`${stage.prefix}:*`)) await stage.redis.del(key);
    await stage.startWorker();
    await untilStatus(one, "verified");
    await expectOneCode(one);
  });
});
