import { Code } from "@connectrpc/connect";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressBudget } from "../../core/addressBudget";
import { tooManyRequests } from "../../core/budgets";
import { DomainError, type ErrorKind, TransientError } from "../../core/errors";
import { readCookie, SESSION_COOKIE } from "../../core/sessionCookie";
import type { UnsignedRequests } from "../budgets/unsignedRequests";
import { RejectedError } from "../envelope/receive";
import { reject, type Rejection } from "../envelope/rejection";
import { createCaller } from "../server/caller";
import type { HttpExchange, HttpRoute } from "../server/routes";
import { parseCursor } from "./cursor";
import { rejectionOfEnding } from "./endings";
import type { OutgoingEvent } from "./outgoing";
import { type PushStreamDeps, streamEvents } from "./pushStream";
import { type SessionStatus, type StartedSubscription, subscribe, type SubscribeDeps } from "./subscribe";

/** A browser session as the API knows it by its token. */
export interface BrowserSession extends SessionStatus {
  userId: string;
  sessionId: string;
}

export interface ServerSentEventsDeps {
  /** Limits how often an address asks. */
  budget: AddressBudget;
  unsigned: UnsignedRequests;
  /** @returns undefined where no session has this token */
  readBrowserSession(token: string): Promise<BrowserSession | undefined>;
  subscribing: SubscribeDeps;
  streaming: PushStreamDeps;
  /** Records that an event was sent, and whether it was sent as it happened. */
  onSent(event: OutgoingEvent, isLive: boolean): void;
}

export const EVENTS_PATH = "/api/v1/events";

/** How long a browser waits before it connects again, in milliseconds. */
const RECONNECT_MS = 2_000;

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store",
  // Proxies of the nginx kind would hold events back until a buffer is full.
  "x-accel-buffering": "no",
};

/**
 * Creates `GET /api/v1/events`: the stream of SubscribeEvents as server-sent events (HTML Standard §9.2) for browser
 * sessions, unsigned. The end of a stream is told by an event `gateway.closed`.
 */
export function createEventsRoute(deps: ServerSentEventsDeps): HttpRoute {
  return {
    method: "GET",
    path: EVENTS_PATH,
    async handle(exchange) {
      try {
        await answer(deps, exchange);
      } catch (error) {
        throw error instanceof RejectedError ? toHttpError(error.rejection) : error;
      }
    },
  };
}

async function answer(deps: ServerSentEventsDeps, exchange: HttpExchange): Promise<void> {
  const { request, response, address } = exchange;
  const blockedForMs = deps.unsigned.blockedForMs(address);
  if (blockedForMs !== undefined) throw new RejectedError(reject("BUDGET_IP", { retryAfterMs: blockedForMs }));
  const { policy, state } = await deps.budget.take(address);
  if (!state.allowed) throw tooManyRequests(policy, state);

  const token = tokenOf(request);
  const after = cursorOf(request);
  const session = await deps.readBrowserSession(token);
  if (session === undefined) {
    await deps.unsigned.count(address, "SESSION_UNKNOWN");
    throw new RejectedError(reject("SESSION_UNKNOWN"));
  }
  if (session.state !== "active") throw new RejectedError(rejectionOfEnding(`session_${session.state}`));
  if (request.method === "HEAD") {
    response.writeHead(200, HEADERS).end();
    return;
  }
  const started = await subscribe(deps.subscribing, {
    subscriber: { userId: session.userId, sessionId: session.sessionId },
    after,
    caller: createCaller(address, request, response),
    readSession: async () => (await deps.readBrowserSession(token)) ?? { state: "unknown" },
  });
  response.writeHead(200, HEADERS);
  response.write(`retry: ${RECONNECT_MS}\n\n`);
  await send(deps, response, started);
}

async function send(
  deps: ServerSentEventsDeps,
  response: ServerResponse,
  { subscription, after, head }: StartedSubscription,
): Promise<void> {
  const events = streamEvents(deps.streaming, subscription, after);
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) {
      if (value !== "cancelled") response.write(closingFrame(rejectionOfEnding(value)));
      response.end();
      return;
    }
    await write(response, eventFrame(value));
    deps.onSent(value, value.cursor > head);
  }
}

/** Waits for a reader that is behind; one that went away ends the subscription, and with it the stream. */
async function write(response: ServerResponse, text: string): Promise<void> {
  if (response.write(text) || response.destroyed) return;
  await new Promise<void>((resolve) => {
    const proceed = () => {
      response.off("drain", proceed).off("close", proceed);
      resolve();
    };
    response.on("drain", proceed).on("close", proceed);
  });
}

/** An event; its id is the cursor with which a browser connects again. */
function eventFrame({ id, type, atMs, goOnAfter, payload }: OutgoingEvent): string {
  const data = { id, at: new Date(atMs).toISOString(), payload: JSON.parse(payload) as unknown };
  return frame(type, data, goOnAfter);
}

function closingFrame({ code, reason, message, retryAfterMs }: Rejection): string {
  const status = Code[code].replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return frame("gateway.closed", { status, reason, message, retryAfterMs });
}

/** One event as of HTML Standard §9.2.5: JSON has no line breaks outside of its texts, where they are escaped. */
function frame(type: string, data: object, id?: bigint): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** @throws DomainError `session.missing` */
function tokenOf({ headers }: IncomingMessage): string {
  const { authorization } = headers;
  const bearer = /^Bearer +([^ ]{1,200})$/i.exec(authorization ?? "")?.[1];
  const token = authorization === undefined ? readCookie(headers.cookie, SESSION_COOKIE) : bearer;
  if (token !== undefined && token !== "" && token.length <= 200) return token;
  const message = "Log in and send the token as `Authorization: Bearer SES-...` or as the cookie that the login set.";
  throw new DomainError("session.missing", "unauthenticated", message);
}

/** A browser that connects again sends the id of the last event; a page begins with `?after=`. */
function cursorOf({ headers, url = "" }: IncomingMessage): bigint | undefined {
  const last = headers["last-event-id"];
  const text = typeof last === "string" ? last : new URL(url, "http://gateway").searchParams.get("after");
  if (text === null || text === "") return undefined;
  const cursor = parseCursor(text);
  if (cursor === undefined) {
    throw new RejectedError(
      reject("PAYLOAD_INVALID", { detail: "Last-Event-ID, or after, is the number of an event" }),
    );
  }
  return cursor;
}

/** A rejection as plain HTTP tells it: `SESSION_REVOKED` becomes `session.revoked`. */
function toHttpError({ code, reason, message, metadata, retryAfterMs }: Rejection): DomainError | TransientError {
  const name = reason.toLowerCase().replace("_", ".");
  if (code === Code.Unavailable) return new TransientError(name, message);
  const options = {
    details: metadata,
    ...(retryAfterMs === undefined ? {} : { retryAfterSeconds: Math.ceil(retryAfterMs / 1000) }),
  };
  return new DomainError(name, kindOf(code), message, options);
}

function kindOf(code: Code): ErrorKind {
  switch (code) {
    case Code.Unauthenticated:
    // Of the rejections of a stream only a revoked session is one of these.
    case Code.FailedPrecondition:
      return "unauthenticated";
    case Code.ResourceExhausted:
      return "too_many";
    case Code.OutOfRange:
      return "conflict";
    default:
      return "invalid";
  }
}
