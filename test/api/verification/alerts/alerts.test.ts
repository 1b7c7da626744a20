import { expect } from "chai";
import type { FraudAlert, FraudAttempt } from "../../../../api/verification/alerts/rules";
import { type AlertStore, createAlertStore } from "../../../../api/verification/alerts/store";
import { notifyAdminOf, sendableAlerts } from "../../../../api/verification/alerts/actions";
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
    signer: "0xb0b",
    verifierId: "v",
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

  it("name each signer, and nobody where the signature names nobody", async () => {
    await alerts.record(attempt({ signer: null, presenterDid: null }));
    await alerts.record(attempt({ signer: "0xa", presenterDid: null }));
    await Promise.all(Array.from({ length: 16 }, () => alerts.record(attempt({ signer: "0xb" }))));
    const [alert] = await alerts.list(9);
    expect(alert).to.deep.include({ attempts: 18, signers: ["0xa", "0xb"], presenters: ["did:x:bob"] });
  });

  it("about one verifier keep none about another waiting, however many there are", async () => {
    const notified: FraudAlert[] = [];
    const notifyAdmin = (alert: FraudAlert) => Promise.resolve(void notified.push(alert));
    for (let number = 0; number < 40; number += 1) {
      await alerts.record(attempt({ credentialId: `c${number}`, verifierId: "flooding" }));
    }
    // The flooding verifier was the first to draw an attempt on this credential, too.
    await alerts.record(attempt({ credentialId: "c", verifierId: "flooding" }));
    clock.advance(1);
    const other = (await alerts.record(attempt({ credentialId: "c", verifierId: "other" })))!;
    expect(other).to.be.a("string");
    const deps = { alerts, clock, notifyAdmin };
    const sweep = async () => {
      for (const { alertId } of await sendableAlerts(deps, { limit: 10 })) await notifyAdminOf(deps, alertId);
    };
    for (let time = 0; time < 4; time += 1) await sweep();
    expect(notified.filter(({ verifierId }) => verifierId === "flooding")).to.have.length(20);
    expect(notified.filter(({ verifierId }) => verifierId === "other").map(({ alertId }) => alertId)).to.deep.equal([
      other,
    ]);
    expect(await sendableAlerts(deps, { limit: 10 })).to.deep.equal([]);
  });
});
