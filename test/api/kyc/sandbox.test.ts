import { expect } from "chai";
import { DEVELOPMENT_SANDBOX_SECRET, type KycConfig } from "../../../core/config/kyc";
import { listMailbox, type MailboxMessage } from "../../../api/notifications/mailbox";
import { eventually } from "../../support/eventually";
import { type KycFixture, kycFixture } from "../../support/kyc/kycFixture";

const KYC: KycConfig = {
  provider: "sandbox",
  returnUrl: "https://app.example/profile",
  requiredFor: [],
  recheckSeconds: 2,
  sandbox: { webhookSecrets: [DEVELOPMENT_SANDBOX_SECRET], webhookUrl: undefined },
};

describe("KYC with the sandbox", () => {
  let on: KycFixture;

  before(async () => {
    on = await kycFixture("kyc_sandbox", { kyc: KYC });
  });

  after(async () => {
    expect(on.undeclared).to.deep.equal([]);
    await on.close();
  });

  async function start() {
    const userId = (await on.newUser()).userId;
    const started = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect(started.status).to.equal(201);
    return { userId, sessionId: started.body.sessionId, sessionUrl: String(started.body["sessionUrl"]) };
  }

  async function decide(sessionId: string, decision: string, behaviour = "normal") {
    const body = new URLSearchParams({ decision, behaviour }).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return on.call("POST", `/sandbox/kyc/${sessionId}`, { body, headers });
  }

  async function statusOf(userId: string) {
    return (await on.call("GET", "/api/kyc/status", { userId })).body;
  }

  function untilSubstatus(userId: string, substatus: string) {
    return eventually(`the substatus ${substatus}`, async () => {
      const status = await statusOf(userId);
      return status["substatus"] === substatus && status;
    });
  }

  async function lettersTo(userId: string): Promise<MailboxMessage[]> {
    return (await listMailbox(on.mailboxDir)).filter(({ to }) => to.includes(userId));
  }

  it("shows a user who never asked as not verified", async () => {
    const userId = (await on.newUser()).userId;
    expect(await statusOf(userId)).to.deep.include({
      status: "not_verified",
      substatus: null,
      sessionId: null,
      mayRetry: true,
    });
  });

  it("leads from the start over the page to a verified identity and one letter", async () => {
    const { userId, sessionId, sessionUrl } = await start();
    expect(sessionUrl).to.equal(`${on.url}/sandbox/kyc/${sessionId}`);
    expect(await statusOf(userId)).to.deep.include({
      status: "pending",
      substatus: "opened",
      provider: "sandbox",
      sessionId,
    });

    const page = await on.call("GET", `/sandbox/kyc/${sessionId}`);
    expect(page.status).to.equal(200);
    expect(page.headers.get("content-security-policy")).to.match(
      /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/,
    );
    expect(page.text).to.contain("https://app.example/profile");

    expect((await decide(sessionId, "approve")).status).to.equal(303);
    expect(await untilSubstatus(userId, "approved")).to.deep.include({ status: "verified", rejectionReason: null });
    const [letter, ...others] = await eventually("the letter", async () => {
      const letters = await lettersTo(userId);
      return letters.length > 0 && letters;
    });
    expect(others).to.deep.equal([]);
    expect(letter?.subject).to.equal("Your identity is verified");
    expect(letter?.text).to.match(/^Hello Alice Smith,\n/);
  });

  it("tells the reason of a rejection, and lets the user try again with a new session", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "reject");
    const rejected = await untilSubstatus(userId, "declined");
    expect(rejected).to.deep.include({ status: "rejected", mayRetry: true });
    expect(rejected["rejectionReason"]).to.deep.include({ code: "selfie_mismatch" });
    const [letter] = await eventually("the letter", async () => {
      const letters = await lettersTo(userId);
      return letters.length > 0 && letters;
    });
    expect(letter?.text).to.contain("could not be matched");

    const again = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect(again.status).to.equal(201);
    expect(again.body["sessionId"]).not.to.equal(sessionId);
    expect(await statusOf(userId)).to.deep.include({ status: "pending", rejectionReason: null });
  });

  it("keeps a case in review pending until a person decides", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "review");
    expect(await untilSubstatus(userId, "needs_review")).to.deep.include({ status: "pending" });
    await decide(sessionId, "approve");
    expect(await untilSubstatus(userId, "approved")).to.deep.include({ status: "verified" });
    await eventually("both letters", async () => (await lettersTo(userId)).length === 2);
  });

  it("lets a person decide a review after its session's expiry", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "review");
    await untilSubstatus(userId, "needs_review");
    const over = { $set: { expiresAt: new Date(0) } };
    const { mongo } = on.context;
    await mongo.collection<{ _id: string }>("kyc_verifications").updateOne({ _id: userId }, over);
    await mongo.collection<{ _id: string }>("kyc_sandbox_sessions").updateOne({ _id: sessionId }, over);
    const waiting = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect([waiting.status, waiting.body["code"]]).to.deep.equal([409, "kyc.under_review"]);
    expect((await decide(sessionId, "approve")).status).to.equal(303);
    expect(await untilSubstatus(userId, "approved")).to.deep.include({ status: "verified", sessionId });
  });

  it("leads back to the same session when the provider asks for another try", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "resubmit");
    await untilSubstatus(userId, "resubmission_requested");
    const again = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect(again.status).to.equal(200);
    expect(again.body).to.deep.include({ sessionId, substatus: "resubmission_requested" });
  });

  it("returns to not verified when a session expires", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "expire");
    expect(await untilSubstatus(userId, "expired")).to.deep.include({ status: "not_verified" });
    expect((await decide(sessionId, "approve")).status).to.equal(409);
  });

  for (const behaviour of ["duplicate", "reorder"]) {
    it(`comes to one decision and one letter when the provider misbehaves: ${behaviour}`, async () => {
      const { userId, sessionId } = await start();
      await decide(sessionId, "approve", behaviour);
      await untilSubstatus(userId, "approved");
      const expected = behaviour === "duplicate" ? 1 : 2;
      await eventually(
        "every delivery",
        async () => (await entriesOf(sessionId)).filter(isFinished).length === expected,
      );
      expect(await statusOf(userId)).to.deep.include({ status: "verified", substatus: "approved" });
      await eventually("the letter", async () => (await lettersTo(userId)).length === 1);
      expect(await lettersTo(userId)).to.have.length(1);
    });
  }

  it("finds out by itself what a lost webhook would have said", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "approve", "lose");
    await untilSubstatus(userId, "approved");
    expect(await entriesOf(sessionId)).to.deep.equal([]);
    await eventually("the letter", async () => (await lettersTo(userId)).length === 1);
  });

  it("gives sixteen racing requests one session, and the twenty-first within an hour none", async () => {
    const userId = (await on.newUser()).userId;
    const answers = await Promise.all(
      Array.from({ length: 16 }, () => on.call("POST", "/api/kyc/start-verification", { userId })),
    );
    expect(new Set(answers.map(({ body }) => body["sessionId"]))).to.have.property("size", 1);
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([...Array<number>(15).fill(200), 201]);
    expect(await on.context.mongo.collection("kyc_sandbox_sessions").countDocuments({ reference: userId })).to.equal(1);
    for (let more = 0; more < 4; more += 1) await on.call("POST", "/api/kyc/start-verification", { userId });
    const tooMany = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect(tooMany.status).to.equal(429);
    expect(tooMany.headers.get("retry-after")).not.to.equal(null);
  });

  it("refuses to start again for a verified user", async () => {
    const { userId, sessionId } = await start();
    await decide(sessionId, "approve");
    await untilSubstatus(userId, "approved");
    const again = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect(again.status).to.equal(409);
    expect(again.body["code"]).to.equal("kyc.already_verified");
  });

  async function entriesOf(sessionId: string) {
    return on.context.mongo.collection("webhook_inbox").find({ "facts.decision.sessionId": sessionId }).toArray();
  }
});

function isFinished(entry: Record<string, unknown>): boolean {
  return entry["finishedAt"] !== null;
}
