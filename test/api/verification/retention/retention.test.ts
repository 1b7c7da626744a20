import { expect } from "chai";
import { createAlertStore } from "../../../../api/verification/alerts/store";
import { endRetention, type RetentionDeps } from "../../../../api/verification/retention/actions";
import { retentionSweep } from "../../../../api/verification/retention/jobs";
import { createVerificationStore } from "../../../../api/verification/store";
import type { UsageEntry } from "../../../../api/verification/usage/rules";
import { createUsageStore } from "../../../../api/verification/usage/store";
import type { Verification } from "../../../../api/verification/rules";
import { addSeconds } from "../../../../core/clock";
import { createLogger } from "../../../../core/logger";
import { ensureIndexes, type Mongo } from "../../../../core/mongo";
import { encryptionOn } from "../../../support/encryption";
import { eventually } from "../../../support/eventually";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { testMongo } from "../../../support/servers";

const DAY = 24 * 60 * 60;
const RETENTION = { usageDays: 365, verificationDays: 90, alertDays: 200, ipAddressDays: 30 };

describe("retention", () => {
  let mongo: Mongo;
  let clock: FakeClock;
  let deps: RetentionDeps & {
    usage: ReturnType<typeof createUsageStore>;
    verifications: ReturnType<typeof createVerificationStore>;
    alerts: ReturnType<typeof createAlertStore>;
  };

  beforeEach(async () => {
    mongo = await testMongo("retention");
    clock = fakeClock();
    deps = {
      usage: createUsageStore(mongo),
      verifications: createVerificationStore(encryptionOn(mongo)),
      alerts: createAlertStore(mongo),
      clock,
      config: { retention: RETENTION },
    };
    await ensureIndexes(mongo);
  });
  afterEach(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  const entry = (id: string): UsageEntry => ({
    id,
    credentialId: "c",
    issuer: "0x1",
    subjectDid: "did:x:alice",
    presenterId: "did:x:alice",
    signer: null,
    verifierId: "v",
    verifierName: "ACME",
    verificationId: id,
    result: "SUCCESS",
    reason: "",
    code: null,
    ipAddress: "192.0.2.1",
    timestamp: clock.now(),
  });
  const verification = (verificationId: string): Verification => ({
    verificationId,
    verifierId: "v",
    verifierName: "ACME",
    credentialId: "c",
    subjectDid: "did:x:alice",
    foreignJwt: null,
    disclosed: null,
    challenge: {
      nonce: "n",
      message: "m",
      digest: "d",
      issuedAt: clock.now(),
      expiresAt: addSeconds(clock.now(), 300),
    },
    status: "pending",
    decision: null,
    declined: null,
    wantsWebhook: true,
    deliveryPendingSince: null,
    createdAt: clock.now(),
  });
  const entries = () => deps.usage.list({}, { limit: 10_000, before: null });

  it("deletes each kind to the second of its own setting, and IP addresses before", async () => {
    await deps.usage.append(entry("use/1"));
    await deps.verifications.insert(verification("v-1"));
    await deps.alerts.record({
      credentialId: "c",
      kind: "reuse",
      issuer: "0x1",
      subjectDid: "did:x:alice",
      presenterDid: "did:x:bob",
      signer: null,
      verifierId: "v",
      verifierName: "ACME",
      ipAddress: "192.0.2.1",
      at: clock.now(),
    });
    const nothing = { usage: 0, verifications: 0, alerts: 0, addresses: 0 };
    clock.advance(30 * DAY);
    expect(await endRetention(deps)).to.deep.equal(nothing);
    clock.advance(1);
    expect(await endRetention(deps)).to.deep.equal({ ...nothing, addresses: 2 });
    expect((await entries()).map(({ id, ipAddress }) => [id, ipAddress])).to.deep.equal([["use/1", ""]]);
    expect((await deps.alerts.list(9)).map(({ ipAddress }) => ipAddress)).to.deep.equal([""]);
    clock.advance(60 * DAY - 1);
    expect(await endRetention(deps)).to.deep.equal(nothing);
    clock.advance(1);
    expect(await endRetention(deps)).to.deep.equal({ ...nothing, verifications: 1 });
    expect(await deps.verifications.find("v-1")).to.equal(null);
    clock.advance(110 * DAY);
    expect(await endRetention(deps)).to.deep.equal({ ...nothing, alerts: 1 });
    clock.advance(165 * DAY);
    expect(await endRetention(deps)).to.deep.equal({ ...nothing, usage: 1 });
    expect(await entries()).to.deep.equal([]);
  });

  it("keeps a verification whose webhook is still to be handed over", async () => {
    await deps.verifications.insert(verification("v-1"));
    const decision = {
      code: null,
      message: "",
      presenterDid: "did:x:alice",
      confirmationHash: "",
      decidedAt: clock.now(),
      block: { number: 1, hash: "0x" },
    };
    await deps.verifications.recordVerified({ verificationId: "v-1", wantsWebhook: true }, decision);
    clock.advance(91 * DAY);
    expect((await endRetention(deps)).verifications).to.equal(0);
    await deps.verifications.markHandedOver("v-1", "verified");
    expect((await endRetention(deps)).verifications).to.equal(1);
  });

  it("deletes more than one batch, and leaves what is younger", async () => {
    for (let number = 0; number < 1_100; number += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => deps.usage.append(entry(`old/${number + index}`))));
    }
    clock.advance(365 * DAY + 1);
    await deps.usage.append(entry("young"));
    const reports = await Promise.all([endRetention(deps), endRetention(deps)]);
    expect(reports.reduce((sum, { usage }) => sum + usage, 0)).to.equal(1_100);
    expect((await entries()).map(({ id }) => id)).to.deep.equal(["young"]);
  });

  it("is ended by the worker as soon as it starts", async () => {
    await deps.usage.append(entry("use/1"));
    clock.advance(366 * DAY);
    const logger = createLogger({ processName: "worker", logLevel: "silent" });
    const sweeper = retentionSweep({ ...deps, logger }).start();
    await eventually("the entry to be deleted", async () => (await entries()).length === 0);
    await sweeper.close();
  });
});
