import { createAddressBudget } from "../../core/addressBudget";
import type { InternalSessionReply, UserEventsReply } from "../../core/internalApi";
import { connectRedis } from "../../core/redis";
import type { GatewayContext } from "../context";
import { GatewayService } from "../gen/cairn/gateway/v1/gateway_pb";
import type { GatewayPart } from "../part";
import { startDispatcher } from "./dispatcher";
import { createPushMetrics } from "./metrics";
import { createPushHub } from "./pushHub";
import type { PushStreamDeps, StoredEvents } from "./pushStream";
import { createEventsRoute } from "./serverSentEvents";
import { type CheckedSession, startSessionWatch } from "./sessionWatch";
import type { SessionStatus, SubscribeDeps } from "./subscribe";
import { createSubscribeEvents } from "./subscribeEvents";
import { invalidationOf, type UserEvent } from "./userEvent";

type Deps = Pick<
  GatewayContext,
  "api" | "sessions" | "keys" | "clock" | "logger" | "receiving" | "metrics" | "config" | "createBudget"
>;

/** Events read at once; fewer than a stream may have waiting. */
const PAGE_SIZE = 100;

/** How often an address asks for a stream of server-sent events. */
const EVENTS_POLICY = { name: "gateway-events", limit: 60, windowSeconds: 60 };

/** Creates SubscribeEvents and its twin for browsers: one hub, fed by the events stream of Redis. */
export function createPushPart(deps: Deps): GatewayPart {
  const { api, clock, logger, config } = deps;
  const { limits, catchUpEvents, streamSeconds, heartbeatSeconds, drainSeconds, sessionCheckSeconds } = config.push;
  const metrics = createPushMetrics(deps);
  const hub = createPushHub(limits, metrics.onEnd);
  const checkSessions = async (ids: string[]) =>
    (await api.checkSessions(ids)).map((reply) => ({ ...statusOf(reply), sessionId: reply.id }));
  const watch = startSessionWatch({ hub, checkSessions, logger }, sessionCheckSeconds * 1000);
  const dispatcher = startDispatcher({
    redis: connectRedis({ url: config.redis.url, name: "gateway-events", logger, blocking: true }),
    streamKey: `${config.redis.prefix}:events`,
    logger,
    onEvent(event) {
      forgetInvalidated(deps, event);
      hub.publish(event);
    },
    // What was added while there was no connection may be gone.
    onConnect: () => void watch.check(),
  });

  const subscribing: SubscribeDeps = {
    hub,
    logger,
    settings: { maxAgeMs: streamSeconds * 1000, drainMs: drainSeconds * 1000 },
  };
  const streaming: PushStreamDeps = {
    clock,
    logger,
    readEvents: async (userId, after, limit) => storedEventsOf(userId, await api.readEvents(userId, { after, limit })),
    publish: hub.publish,
    settings: {
      heartbeatMs: heartbeatSeconds * 1000,
      maxCatchUp: catchUpEvents,
      pageSize: Math.min(PAGE_SIZE, limits.queuedEvents),
    },
  };
  const subscribeEvents = createSubscribeEvents({
    receiving: deps.receiving,
    sessions: deps.sessions,
    keys: deps.keys,
    readSession: async (id) => statusOfReply(await api.readSession(id)),
    subscribing,
    streaming,
    onSent: metrics.onSent,
  });
  const eventsRoute = createEventsRoute({
    budget: createAddressBudget(deps.createBudget, EVENTS_POLICY),
    unsigned: deps.receiving.unsigned,
    async readBrowserSession(token) {
      const reply = await api.checkBrowserSession(token);
      return reply && { ...statusOf(reply), userId: reply.userId, sessionId: reply.sessionId };
    },
    subscribing,
    streaming,
    onSent: metrics.onSent,
  });

  return {
    calls: (router) => router.rpc(GatewayService.method.subscribeEvents, subscribeEvents),
    routes: [eventsRoute],
    gauges: [
      { name: "cairn_gateway_streams", help: "Open streams of events.", read: () => Promise.resolve(hub.size()) },
    ],
    checks: [
      {
        name: "events",
        // Streams that are open learn what they miss from the API, later.
        required: false,
        run: () => Promise.resolve(dispatcher.isReading() ? {} : { problems: ["the events stream is not being read"] }),
      },
    ],
    async stop() {
      hub.close();
      watch.close();
      await dispatcher.close();
    },
  };
}

/** Commands of a session that ended are refused from now on, not after what is remembered of it has aged. */
function forgetInvalidated({ sessions }: Pick<Deps, "sessions">, event: UserEvent): void {
  const invalidation = invalidationOf(event);
  if (invalidation?.kind === "sessions") sessions.forget(invalidation.sessionIds);
}

function storedEventsOf(userId: string, { events, oldest }: UserEventsReply): StoredEvents {
  return {
    events: events.map(({ seq, id, type, at, payload }) => ({
      userId,
      seq: BigInt(seq),
      id,
      type,
      at: new Date(at),
      payload: JSON.stringify(payload),
    })),
    oldest: oldest === undefined ? undefined : BigInt(oldest),
  };
}

function statusOf<State extends CheckedSession["state"]>({ state, head }: { state: State; head?: string | undefined }) {
  return { state, head: head === undefined ? undefined : BigInt(head) };
}

function statusOfReply(reply: InternalSessionReply | undefined): SessionStatus {
  return reply === undefined ? { state: "unknown" } : statusOf(reply);
}
