import { expect } from "chai";
import { randomUUID } from "node:crypto";

import { sendNotification, type SendDeps } from "../../../api/notifications/actions";
import { createSmtpMailer } from "../../../api/notifications/smtpMailer";
import { type NotificationStore, createNotificationStore } from "../../../api/notifications/store";
import { addSeconds, systemClock } from "../../../core/clock";
import { ensureIndexes, type Mongo } from "../../../core/mongo";
import { type SmtpServer, startSmtpServer } from "../../support/kyc/smtpServer";
import { testMongo } from "../../support/servers";

describe("sending a notification", () => {
  let mongo: Mongo;
  let notifications: NotificationStore;
  let smtp: SmtpServer;
  let parts: SendDeps;

  before(async () => {
    mongo = await testMongo("notifications");
    notifications = createNotificationStore(mongo);
    await ensureIndexes(mongo);
  });

  beforeEach(async () => {
    smtp = await startSmtpServer();
    parts = {
      notifications,
      mailer: createSmtpMailer(smtp.url),
      clock: systemClock,

      from: "Cairn <no-reply@cairn.example>",
      config: { http: { publicUrl: "https://id.example" } },
      recipientOf: () => Promise.resolve({ name: "Zoë", address: "zoe@example.com" }),
    };
  });

  afterEach(() => smtp.close());

  after(async () => {
    await mongo.dropDatabase();
    await mongo.close();
  });

  async function keep(): Promise<string> {
    const _id = `kyc-${randomUUID()}-2`;
    await notifications.insert({ _id, userId: "user-1", template: "kyc.approved", facts: {} }, systemClock.now(), 30);
    return _id;
  }

  const stateOf = async (id: string) => (await notifications.find(id))?.state;
  const codeOf = (sending: Promise<void>) =>
    sending.then(
      () => "sent",
      (error: unknown) => (error as { code?: string }).code,
    );

  it("mails once, raced by sixteen", async () => {
    const id = await keep();
    await Promise.allSettled(Array.from({ length: 16 }, () => sendNotification(parts, id)));
    expect(smtp.accepted).to.have.length(1);
    expect(await stateOf(id)).to.equal("sent");
    await sendNotification(parts, id);
    expect(smtp.accepted).to.have.length(1);
  });

  it("keeps one notification however often it is kept", async () => {
    const id = await keep();
    await sendNotification(parts, id);
    await notifications.insert(
      { _id: id, userId: "user-1", template: "kyc.approved", facts: {} },
      systemClock.now(),
      30,
    );
    await sendNotification(parts, id);
    expect(smtp.accepted).to.have.length(1);
  });

  it("tries again what the server deferred", async () => {
    const id = await keep();
    smtp.behaviour = "defers_message";
    expect(await codeOf(sendNotification(parts, id))).to.equal("mail.deferred");
    expect(await stateOf(id)).to.equal("waiting");
    smtp.behaviour = "accepts";
    await sendNotification(parts, id);
    expect(smtp.accepted).to.have.length(1);
  });

  it("gives up what the server refuses for good, until a person has it tried again", async () => {
    const id = await keep();
    smtp.behaviour = "refuses_recipient";
    expect(await codeOf(sendNotification(parts, id))).to.equal("mail.refused");
    expect(await stateOf(id)).to.equal("given_up");
    smtp.behaviour = "accepts";
    await sendNotification(parts, id);
    expect([smtp.accepted.length, await stateOf(id)]).to.deep.equal([1, "sent"]);
  });

  it("does not repeat what the server may have taken", async () => {
    const id = await keep();
    smtp.behaviour = "hangs_up_after_message";
    expect(await codeOf(sendNotification(parts, id))).to.equal("mail.uncertain");
    smtp.behaviour = "accepts";
    expect(await codeOf(sendNotification(parts, id))).to.equal("sent");
    expect([smtp.accepted.length, await stateOf(id)]).to.deep.equal([1, "uncertain"]);
  });

  it("writes to nobody when the account is gone", async () => {
    const id = await keep();
    await sendNotification({ ...parts, recipientOf: () => Promise.resolve(null) }, id);
    expect([smtp.accepted.length, await stateOf(id)]).to.deep.equal([0, "given_up"]);
  });

  it("is swept when it waits too long, and never once it is settled", async () => {
    const id = await keep();
    const soon = addSeconds(systemClock.now(), 31);
    expect(await notifications.due(soon, 100)).to.include(id);
    await sendNotification(parts, id);
    expect(await notifications.due(addSeconds(soon, 999_999), 100)).not.to.include(id);
  });
});
