import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { createPushHub, type HubLimits, type PushHub } from "../../../gateway/push/pushHub";
import type { Ending, Next, Subscription } from "../../../gateway/push/subscription";
import { eventOf } from "./events";

const LIMITS: HubLimits = { streams: 6, streamsPerSession: 2, streamsPerUser: 3, queuedEvents: 4 };
const ALICE = { userId: "alice", sessionId: "phone" };
const TABLET = { userId: "alice", sessionId: "tablet" };
const BOB = { userId: "bob", sessionId: "laptop" };

describe("the push hub", () => {
  let hub: PushHub;
  let endings: Ending[];

  beforeEach(() => {
    endings = [];
    hub = createPushHub(LIMITS, (ending) => endings.push(ending));
  });

  function register(subscriber = ALICE): Subscription {
    const registered = hub.register(subscriber);
    if (registered.refusal !== undefined) throw new Error(registered.refusal);
    return registered.subscription;
  }

  function started(subscriber = ALICE, head = 0n, after = head): Subscription {
    const subscription = register(subscriber);
    subscription.start({ after, head });
    return subscription;
  }

  const publish = (seq: number, changes: object = {}) => hub.publish(eventOf("alice", seq, changes));

  /** What is ready to be sent, in words. */
  async function drain(subscription: Subscription): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const next: Next = await subscription.next(0);
      if (next.kind === "idle") return found;
      if (next.kind === "event") found.push(String(next.event.seq));
      else if (next.kind === "behind") return [...found, `behind ${String(next.after)}-${String(next.head)}`];
      else return [...found, next.ending];
    }
  }

  it("gives each stream the events of its user, once and in order", async () => {
    const [phone, tablet, bob] = [started(), started(TABLET), started(BOB)];
    for (const seq of [1, 2, 2, 1, 3]) publish(seq);
    expect(await drain(phone)).to.deep.equal(["1", "2", "3"]);
    expect(await drain(tablet)).to.deep.equal(["1", "2", "3"]);
    expect(await drain(bob)).to.deep.equal([]);
  });

  it("sends nothing past a gap, which is to be read from the API", async () => {
    const stream = started(ALICE, 3n);
    publish(4);
    publish(6);
    publish(7);
    expect(await drain(stream)).to.deep.equal(["4", "behind 4-7"]);
    for (const seq of [5, 6, 7]) publish(seq);
    expect(await drain(stream)).to.deep.equal(["5", "6", "7"]);
  });

  it("loses no event between registration and start", async () => {
    const stream = register();
    publish(5);
    publish(6);
    stream.start({ after: 4n, head: 5n });
    expect(await drain(stream)).to.deep.equal(["behind 4-6"]);
  });

  it("begins with what a reader missed since its cursor", async () => {
    expect(await drain(started(ALICE, 9n, 7n))).to.deep.equal(["behind 7-9"]);
  });

  it("lets a stream that learns of a newer event read it", async () => {
    const stream = started(ALICE, 2n);
    hub.announce("alice", 2n);
    expect(await drain(stream)).to.deep.equal([]);
    hub.announce("alice", 4n);
    expect(await drain(stream)).to.deep.equal(["behind 2-4"]);
    stream.skipTo(4n);
    expect(await drain(stream)).to.deep.equal([]);
  });

  it("wakes a waiting reader for an event, a gap and the end", async () => {
    const stream = started();
    const nextAfter = async (act: () => void) => {
      const next = stream.next(60_000);
      setImmediate(act);
      return next;
    };
    expect(await nextAfter(() => publish(1))).to.include({ kind: "event" });
    expect(await nextAfter(() => publish(3))).to.deep.equal({ kind: "behind", after: 1n, head: 3n });
    stream.skipTo(3n);
    expect(await nextAfter(() => hub.close())).to.deep.equal({ kind: "ended", ending: "shutdown" });
  });

  it("ends the stream of a reader that is too slow, and no other", async () => {
    const [slow, quick] = [started(), started()];
    for (const seq of [1, 2, 3, 4]) publish(seq);
    expect(await drain(quick)).to.deep.equal(["1", "2", "3", "4"]);
    publish(5);
    expect(await drain(slow)).to.deep.equal(["reader_slow"]);
    expect(await drain(quick)).to.deep.equal(["5"]);
    expect(endings).to.deep.equal(["reader_slow"]);
  });

  describe("when sessions are invalidated", () => {
    const invalidate = (seq: number, payload: object) =>
      publish(seq, { type: "session.invalidated", payload: JSON.stringify(payload) });

    it("ends the streams of those listed and tells the user's other streams", async () => {
      const [phone, again, tablet] = [started(), started(), started(TABLET)];
      invalidate(1, { sessionIds: ["phone", "laptop"] });
      expect(await drain(phone)).to.deep.equal(["session_revoked"]);
      expect(await drain(again)).to.deep.equal(["session_revoked"]);
      expect(await drain(tablet)).to.deep.equal(["1"]);
      expect(hub.sessions()).to.deep.equal([TABLET]);
    });

    it("ends all of a user's streams", async () => {
      const [phone, tablet, bob] = [started(), started(TABLET), started(BOB)];
      invalidate(1, { all: true });
      expect(await drain(phone)).to.deep.equal(["session_revoked"]);
      expect(await drain(tablet)).to.deep.equal(["session_revoked"]);
      expect(await drain(bob)).to.deep.equal([]);
      expect(hub.has("alice")).to.equal(false);
    });

    it("ends a stream whose session was revoked before it started, and after it was last read", async () => {
      const stream = register();
      invalidate(8, { sessionIds: ["phone"] });
      expect(stream.ending).to.equal(undefined);
      stream.start({ after: 7n, head: 7n });
      expect(await drain(stream)).to.deep.equal(["session_revoked"]);
    });

    it("passes over an event that was stored before the session was read as active", async () => {
      const stream = register();
      invalidate(7, { all: true });
      stream.start({ after: 6n, head: 7n });
      invalidate(7, { all: true });
      expect(await drain(stream)).to.deep.equal(["7"]);
    });

    it("has the sessions read again when an event says neither which nor all", async () => {
      const stream = started();
      invalidate(1, { sessionIds: "phone" });
      expect(await drain(stream)).to.deep.equal(["too_old"]);
    });
  });

  it("refuses streams beyond the limits of session, user and gateway, until one ends", () => {
    const first = started();
    started();
    expect(hub.register(ALICE)).to.deep.equal({ refusal: "session_limit" });
    started(TABLET);
    expect(hub.register({ ...ALICE, sessionId: "watch" })).to.deep.equal({ refusal: "user_limit" });
    for (const userId of ["u1", "u2", "u3"]) started({ userId, sessionId: userId });
    expect(hub.register(BOB)).to.deep.equal({ refusal: "gateway_limit" });
    first.end("cancelled");
    first.end("cancelled");
    expect(hub.size()).to.equal(5);
    expect(hub.register(ALICE).refusal).to.equal(undefined);
    expect(endings).to.deep.equal(["cancelled"]);
  });

  it("ends everything when it closes, and refuses what comes later", async () => {
    const streams = [started(), started(BOB), register({ ...BOB, sessionId: randomUUID() })];
    hub.close();
    for (const stream of streams) expect(await drain(stream)).to.deep.equal(["shutdown"]);
    expect(hub.register(ALICE)).to.deep.equal({ refusal: "closed" });
    expect([hub.size(), hub.sessions().length]).to.deep.equal([0, 0]);
  });

  it("tells of an end at once to whoever asks later", () => {
    const stream = started();
    hub.endSession(ALICE, "session_expired");
    const heard: Ending[] = [];
    stream.onEnd((ending) => heard.push(ending));
    expect(heard).to.deep.equal(["session_expired"]);
  });
});
