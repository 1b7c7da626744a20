import { z } from "zod";
import { configPart } from "./part";
import { seconds } from "./variables";

const count = z.coerce.number().int().min(1);

export const pushPart = configPart({
  environment: {
    PUSH_MAX_STREAMS: count.default(10_000),
    PUSH_STREAMS_PER_SESSION: count.default(3),
    PUSH_STREAMS_PER_USER: count.default(10),
    PUSH_QUEUED_EVENTS: z.coerce.number().int().min(16).max(10_000).default(256),
    PUSH_CATCH_UP_EVENTS: z.coerce.number().int().min(1).max(10_000).default(500),
    PUSH_STREAM_SECONDS: seconds.default(3_600),
    PUSH_HEARTBEAT_SECONDS: seconds.max(300).default(15),
    PUSH_DRAIN_SECONDS: seconds.max(60).default(5),
    PUSH_SESSION_CHECK_SECONDS: seconds.max(3_600).default(60),
  },
  shape: (env): { push: PushConfig } => ({
    push: {
      limits: {
        streams: env.PUSH_MAX_STREAMS,
        streamsPerSession: env.PUSH_STREAMS_PER_SESSION,
        streamsPerUser: env.PUSH_STREAMS_PER_USER,
        queuedEvents: env.PUSH_QUEUED_EVENTS,
      },
      catchUpEvents: env.PUSH_CATCH_UP_EVENTS,
      streamSeconds: env.PUSH_STREAM_SECONDS,
      heartbeatSeconds: env.PUSH_HEARTBEAT_SECONDS,
      drainSeconds: env.PUSH_DRAIN_SECONDS,
      sessionCheckSeconds: env.PUSH_SESSION_CHECK_SECONDS,
    },
  }),
});

/** The streams of events that a gateway serves. */
interface PushConfig {
  /** Of each gateway. */
  limits: {
    streams: number;
    streamsPerSession: number;
    streamsPerUser: number;
    /** Events that wait for a slow reader; one more ends its stream. */
    queuedEvents: number;
  };
  /** The most events that a reader is sent later than they happened. */
  catchUpEvents: number;
  /** How old a stream becomes, more or less a tenth. */
  streamSeconds: number;
  /** How long a stream is silent at most. */
  heartbeatSeconds: number;
  /** How long a stream that was ended may take to be sent to its end before it is cut. */
  drainSeconds: number;
  /** How often the sessions of open streams are checked. */
  sessionCheckSeconds: number;
}
