import { expect } from "chai";
import type { Redis } from "ioredis";
import { randomBytes, randomUUID } from "node:crypto";
import { createBudgets, type CreateBudget } from "../../../core/budgets";
import { connectRedis } from "../../../core/redis";
import { createRequestBudgets, type RequestShare } from "../../../gateway/budgets/requestBudgets";
import { createUnsignedRequests } from "../../../gateway/budgets/unsignedRequests";
import { fakeClock } from "../../support/fakeClock";
import { testRedisUrl } from "../../support/servers";

describe("the gateway's budgets", () => {
  let redis: Redis;
  let createBudget: CreateBudget;

  before(async () => {
    redis = connectRedis({ url: testRedisUrl(), name: "test-gateway-budgets" });
    await redis.ping();
  });
  beforeEach(() => {
    createBudget = createBudgets({ redis, prefix: `test-${randomBytes(4).toString("hex")}` });
  });
  after(() => redis.disconnect());

  /** A request of somebody whom nobody else shares a budget with. */
  const share = (changes: Partial<RequestShare> = {}): RequestShare => ({
    address: `2001:db8:${randomBytes(2).toString("hex")}:1::1`,
    session: { deviceSessionId: randomUUID(), userId: randomUUID() },
    messageType: `type.${randomUUID()}`,
    isWrite: false,
    ...changes,
  });

  const { address } = share();
  const { session } = share();
  for (const [budget, limit, request] of [
    ["ip", 600, () => share({ address })],
    ["session", 120, () => share({ session: { ...session, userId: randomUUID() } })],
    ["user", 240, () => share({ session: { ...session, deviceSessionId: randomUUID() } })],
    [
      "type",
      60,
      () => share({ session: { ...session, deviceSessionId: randomUUID() }, messageType: "credentials.list" }),
    ],
    [
      "type",
      10,
      () => share({ session: { ...session, deviceSessionId: randomUUID() }, messageType: "kyc.start", isWrite: true }),
    ],
  ] as [string, number, () => RequestShare][]) {
    it(`let ${limit} of ${limit + 8} requests that race pass, and name the ${budget}'s, renewed within a minute`, async () => {
      // Two gateways count together.
      const gateways = [createRequestBudgets(createBudget), createRequestBudgets(createBudget)];
      const outcomes = await Promise.all(
        Array.from({ length: limit + 8 }, (_, index) => gateways[index % 2]!.take(request())),
      );
      expect(outcomes.filter(({ kind }) => kind === "allowed")).to.have.length(limit);
      for (const outcome of outcomes) {
        if (outcome.kind === "allowed") continue;
        expect(outcome.budget).to.equal(budget);
        expect(outcome.retryAfterMs).to.be.within(1_000, 60_000);
      }
    });
  }

  it("stop an address that brings 30 requests which nobody signed, until the minute is over, and no other", async () => {
    const clock = fakeClock();
    const unsigned = createUnsignedRequests({ createBudget, clock });
    for (let count = 0; count < 29; count += 1) {
      await unsigned.count("198.51.100.7", count % 2 === 0 ? "SIGNATURE_INVALID" : "SESSION_UNKNOWN");
    }
    expect(unsigned.blockedForMs("198.51.100.7")).to.equal(undefined);
    await unsigned.count("198.51.100.7", "SIGNATURE_INVALID");
    expect(unsigned.blockedForMs("198.51.100.7")).to.be.within(1_000, 60_000);
    expect(unsigned.blockedForMs("198.51.100.8")).to.equal(undefined);
    clock.advance(60);
    expect(unsigned.blockedForMs("198.51.100.7")).to.equal(undefined);
  });

  it("do not count against an address what a device signed", async () => {
    const unsigned = createUnsignedRequests({ createBudget, clock: fakeClock() });
    for (let count = 0; count < 64; count += 1) {
      await unsigned.count("198.51.100.7", count % 2 === 0 ? "REQUEST_REPLAYED" : "SESSION_REVOKED");
    }
    expect(unsigned.blockedForMs("198.51.100.7")).to.equal(undefined);
  });
});
