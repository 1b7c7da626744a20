import { expect } from "chai";
import { attemptDelivery } from "../../../../api/webhooks/delivery/actions";
import { outcomeOf } from "../../../../api/webhooks/delivery/rules";
import { webhookSecretOf } from "../../../../api/webhooks/delivery/signing";
import { createDeliveryStore, type DeliveryStore } from "../../../../api/webhooks/delivery/store";
import type { KeyStore } from "../../../../core/keys/keyStore";
import { eventually } from "../../../support/eventually";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import { type Fixture, fixture } from "../../../support/fixture";
import { startChild } from "../../../support/startChild";
import { expectSigned, startWebhookReceiver, type WebhookReceiver } from "../../../support/webhookReceiver";

describe("outgoing webhooks", () => {
  let on: Fixture;
  let clock: FakeClock;
  let deliveries: DeliveryStore;
  let receiver: WebhookReceiver;
  let count = 0;

  before(async () => {
    clock = fakeClock();
    on = await fixture("delivery", { modules: ["delivery"], clock });
    deliveries = createDeliveryStore(on.context.mongo);
    receiver = await startWebhookReceiver();
  });

  beforeEach(() => {
    on.startWorkers();
    receiver.received = [];
    receiver.answerWith = 204;
  });

  after(async () => {
    receiver.close();
    await on.close();
  });

  const webhook = () => ({
    id: `msg_${(count += 1)}`,
    secretOwner: "owner",
    url: receiver.url,
    type: "thing.happened",
    timestamp: new Date("2100-01-02T03:04:05.000Z"),
    data: { what: "it" },
  });
  const deliver = (ordered: ReturnType<typeof webhook> & { supersedes?: string[] }) =>
    on.modules.delivery.ports.deliver(ordered);
  const finished = (id: string) =>
    eventually(`${id} to be finished`, async () => {
      const delivery = await deliveries.find(id);
      return delivery !== null && delivery.nextAttemptAt === null && delivery;
    });
  const attempts = (id: string, number: number) =>
    eventually(`attempt ${number} at ${id} to be recorded`, async () => {
      const delivery = await deliveries.find(id);
      return delivery?.attempts === number && delivery;
    });

  it("arrive once, signed with their owner's secret", async () => {
    const ordered = webhook();
    await deliver(ordered);
    expect(await finished(ordered.id)).to.deep.include({ attempts: 1, deliveredAt: clock.now(), lastError: null });
    const [message] = receiver.received;
    expect(receiver.received).to.have.length(1);
    expectSigned(message!, await on.modules.delivery.ports.secretOf("owner"), clock.now());
    expect(message!.headers["content-type"]).to.equal("application/json");
    expect(JSON.parse(message!.body)).to.deep.equal({
      type: "thing.happened",
      timestamp: "2100-01-02T03:04:05.000Z",
      data: { what: "it" },
    });
  });

  it("are delivered once when sixteen order the same one at once, and when it is ordered again later", async () => {
    const ordered = webhook();
    await Promise.all(Array.from({ length: 16 }, () => deliver(ordered)));
    await finished(ordered.id);
    await deliver({ ...ordered, url: "http://127.0.0.1:1/" });
    const next = webhook();
    await deliver(next);
    await finished(next.id);
    expect(receiver.received.map(({ id }) => id)).to.deep.equal([ordered.id, next.id]);
    expect(await finished(ordered.id)).to.deep.include({ url: receiver.url, attempts: 1 });
  });

  it("are tried again under the same id with the same body when they are not taken, and not before the pause is over", async () => {
    receiver.answerWith = 500;
    const ordered = webhook();
    await deliver(ordered);
    const failed = await attempts(ordered.id, 1);
    expect(failed.lastError).to.equal("answered 500");
    expect(failed.nextAttemptAt!.getTime()).to.equal(clock.now().getTime() + 5_000);
    const send = () => Promise.reject(new Error("sent too early"));
    const { secretOf } = on.modules.delivery.ports;
    await attemptDelivery({ deliveries, clock, secretOf, send }, ordered.id, on.context.logger);
    expect(receiver.received, "attempts before the pause is over").to.have.length(1);

    receiver.answerWith = 200;
    clock.advance(5);
    expect(await finished(ordered.id)).to.deep.include({ attempts: 2, deliveredAt: clock.now(), lastError: null });
    const [first, second] = receiver.received;
    expect(second).to.include({ id: first!.id, body: first!.body });
    expectSigned(second!, await secretOf("owner"), clock.now());
  });

  it("are given up after the last pause, which ends more than three days after the first", () => {
    let now = new Date(0);
    let count = 1;
    for (; ; count += 1) {
      const outcome = outcomeOf(count, "answered 500", now);
      if (outcome.result === "given_up") break;
      expect(outcome.result).to.equal("failed");
      if (outcome.result === "failed") now = outcome.nextAttemptAt;
    }
    expect(count).to.equal(10);
    expect(now.getTime()).to.be.greaterThan(3 * 24 * 3600 * 1000);
  });

  it("end when another one supersedes them", async () => {
    receiver.answerWith = 500;
    const replaced = webhook();
    await deliver(replaced);
    await attempts(replaced.id, 1);
    receiver.answerWith = 204;
    const ordered = { ...webhook(), supersedes: [replaced.id] };
    await deliver(ordered);
    await finished(ordered.id);
    expect(await finished(replaced.id)).to.deep.include({
      attempts: 1,
      deliveredAt: null,
      supersededBy: ordered.id,
    });
    clock.advance(5);
    const next = webhook();
    await deliver(next);
    await finished(next.id);
    expect(receiver.received.map(({ id }) => id)).to.deep.equal([replaced.id, ordered.id, next.id]);
  });

  it("outlive a Redis that lost their job", async () => {
    await on.stopWorkers();
    const ordered = webhook();
    await deliver(ordered);
    const keys = await on.context.redis.keys(`${on.context.config.redis.prefix}:webhook-deliveries*`);
    if (keys.length > 0) await on.context.redis.del(...keys);
    on.startWorkers();
    await finished(ordered.id);
    expect(receiver.received.map(({ id }) => id)).to.deep.equal([ordered.id]);
  });

  it("outlive a worker that is killed between sending and recording: the receiver gets the same message again", async () => {
    await on.stopWorkers();
    const ordered = webhook();
    const killed = await startChild(on, {
      modules: ["delivery"],
      works: true,
      withChain: false,
      // With queues of its own: else its job stays locked for as long as a queue waits for a worker that is silent.
      context: {
        environment: { ...on.contextOptions.environment, REDIS_PREFIX: `${on.context.config.redis.prefix}-killed` },
      },
      crash: { mongo: "update webhook_deliveries", when: "before", nth: 1 },
    });
    // The child's clock is the machine's, by which this one is long due.
    const start = clock.now();
    clock.set(new Date(0));
    await deliver(ordered);
    clock.set(start);
    expect(await killed.ended).to.equal("SIGKILL");
    expect(receiver.received).to.have.length(1);
    on.startWorkers();
    expect(await finished(ordered.id)).to.include({ attempts: 1 });
    const [first, second] = receiver.received;
    expect(second).to.include({ id: first!.id, body: first!.body });
    expect(receiver.received).to.have.length(2);
  });

  it("are signed with secrets derived from one key: no owner's secret is stored", async () => {
    const keys: Pick<KeyStore, "create" | "sign"> = {
      create: (algorithm, keyId) =>
        Promise.resolve({ keyId: `${algorithm} ${keyId}`, algorithm, publicJwk: null, address: null }),
      sign: (keyId, data) => Promise.resolve(Buffer.from(`${keyId} ${Buffer.from(data).toString()}`)),
    };
    const secret = await webhookSecretOf(keys as KeyStore, "owner");
    expect(secret.slice(0, 6)).to.equal("whsec_");
    expect(Buffer.from(secret.slice(6), "base64").toString()).to.equal("HS256 webhook-secrets webhook owner");
  });
});
