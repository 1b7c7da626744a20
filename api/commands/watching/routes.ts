import { z } from "zod";
import {
  BrowserSessionCheckBody,
  BrowserSessionCheckReply,
  InternalSessionReply,
  SessionsCheckBody,
  SessionsCheckReply,
  USER_EVENTS_LIMIT,
  UserEventsReply,
} from "../../../core/internalApi";
import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { checkBrowserSession, checkSessions, readEvents, readSession, type WatchDeps } from "./actions";

const TAG = "Gateways";

const UNKNOWN: RejectionDescription = {
  code: "session.unknown",
  kind: "not_found",
  meaning: "No device has this session.",
};

const sessionParams = z.strictObject({ id: z.uuid().meta({ description: "The device session's id" }) });
const userParams = z.strictObject({ id: z.uuid().meta({ description: "The user's id" }) });
const eventsQuery = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0).meta({
    description: "The number of the last event that is known",
  }),
  limit: z.coerce.number().int().min(1).max(USER_EVENTS_LIMIT).default(USER_EVENTS_LIMIT),
});

/** What gateways ask for themselves, on the internal port. */
export function internalEndpoints(deps: WatchDeps): Endpoint[] {
  return [
    defineEndpoint({
      port: "internal",
      method: "get",
      path: "/api/v1/internal/sessions/:id",
      tag: TAG,
      summary: "Read a device's session",
      description: "That is no activity of the device.",
      auth: "none",
      quiet: true,
      params: sessionParams,
      replies: { 200: { description: "What the session is.", schema: InternalSessionReply } },
      rejections: [UNKNOWN],
      handle: async ({ params }) => ({ status: 200, body: await readSession(deps, params.id) }),
    }),
    defineEndpoint({
      port: "internal",
      method: "post",
      path: "/api/v1/internal/sessions/check",
      tag: TAG,
      summary: "Say what the sessions of open streams are",
      description: "Of devices, whose activity that is, and of browsers, whose activity it is not.",
      auth: "none",
      quiet: true,
      body: SessionsCheckBody,
      replies: { 200: { description: "The sessions, in the order asked.", schema: SessionsCheckReply } },
      handle: async ({ body }) => ({ status: 200, body: { sessions: await checkSessions(deps, body.ids) } }),
    }),
    defineEndpoint({
      port: "internal",
      method: "post",
      path: "/api/v1/internal/browser-sessions/check",
      tag: TAG,
      summary: "Read the session of a browser's token",
      description: "That is no activity of the browser.",
      auth: "none",
      quiet: true,
      body: BrowserSessionCheckBody,
      replies: { 200: { description: "What the session is.", schema: BrowserSessionCheckReply } },
      rejections: [{ code: "session.unknown", kind: "unauthenticated", meaning: "No session has this token." }],
      handle: async ({ body }) => ({ status: 200, body: await checkBrowserSession(deps, body.token) }),
    }),
    defineEndpoint({
      port: "internal",
      method: "get",
      path: "/api/v1/internal/users/:id/events",
      tag: TAG,
      summary: "Read a user's events after a cursor",
      auth: "none",
      quiet: true,
      params: userParams,
      query: eventsQuery,
      replies: { 200: { description: "The events in order, and the newest number.", schema: UserEventsReply } },
      handle: async ({ params, query }) => ({
        status: 200,
        body: await readEvents(deps, { userId: params.id, ...query }),
      }),
    }),
  ];
}
