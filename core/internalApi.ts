import { z } from "zod";

/**
 * What gateway and API agree on for the API's internal port, so that neither imports the other: who asks (a service
 * token), the paths of the commands, and the shape of what the API replies. Members of replies that are not named here
 * are passed over: the API may be newer than the gateway.
 */

/** `iss` of a service token: the gateway. */
export const SERVICE_TOKEN_ISSUER = "cairn-gateway";

/** `aud` of a service token: the internal port. */
export const SERVICE_TOKEN_AUDIENCE = "cairn-internal";

/** How much later than `iat` a service token's `exp` may be at most. */
export const SERVICE_TOKEN_MAX_SECONDS = 60;

/** Names the address from which the gateway's own caller asks; believed because the service token is. */
export const CLIENT_ADDRESS_HEADER = "x-cairn-client-address";

/** Names a write, `<device session id>/<request id>`, so that a retry is answered by the first answer. */
export const IDEMPOTENCY_KEY_HEADER = "idempotency-key";

/** The rejection of a write whose first run has not ended; the same request may be sent again. */
export const COMMAND_IN_PROGRESS = "command.in_progress";

/** A UUID in the one spelling that is signed: lower case, with hyphens (RFC 9562 §4). */
const id = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "is no UUID in lower case");

/** The claims of a service token (JWT, EdDSA; its header's `kid` is the RFC 7638 thumbprint of the gateway's key). */
export const ServiceClaims = z.object({
  iss: z.literal(SERVICE_TOKEN_ISSUER),
  aud: z.literal(SERVICE_TOKEN_AUDIENCE),
  iat: z.int().min(0),
  exp: z.int().min(0),
  /** The command's request id; of anything else a fresh one. */
  rid: id,
  /** Of a command: the user and the device session that it is the command of. */
  sub: id.optional(),
  sid: id.optional(),
});
export type ServiceClaims = z.infer<typeof ServiceClaims>;

const seq = z.string().regex(/^(0|[1-9]\d{0,18})$/);
const moment = z.iso.datetime();

/** What becomes of a session. */
export const SESSION_STATES = ["active", "expired", "revoked"] as const;
export type SessionState = (typeof SESSION_STATES)[number];

/** `GET /api/v1/internal/sessions/{id}`: a device's session. */
export const InternalSessionReply = z.object({
  deviceSessionId: id,
  userId: id,
  /** Raw Ed25519 public key, 32 bytes as base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  state: z.enum(SESSION_STATES),
  expiresAt: moment,
  /** The number of the user's newest event, decimal; `0` where there is none. */
  head: seq,
});
export type InternalSessionReply = z.infer<typeof InternalSessionReply>;

/** Most sessions that are asked for at once. */
export const SESSIONS_CHECK_LIMIT = 1_000;

/** `POST /api/v1/internal/sessions/check`: what is asked. */
export const SessionsCheckBody = z.strictObject({ ids: z.array(id).max(SESSIONS_CHECK_LIMIT) });

/** `POST /api/v1/internal/sessions/check`: devices' sessions, in the order asked. */
export const SessionsCheckReply = z.object({
  sessions: z.array(
    z.object({
      id,
      state: z.enum([...SESSION_STATES, "unknown"]),
      /** Absent where the session is unknown, as is `head`. */
      userId: id.optional(),
      head: seq.optional(),
    }),
  ),
});
export type SessionsCheckReply = z.infer<typeof SessionsCheckReply>;

/** `POST /api/v1/internal/browser-sessions/check`: what is asked. */
export const BrowserSessionCheckBody = z.strictObject({ token: z.string().min(1).max(200) });

/** `POST /api/v1/internal/browser-sessions/check`: the session of a browser's token. */
export const BrowserSessionCheckReply = z.object({
  state: z.enum(SESSION_STATES),
  sessionId: id,
  userId: id,
  expiresAt: moment,
  head: seq,
});
export type BrowserSessionCheckReply = z.infer<typeof BrowserSessionCheckReply>;

/** Most events that one reply holds. */
export const USER_EVENTS_LIMIT = 500;

/** `GET /api/v1/internal/users/{id}/events?after=&limit=`: a user's events in order, without a gap after `after`. */
export const UserEventsReply = z.object({
  events: z.array(
    z.object({
      seq,
      id,
      type: z.string(),
      at: moment,
      /** Ids and states alone. */
      payload: z.record(z.string(), z.unknown()),
    }),
  ),
  head: seq,
  /** The first number that is still stored; present only where the event after `after` is not. */
  oldest: seq.optional(),
});
export type UserEventsReply = z.infer<typeof UserEventsReply>;

/** How a command reaches the API. */
export interface CommandRoute {
  method: "get" | "post" | "patch";
  path: string;
}

/**
 * Every command by its message type. The payload of a `get` is its query ({@link commandQuery}), that of the others, which
 * are writes, the body, byte for byte.
 */
export const COMMANDS = {
  "session.list": { method: "get", path: "/api/v1/user/session/list" },
  "session.revoke": { method: "post", path: "/api/v1/user/session/revoke" },
  "profile.update": { method: "patch", path: "/api/v1/user/profile/update" },
  "credentials.list": { method: "get", path: "/api/v1/user/credentials/list" },
  "credentials.read": { method: "get", path: "/api/v1/user/credentials/read" },
  "credentials.share": { method: "get", path: "/api/v1/user/credentials/share" },
  "credentials.usage": { method: "get", path: "/api/v1/user/credentials/usage" },
  "verification.requests.list": { method: "get", path: "/api/v1/user/verification/requests/list" },
  "verification.confirm": { method: "post", path: "/api/v1/user/verification/confirm" },
  "wallet.list": { method: "get", path: "/api/v1/user/wallet/list" },
  "wallet.challenge": { method: "post", path: "/api/v1/user/wallet/challenge" },
  "wallet.link": { method: "post", path: "/api/v1/user/wallet/link" },
  "wallet.unlink": { method: "post", path: "/api/v1/user/wallet/unlink" },
  "wallet.anchor": { method: "post", path: "/api/v1/user/wallet/anchor" },
  "kyc.status": { method: "get", path: "/api/v1/user/kyc/status" },
  "kyc.start": { method: "post", path: "/api/v1/user/kyc/start" },
} as const satisfies Record<string, CommandRoute>;

/** A message type of a command. */
export type CommandType = keyof typeof COMMANDS;

/**
 * The query that a read's payload becomes: a parameter for each member, numbers and truth values as JSON writes them.
 *
 * @param payload the payload as JSON was parsed
 * @returns undefined when it is not an object whose members are texts, numbers and truth values
 */
export function commandQuery(payload: unknown): URLSearchParams | undefined {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) return undefined;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(payload) as [string, unknown][]) {
    if (!["string", "number", "boolean"].includes(typeof value)) return undefined;
    query.append(name, String(value));
  }
  return query;
}
