import { addressKey } from "../../core/addressBudget";
import { readCookie, SESSION_COOKIE } from "../../core/sessionCookie";
import type { Context } from "../../process/context";
import { csrfTokenFor } from "../http/authenticate";
import { defineEndpoint, type Endpoint, type EndpointLimit, type Reply, type RequestContext } from "../http/endpoint";
import { sessionReply, withoutSessionCookie } from "../http/sessionReply";
import {
  type ControlDeps,
  type DevicePorts,
  endReplacedSession,
  listSessions,
  logout,
  type OpenedSession,
  revokeOtherSessions,
  revokeSession,
} from "./actions";
import {
  deviceListReply,
  loginBody,
  loginReply,
  openedReply,
  passwordBody,
  registerBody,
  revokedReply,
  sessionParams,
  sessionReplyBody,
} from "./schemas";
import { changePassword, describeSession, login, type Origin, register, type UserDeps } from "./users/actions";

export interface SessionEndpointDeps extends UserDeps, ControlDeps, DevicePorts {
  config: Pick<Context["config"], "sessions" | "http">;
  /** A user's linked wallets, the first linked first. */
  walletsOf(userId: string): Promise<{ walletAddress: string; did: string }[]>;
}

const TAG = "Sessions";
const SESSION_ENDED = { description: "Done; there is nothing to say." };

const tooWeak = {
  code: "password.too_weak",
  kind: "invalid",
  meaning: "The password would be guessed; `errors` says why.",
} as const;
const tooManyLogins = {
  code: "login.too_many",
  kind: "too_many",
  meaning: "Too many failed logins; Retry-After says how long to wait.",
} as const;

/** The operations on accounts and sessions. */
export function sessionEndpoints(deps: SessionEndpointDeps): Endpoint[] {
  return [
    registerEndpoint(deps),
    loginEndpoint(deps),
    logoutEndpoint(deps),
    currentSessionEndpoint(deps),
    sessionListEndpoint(deps),
    revokeOthersEndpoint(deps),
    revokeOneEndpoint(deps),
    passwordEndpoint(deps),
  ];
}

/** None for a developer alone at the machine: the demo opens accounts as often as it is played. */
function registrationLimit({ config }: Pick<SessionEndpointDeps, "config">): EndpointLimit | undefined {
  if (!config.sessions.limitLogins || config.http.onOwnMachine) return undefined;
  return { name: "register", limit: 20, windowSeconds: 60 * 60, by: "address" };
}

function registerEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/register",
    tag: TAG,
    summary: "Open an account and a first session",
    auth: "none",
    body: registerBody,
    limit: registrationLimit(deps),
    replies: { 201: { description: "The account exists and the caller is logged in.", schema: openedReply } },
    rejections: [
      { code: "account.exists", kind: "conflict", meaning: "The e-mail address has an account already." },
      tooWeak,
    ],
    handle: async ({ body }, context) => {
      const opened = await register(deps, { ...body, ...originOf(context) });
      return openedSessionReply(deps, { status: 201, opened, asCookie: body.cookie, shown: {} }, context);
    },
  });
}

function loginEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/login",
    tag: TAG,
    summary: "Log in with e-mail and password",
    description:
      "Every login opens a session with a token of its own. Neither answer nor time tells whether the account exists.",
    auth: "none",
    body: loginBody,
    limit: deps.config.sessions.limitLogins
      ? { name: "login", limit: 300, windowSeconds: 15 * 60, by: "address" }
      : undefined,
    replies: { 200: { description: "Logged in, with the wallets linked so far.", schema: loginReply } },
    rejections: [
      { code: "login.refused", kind: "unauthenticated", meaning: "E-mail address or password is wrong." },
      tooManyLogins,
    ],
    handle: async ({ body }, context) => {
      const opened = await login(deps, { ...body, ...originOf(context) });
      const wallets = (await deps.walletsOf(opened.userId)).map(({ walletAddress, did }) => ({
        walletAddress,
        did,
      }));
      const [primary] = wallets;
      const shown = { walletAddress: primary?.walletAddress ?? null, did: primary?.did ?? null, wallets };
      return openedSessionReply(deps, { status: 200, opened, asCookie: body.cookie, shown }, context);
    },
  });
}

function logoutEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/logout",
    tag: TAG,
    summary: "End the current session",
    auth: "session",
    replies: { 204: SESSION_ENDED },
    handle: async ({ caller }) => {
      await logout(deps, caller);
      return { status: 204, headers: withoutSessionCookie() };
    },
  });
}

function currentSessionEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/auth/session",
    tag: TAG,
    summary: "The current session and its account",
    auth: "session",
    replies: { 200: { description: "Who the caller is and until when.", schema: sessionReplyBody } },
    handle: async ({ caller }, context) => {
      const { user, session, expiresAt } = await describeSession(deps, caller);
      const cookie = caller.via === "cookie" ? cookieOf(context) : undefined;
      const { device, wallet, createdAt, lastActivityAt } = session;
      return {
        status: 200,
        body: {
          userId: user._id,
          email: user.email,
          emailVerifiedAt: user.emailVerifiedAt,
          name: user.name,
          id: session._id,
          device,
          wallet,
          createdAt,
          lastActivityAt,
          expiresAt,
          ...(cookie !== undefined && { csrfToken: csrfTokenFor(cookie) }),
        },
      };
    },
  });
}

function sessionListEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/auth/sessions",
    tag: TAG,
    summary: "The devices on which the user is logged in",
    auth: "session",
    replies: { 200: { description: "Valid sessions, the most recently used first.", schema: deviceListReply } },
    handle: async ({ caller }) => ({ status: 200, body: { sessions: await listSessions(deps, caller) } }),
  });
}

function revokeOthersEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "delete",
    path: "/auth/sessions",
    tag: TAG,
    summary: "End all other sessions",
    auth: "session",
    replies: { 200: { description: "Only the caller's session is left.", schema: revokedReply } },
    handle: async ({ caller }) => ({ status: 200, body: { revoked: await revokeOtherSessions(deps, caller) } }),
  });
}

function revokeOneEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "delete",
    path: "/auth/sessions/:id",
    tag: TAG,
    summary: "End one session",
    auth: "session",
    params: sessionParams,
    replies: { 204: SESSION_ENDED },
    rejections: [
      { code: "session.not_found", kind: "not_found", meaning: "The user has no valid session of this id." },
    ],
    handle: async ({ params, caller }) => {
      await revokeSession(deps, { sessionId: params.id, userId: caller.userId });
      return { status: 204, ...(params.id === caller.sessionId && { headers: withoutSessionCookie() }) };
    },
  });
}

function passwordEndpoint(deps: SessionEndpointDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/auth/password",
    tag: TAG,
    summary: "Change the password",
    description: "Ends every session of the user and answers with a new one.",
    auth: "session",
    body: passwordBody,
    replies: { 200: { description: "Changed; go on with the new session.", schema: openedReply } },
    rejections: [
      { code: "password.wrong", kind: "forbidden", meaning: "The current password is wrong." },
      { code: "password.unchanged", kind: "invalid", meaning: "The new password is the current one." },
      tooWeak,
      tooManyLogins,
    ],
    handle: async ({ body, caller }, context) => {
      const opened = await changePassword(deps, { ...body, ...caller, ...originOf(context) });
      const { token, userId, expiresAt } = opened;
      return sessionReply(200, { token, transport: caller.via, body: { userId, expiresAt } });
    },
  });
}

/** Hands over a new session, with what else the operation answers. */
async function openedSessionReply(
  deps: SessionEndpointDeps,
  reply: { status: number; opened: OpenedSession; asCookie: boolean; shown: Record<string, unknown> },
  context: RequestContext,
): Promise<Reply> {
  const { token, userId, expiresAt } = reply.opened;
  // The browser drops the token of the cookie it replaces: its session ends.
  if (reply.asCookie) await endReplacedSession(deps, cookieOf(context));
  return sessionReply(reply.status, {
    token,
    transport: reply.asCookie ? "cookie" : "bearer",
    body: { userId, expiresAt, ...reply.shown },
  });
}

function originOf({ ip, userAgent }: RequestContext): Origin {
  return { address: addressKey(ip), userAgent };
}

function cookieOf(context: RequestContext): string | undefined {
  return readCookie(context.header("cookie"), SESSION_COOKIE);
}
