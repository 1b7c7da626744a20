import { expect } from "chai";
import { createLogger } from "../../../core/logger";
import type { OutgoingEvent } from "../../../gateway/push/outgoing";
import { createPushHub, type PushHub } from "../../../gateway/push/pushHub";
import { type PushStreamDeps, type StoredEvents, streamEvents } from "../../../gateway/push/pushStream";
import type { Ending, Subscription } from "../../../gateway/push/subscription";
import { fakeClock } from "../../support/fakeClock";
import { eventOf } from "./events";

const LIMITS = { streams: 9, streamsPerSession: 9, streamsPerUser: 9, queuedEvents: 256 };
const HEARTBEAT_MS = 40;

/** The stored events of one user, of which some may not have been published. */
function storeOf(count: number, oldest = 1) {
  let failures = 0;
  const store = {
    count,
    reads: [] as string[],
    fail: (times: number) => void (failures = times),
    async read(userId: string, after: bigint, limit: number): Promise<StoredEvents> {
      store.reads.push(`${after}+${limit}`);
      if (failures-- > 0) throw new Error("the API does not answer");
      const first = Math.max(Number(after) + 1, oldest);
      const length = Math.max(0, Math.min(limit, store.count - first + 1));
      const events = Array.from({ length }, (_, index) => eventOf(userId, first + index));
      return oldest > Number(after) + 1 ? { events, oldest: BigInt(oldest) } : { events };
    },
  };
  return store;
}

describe("a push stream", () => {
  let hub: PushHub;
  let stream: AsyncGenerator<OutgoingEvent, Ending>;
  let subscription: Subscription;

  function open(store: ReturnType<typeof storeOf>, after = BigInt(store.count)): void {
    hub = createPushHub(LIMITS);
    const registered = hub.register({ userId: "alice", sessionId: "phone" });
    if (registered.refusal !== undefined) throw new Error(registered.refusal);
    ({ subscription } = registered);
    subscription.start({ after, head: BigInt(store.count) });
    const deps: PushStreamDeps = {
      clock: fakeClock(),
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      readEvents: store.read,
      publish: hub.publish,
      settings: { heartbeatMs: HEARTBEAT_MS, maxCatchUp: 500, pageSize: 100 },
    };
    stream = streamEvents(deps, subscription, after);
  }

  async function take(count: number): Promise<OutgoingEvent[]> {
    const events: OutgoingEvent[] = [];
    while (events.length < count) {
      const { value, done } = await stream.next();
      if (done === true) throw new Error(`it ended: ${value}`);
      events.push(value);
    }
    return events;
  }

  const cursorsOf = (events: OutgoingEvent[]) => events.map(({ cursor }) => Number(cursor));
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

  it("begins with the server's time and the cursor that it goes on after", async () => {
    open(storeOf(7));
    const [first] = await take(1);
    expect(first).to.include({ type: "gateway.server_time", cursor: 0n, atMs: fakeClock().now().getTime() });
    expect(JSON.parse(first!.payload)).to.deep.equal({ server_time_ms: first!.atMs, after: "7" });
  });

  it("sends what its reader missed and what happens meanwhile, once and in order", async () => {
    const store = storeOf(350);
    open(store, 50n);
    const sent = await take(120);
    for (const seq of range(351, 360)) hub.publish(eventOf("alice", seq));
    store.count = 360;
    sent.push(...(await take(191)));
    hub.publish(eventOf("alice", 361));
    sent.push(...(await take(1)));
    expect(cursorsOf(sent)).to.deep.equal([0, ...range(51, 361)]);
    expect(sent[1]).to.deep.include({
      id: eventOf("", 51).id,
      type: "credential.issued",
      payload: '{"credentialId":"c51"}',
    });
    expect(store.reads).to.deep.equal(["50+100", "150+100", "250+100", "350+100"]);
  });

  it("tells of a gap where its reader missed more than 500, and goes on after it", async () => {
    const store = storeOf(600);
    open(store, 99n);
    const [, gap] = await take(2);
    expect(gap).to.include({ type: "gateway.gap", cursor: 0n, payload: '{"from":"100","to":"600"}' });
    hub.publish(eventOf("alice", 601));
    expect(cursorsOf(await take(1))).to.deep.equal([601]);
    expect(store.reads).to.deep.equal([]);
  });

  it("tells of a gap where events were deleted, and sends those after it", async () => {
    open(storeOf(12, 10), 4n);
    const [, gap, ...rest] = await take(5);
    expect(gap).to.include({ type: "gateway.gap", payload: '{"from":"5","to":"9"}' });
    expect(cursorsOf(rest)).to.deep.equal([10, 11, 12]);
  });

  it("reads again until the API answers, and is not silent meanwhile", async () => {
    const store = storeOf(3);
    open(store, 0n);
    store.fail(2);
    const sent = await take(6);
    const types = sent.map(({ type }) => type);
    expect(types.slice(0, 3)).to.deep.equal(["gateway.server_time", "gateway.heartbeat", "gateway.heartbeat"]);
    expect(cursorsOf(sent.slice(3))).to.deep.equal([1, 2, 3]);
  });

  it("does not turn in circles over events that the API does not give", async () => {
    const store = storeOf(0);
    open(store);
    hub.announce("alice", 5n);
    await take(2);
    expect(store.reads).to.have.length(1);
    subscription.end("cancelled");
    expect((await stream.next()).value).to.equal("cancelled");
  });

  it("sends a heartbeat when nothing happens", async () => {
    open(storeOf(0));
    const [, first, second] = await take(3);
    for (const event of [first, second]) expect(event).to.include({ type: "gateway.heartbeat", cursor: 0n });
    expect(first!.id).not.to.equal(second!.id);
  });

  it("ends a stream of a session whose revocation was not published but read", async () => {
    const store = storeOf(2);
    open(store);
    await take(1);
    const payload = '{"sessionIds":["phone"]}';
    store.read = async () => ({ events: [eventOf("alice", 3, { type: "session.invalidated", payload })] });
    const deps: PushStreamDeps = {
      clock: fakeClock(),
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      readEvents: () => store.read("alice", 2n, 1),
      publish: hub.publish,
      settings: { heartbeatMs: HEARTBEAT_MS, maxCatchUp: 500, pageSize: 100 },
    };
    stream = streamEvents(deps, subscription, 2n);
    hub.announce("alice", 3n);
    await take(1);
    expect(await stream.next()).to.deep.equal({ value: "session_revoked", done: true });
  });
});
