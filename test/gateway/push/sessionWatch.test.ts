import { expect } from "chai";
import { createLogger } from "../../../core/logger";
import { createPushHub, type PushHub } from "../../../gateway/push/pushHub";
import { type CheckedSession, type SessionWatch, startSessionWatch } from "../../../gateway/push/sessionWatch";
import type { Subscription } from "../../../gateway/push/subscription";
import { eventually } from "../../support/eventually";

const HOUR_MS = 3_600_000;

describe("the check of sessions with streams", () => {
  let hub: PushHub;
  let watch: SessionWatch | undefined;

  beforeEach(() => {
    hub = createPushHub({ streams: 5_000, streamsPerSession: 3, streamsPerUser: 10, queuedEvents: 4 });
  });
  afterEach(() => watch?.close());

  function started(sessionId: string): Subscription {
    const { subscription } = hub.register({ userId: `user of ${sessionId}`, sessionId }) as {
      subscription: Subscription;
    };
    subscription.start({ after: 0n, head: 0n });
    return subscription;
  }

  function watchWith(checkSessions: (ids: string[]) => Promise<CheckedSession[]>, intervalMs = HOUR_MS): SessionWatch {
    const logger = createLogger({ processName: "api", logLevel: "silent" });
    return (watch = startSessionWatch({ hub, checkSessions, logger }, intervalMs));
  }

  it("ends the streams of sessions that are over, and tells the others of newer events", async () => {
    const states = ["active", "expired", "revoked", "unknown"] as const;
    const streams = states.map((state) => started(state));
    await watchWith(async (ids) =>
      ids.map((id) => ({ sessionId: id, state: id as CheckedSession["state"], head: 2n })),
    ).check();
    expect(streams.map(({ ending }) => ending)).to.deep.equal([
      undefined,
      "session_expired",
      "session_revoked",
      "session_unknown",
    ]);
    expect(await streams[0]!.next(0)).to.deep.equal({ kind: "behind", after: 0n, head: 2n });
  });

  it("asks about every session once, a thousand at a time", async () => {
    for (let index = 0; index < 2_100; index += 1) started(`s${index}`);
    started("s0");
    const asked: string[][] = [];
    await watchWith(async (ids) => {
      asked.push(ids);
      return ids.map((id) => ({ sessionId: id, state: "active" }));
    }).check();
    expect(asked.map((ids) => ids.length)).to.deep.equal([1_000, 1_000, 100]);
    expect(new Set(asked.flat()).size).to.equal(2_100);
  });

  it("leaves streams open while the API does not answer, and asks again", async () => {
    const stream = started("revoked");
    let calls = 0;
    watchWith(async () => {
      calls += 1;
      if (calls < 3) throw new Error("no answer");
      return [{ sessionId: "revoked", state: "revoked" }];
    }, 5);
    await eventually("the third check", () => stream.ending);
    expect(calls).to.be.at.least(3);
    expect(stream.ending).to.equal("session_revoked");
  });

  it("asks once more when it was asked to while it asks", async () => {
    started("s");
    let calls = 0;
    let answer: () => void = () => undefined;
    const { check } = watchWith(async () => {
      calls += 1;
      await new Promise<void>((resolve) => (answer = resolve));
      return [];
    });
    const done = check();
    for (let repeat = 0; repeat < 16; repeat += 1) void check();
    answer();
    await eventually("the second call", () => calls === 2);
    answer();
    await done;
    expect(calls).to.equal(2);
  });
});
