import { Code } from "@connectrpc/connect";

/** Why the gateway does not execute a request. */
export type Reason =
  | "ENVELOPE_INVALID"
  | "PROTOCOL_UNSUPPORTED"
  | "SESSION_UNKNOWN"
  | "SESSION_EXPIRED"
  | "SESSION_REVOKED"
  | "BACKEND_UNAVAILABLE"
  | "PAYLOAD_HASH_MISMATCH"
  | "SIGNATURE_INVALID"
  | "REQUEST_STALE"
  | "REQUEST_FROM_FUTURE"
  | "REQUEST_REPLAYED"
  | "REQUEST_ID_REUSED"
  | "REPLAY_UNAVAILABLE"
  | "REPLAY_STORE_LOST"
  | "BUDGET_IP"
  | "BUDGET_SESSION"
  | "BUDGET_USER"
  | "BUDGET_TYPE"
  | "COMMAND_UNKNOWN"
  | "COMMAND_IN_PROGRESS"
  | "PAYLOAD_INVALID"
  | "CURSOR_AHEAD"
  | "STREAMS_SESSION"
  | "STREAMS_USER"
  | "READER_SLOW"
  | "STREAM_TOO_OLD"
  | "GATEWAY_FULL"
  | "GATEWAY_STOPPING";

/** A refusal as the caller gets it: a gRPC status, and google.rpc.ErrorInfo for programs. */
export interface Rejection {
  code: Code;
  reason: Reason;
  domain: "cairn";
  /** A sentence for people: what was refused, why, and how to fix it. Never a secret. */
  message: string;
  /** Further facts for programs, such as `server_time_ms`. */
  metadata: Record<string, string>;
  /** Set where the same request helps later, in milliseconds. */
  retryAfterMs?: number;
}

/** The status of every reason, and what its message says. */
const REASONS: Record<Reason, { code: Code; message: string }> = {
  ENVELOPE_INVALID: { code: Code.InvalidArgument, message: "The envelope is not valid" },
  PROTOCOL_UNSUPPORTED: { code: Code.FailedPrecondition, message: "This gateway speaks protocol version v1" },
  SESSION_UNKNOWN: { code: Code.Unauthenticated, message: "There is no such device session: log in" },
  SESSION_EXPIRED: { code: Code.Unauthenticated, message: "The device session has expired: log in again" },
  SESSION_REVOKED: { code: Code.FailedPrecondition, message: "The device session was revoked: log in again" },
  BACKEND_UNAVAILABLE: { code: Code.Unavailable, message: "The API does not answer: try again" },
  PAYLOAD_HASH_MISMATCH: { code: Code.InvalidArgument, message: "payload_hash is not the SHA-256 of payload_bytes" },
  SIGNATURE_INVALID: {
    code: Code.Unauthenticated,
    message: "The signature is not by the session's key over the envelope's signing bytes",
  },
  REQUEST_STALE: {
    code: Code.FailedPrecondition,
    message: "The request was signed more than 120 s ago: set the clock by server_time_ms and sign anew",
  },
  REQUEST_FROM_FUTURE: {
    code: Code.FailedPrecondition,
    message: "timestamp_ms is more than 30 s ahead: set the clock by server_time_ms and sign anew",
  },
  REQUEST_REPLAYED: {
    code: Code.AlreadyExists,
    message: "This request was received already: to repeat it, keep request_id and sign a later timestamp_ms",
  },
  REQUEST_ID_REUSED: {
    code: Code.AlreadyExists,
    message: "request_id stands for another request of this session: choose a new one",
  },
  REPLAY_UNAVAILABLE: {
    code: Code.Unavailable,
    message: "Whether this is a replay cannot be decided now: sign anew and try again",
  },
  REPLAY_STORE_LOST: {
    code: Code.Unavailable,
    message: "The memory of earlier requests was lost: sign anew after the delay and try again",
  },
  BUDGET_IP: { code: Code.ResourceExhausted, message: "Too many requests from this address: try again later" },
  BUDGET_SESSION: { code: Code.ResourceExhausted, message: "Too many requests of this session: try again later" },
  BUDGET_USER: { code: Code.ResourceExhausted, message: "Too many requests of this user: try again later" },
  BUDGET_TYPE: { code: Code.ResourceExhausted, message: "Too many requests of this type: try again later" },
  COMMAND_UNKNOWN: { code: Code.Unimplemented, message: "This gateway has no such message_type" },
  COMMAND_IN_PROGRESS: {
    code: Code.Aborted,
    message: "The first run of this command is not finished: sign anew under the same request_id and try again",
  },
  PAYLOAD_INVALID: { code: Code.InvalidArgument, message: "The payload is not valid" },
  CURSOR_AHEAD: {
    code: Code.OutOfRange,
    message: "The cursor is ahead of the user's newest event: read anew what it stood for and subscribe without one",
  },
  STREAMS_SESSION: { code: Code.ResourceExhausted, message: "This session has too many open streams: close one" },
  STREAMS_USER: { code: Code.ResourceExhausted, message: "This user has too many open streams: close one" },
  READER_SLOW: {
    code: Code.ResourceExhausted,
    message: "The stream was not read fast enough: subscribe again after the last cursor",
  },
  STREAM_TOO_OLD: {
    code: Code.Unavailable,
    message: "Streams are ended after a while: subscribe again after the last cursor",
  },
  GATEWAY_FULL: { code: Code.Unavailable, message: "This gateway serves no further streams now: try again" },
  GATEWAY_STOPPING: {
    code: Code.Unavailable,
    message: "This gateway is being stopped: subscribe again after the last cursor",
  },
};

/**
 * Makes a rejection.
 *
 * @param options.detail completes the message: which field, and what is wrong with it
 * @param options.retryAfterMs where the same request may succeed later
 */
export function reject(
  reason: Reason,
  options: { detail?: string; metadata?: Record<string, string>; retryAfterMs?: number } = {},
): Rejection {
  const { code, message } = REASONS[reason];
  const { detail, metadata = {}, retryAfterMs } = options;
  return {
    code,
    reason,
    domain: "cairn",
    message: detail === undefined ? `${message}.` : `${message}: ${detail}.`,
    metadata,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
}
