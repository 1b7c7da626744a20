import { expect } from "chai";
import type { FraudAlert, FraudAttempt } from "../../../../api/verification/alerts/rules";
import { type AlertStore, createAlertStore } from "../../../../api/verification/alerts/store";
import { notifyAdminOf } from "../../../../api/verification/alerts/actions";
import { ensureIndexes, type Mongo } from "../../../../core/mongo";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { testMongo } from "../../../support/servers";

describe("fraud alerts", () => {
  let mongo: Mongo;
  let alerts: AlertStore;
  let clock: FakeClock;

  before(async () => {
    mongo = await testMongo("alerts");
    alerts = createAlertStore(mongo);
    await ensureIndexes(mongo);
  });

  beforeEach(() => {
    clock = fakeClock();
  });

  afterEach(async () => {
    await mongo.db!.collection("fraud_alerts").deleteMany({});
  });

  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  const attempt = (over: Partial<FraudAttempt> = {}): FraudAttempt => ({
    credentialId: "c",
    kind: "holder_mismatch",
    issuer: "0x1",
    subjectDid: "did:x:alice",
    presenterDid: "did:x:bob",
    verifierName: "ACME",
    ipAddress: "192.0.2.1",
    at: clock.now(),
    ...over,
  });

  it("count attempts of one kind on one credential within the hour as one, opened by one of racing callers", async () => {
    const opened = await Promise.all(Array.from({ length: 64 }, () => alerts.record(attempt())));
    expect(opened.filter((alertId) => alertId !== null)).to.have.length(1);
    const [alert] = await alerts.list(9);
    expect(alert).to.deep.include({ attempts: 64, presenters: ["did:x:bob"] });
    expect(await alerts.record(attempt({ kind: "reuse" }))).to.be.a("string");
    clock.advance(3600);
    expect(await alerts.record(attempt())).to.be.a("string");
  });

  it("name presenters up to a bound, and count on beyond it", async () => {
    for (let number = 0; number < 30; number += 1) await alerts.record(attempt({ presenterDid: `did:x:${number}` }));
    const [alert] = await alerts.list(9);
    expect(alert!.attempts).to.equal(30);
    expect(alert!.presenters).to.have.length(20);
  });

  it("are sent once each, at most twenty an hour, and the rest when the hour is over", async () => {
    const notified: { alert: FraudAlert; waiting: number }[] = [];
    const notifyAdmin = (alert: FraudAlert, waiting: number) => Promise.resolve(void notified.push({ alert, waiting }));
    const opened: string[] = [];
    for (let number = 0; number < 25; number += 1) {
      opened.push((await alerts.record(attempt({ credentialId: `c${number}` })))!);
    }
    const notifyAll = async () => {
      for (const alertId of opened) await notifyAdminOf({ alerts, clock, notifyAdmin }, alertId);
    };
    await notifyAll();
    await notifyAll();
    expect(notified).to.have.length(20);
    expect(notified.map(({ waiting }) => waiting)).to.deep.equal(Array.from({ length: 20 }, (_, place) => 24 - place));
    clock.advance(3601);
    await notifyAll();
    expect(new Set(notified.map(({ alert }) => alert.alertId)).size).to.equal(25);
    expect(notified).to.have.length(25);
  });
});
