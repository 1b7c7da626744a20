import { z } from "zod";
import { monotonicMs, sleep } from "../../../core/clock";
import { DomainError } from "../../../core/errors";
import { readCookie, secretCookie } from "../../http/cookies";
import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type RefusalDescription,
  type Reply,
  type RequestContext,
} from "../../http/endpoint";
import { beginPlainly, beginWithNonce, finish, followSession, sessionOfBrowser, setUp } from "./actions";
import { readBearer } from "../clients/authenticate";
import { authenticateClient } from "../clients/actions";
import { oauthErrorReply, pageErrorReply } from "../errorReplies";
import { anyQuery, parseQuery } from "../form";
import type { Beginning, GatewayParts } from "./claim";
import { PAGE_HEADERS, renderPage } from "../page/page";
import { oauthRefusal, type OAuthClient, type OAuthSession, REQUEST_URI_PREFIX, scopesOf, statusAt } from "../rules";
import {
  beginReply,
  nonceParams,
  oauthError,
  setupParams,
  setupReply,
  statusQuery,
  statusReply,
  verificationParams,
} from "../schemas";

export interface OAuthFrontParts extends GatewayParts {
  /** Whether callers' requests are counted. */
  limited: boolean;
}

const TAG = "OAuth gateway";
const COOKIE = "__Host-cairn-oauth";
const SECRET = /^OBS-[A-Za-z0-9_-]{43}$/;
const LONGEST_WAIT_MS = 10_000;
const LOOK_EVERY_MS = 400;

const unknownClient = { code: "oauth.unknown_client", kind: "not_found", meaning: "There is no such client." } as const;
const unknownSession = {
  code: "oauth.unknown_session",
  kind: "not_found",
  meaning: "There is no such verification for this caller.",
} as const;
const invalidRequest = {
  code: "oauth.invalid_request",
  kind: "invalid",
  meaning: "The request cannot be understood, or names a redirect_uri that is not the client's.",
} as const;

const beginRefusals: RefusalDescription[] = [
  unknownClient,
  unknownSession,
  invalidRequest,
  { code: "oauth.session_taken", kind: "conflict", meaning: "Another browser opened it: each is opened once." },
  { code: "oauth.session_expired", kind: "gone", meaning: "It was not opened in time." },
];

/** Whoever previews a link asks with HEAD: that must not spend it. */
const headReply = { status: 200, headers: PAGE_HEADERS };

const beginReplies = {
  200: {
    description: "The page with the QR code; as JSON for callers that accept only that.",
    schema: beginReply.or(z.string()),
  },
  303: { description: "Back to the client, with an error (RFC 6749 §4.1.2.1)." },
};

/** The operations of browsers, and of clients that set a verification up for one. */
export function oauthFrontEndpoints(parts: OAuthFrontParts): Endpoint[] {
  const limit = (policy: EndpointLimit) => (parts.limited ? policy : undefined);
  return [
    defineEndpoint({
      method: "post",
      path: "/setup/:clientId",
      tag: TAG,
      summary: "Set a verification up",
      description:
        "With the client's secret as bearer token. The nonce opens `/authorize/{nonce}` once, within 15 minutes.",
      auth: "none",
      params: setupParams,
      limit: limit({ name: "oauth-setup", limit: 600, windowSeconds: 60, by: "address" }),
      replies: {
        200: { description: "The nonce.", schema: setupReply },
        401: { description: "As RFC 6749 §5.2.", schema: oauthError },
      },
      refusals: [
        unknownClient,
        { code: "oauth.invalid_client", kind: "unauthenticated", meaning: "The secret is not the client's." },
      ],
      errorReply: oauthErrorReply,
      handle: async ({ params: { clientId } }, context) => {
        if ((await parts.clients.find(clientId)) === null) {
          throw new DomainError("oauth.unknown_client", "not_found", "There is no such client here.");
        }
        const secret = readBearer(context.header("authorization"));
        if (secret === undefined) throw oauthRefusal("invalid_client", "Send the client's secret as bearer token.");
        const client = await authenticateClient(parts, { clientId, secret });
        const { nonce, expiresInSeconds } = await setUp(parts, client);
        return { status: 200, body: { nonce, expires_in: expiresInSeconds } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/authorize",
      tag: TAG,
      summary: "Begin, as OAuth has it",
      description:
        "RFC 6749 §4.1.1 with `client_id`, `response_type=code`, `redirect_uri`, `scope`, `state`, `code_challenge` and " +
        "`code_challenge_method=S256`; or `client_id` and the `request_uri` of a pushed request (RFC 9126 §4).",
      auth: "none",
      query: anyQuery,
      limit: limit({ name: "oauth-authorize", limit: 60, windowSeconds: 60, by: "address" }),
      replies: beginReplies,
      refusals: beginRefusals,
      headReply,
      errorReply: pageErrorReply,
      handle: async ({ query }, context) => {
        const given = parseQuery(query);
        const { request_uri: requestUri } = given;
        const common = { given, browserSecret: secretOf(context), logger: context.logger };
        if (requestUri === undefined) return begun(parts, context, await beginPlainly(parts, common));
        if (given["client_id"] === undefined) throw oauthRefusal("invalid_request", "client_id is missing.");
        if (!requestUri.startsWith(REQUEST_URI_PREFIX))
          throw oauthRefusal("invalid_request", "request_uri is not one that was given out here.");
        const opener = requestUri.slice(REQUEST_URI_PREFIX.length);
        return begun(parts, context, await beginWithNonce(parts, { opener, ...common }));
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/authorize/:nonce",
      tag: TAG,
      summary: "Begin what was set up",
      description: "Query as RFC 6749 §4.1.1. Opens the verification at the client's verifier; once, for one browser.",
      auth: "none",
      params: nonceParams,
      query: anyQuery,
      limit: limit({ name: "oauth-authorize", limit: 60, windowSeconds: 60, by: "address" }),
      replies: beginReplies,
      refusals: beginRefusals,
      headReply,
      errorReply: pageErrorReply,
      handle: async ({ params, query }, context) => {
        const common = { given: parseQuery(query), browserSecret: secretOf(context), logger: context.logger };
        return begun(parts, context, await beginWithNonce(parts, { opener: params.nonce, ...common }));
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/authorize/:verificationId/page",
      tag: TAG,
      summary: "The page again, for the browser that began",
      auth: "none",
      params: verificationParams,
      replies: { 200: { description: "The page.", mediaType: "text/html" } },
      refusals: [unknownSession, unknownClient],
      errorReply: pageErrorReply,
      handle: async ({ params }, context) =>
        pageReply(parts, await sessionOfBrowser(parts, { ...params, browserSecret: secretOf(context) })),
    }),
    defineEndpoint({
      method: "get",
      path: "/authorize/:verificationId/finish",
      tag: TAG,
      summary: "Go back to the client",
      description:
        "For the browser that began: with `code`, `state` and `iss` (RFC 9207), or with `error=access_denied`.",
      auth: "none",
      params: verificationParams,
      replies: { 303: { description: "To the client; or to the page while it is not over." } },
      refusals: [
        unknownSession,
        unknownClient,
        { code: "oauth.code_consumed", kind: "gone", meaning: "The client has redeemed the code." },
      ],
      errorReply: pageErrorReply,
      handle: async ({ params }, context) => {
        const location = await finish(parts, { ...params, browserSecret: secretOf(context) });
        const page = `/authorize/${encodeURIComponent(params.verificationId)}/page`;
        return { status: 303, headers: { location: location ?? page, "referrer-policy": "no-referrer" } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/status/:verificationId",
      tag: TAG,
      summary: "Where a verification stands",
      description: "For the browser that began, or whoever knows the client's `state`.",
      auth: "none",
      params: verificationParams,
      query: statusQuery,
      quiet: true,
      replies: { 200: { description: "The status.", schema: statusReply } },
      refusals: [unknownSession],
      errorReply: oauthErrorReply,
      handle: async ({ params, query }, context) => {
        const who = { ...params, state: query.state, browserSecret: secretOf(context) };
        const untilMs = monotonicMs() + LONGEST_WAIT_MS;
        for (;;) {
          const session = await followSession(parts, who);
          const status = statusAt(session, parts.clock.now());
          const wait = status === query.known && monotonicMs() < untilMs && !context.signal.aborted;
          if (!wait) return { status: 200, body: statusBody(session, status) };
          await sleep(LOOK_EVERY_MS, context.signal);
        }
      },
    }),
  ];
}

function statusBody(session: OAuthSession, status: ReturnType<typeof statusAt>) {
  const over = status === "verified" || status === "failed" || status === "expired";
  const next = over ? finishPath(session) : null;
  return { status, expires_at: session.expiresAt, next };
}

async function begun(parts: OAuthFrontParts, context: RequestContext, beginning: Beginning): Promise<Reply> {
  if ("redirect" in beginning)
    return { status: 303, headers: { location: beginning.redirect, "referrer-policy": "no-referrer" } };
  const { session, browserSecret } = beginning;
  const cookie = { "set-cookie": secretCookie(COOKIE, browserSecret) };
  const accept = context.header("accept") ?? "";
  if (accept.includes("application/json") && !accept.includes("text/html")) {
    const id = session.verificationId ?? "";
    const body = {
      verification_id: id,
      verification_deeplink: session.deepLink,
      status_url: `${parts.issuer}/status/${encodeURIComponent(id)}`,
      finish_url: parts.issuer + finishPath(session),
      expires_at: session.expiresAt,
    };
    return { status: 200, headers: cookie, body };
  }
  const page = await pageReply(parts, beginning);
  return { ...page, headers: { ...page.headers, ...cookie } };
}

async function pageReply(
  parts: OAuthFrontParts,
  { session, client }: { session: OAuthSession; client: OAuthClient },
): Promise<Reply> {
  const status = statusAt(session, parts.clock.now());
  const scopes = scopesOf(client, session.request?.scope ?? "");
  return { status: 200, headers: PAGE_HEADERS, body: await renderPage({ session, client, scopes, status }) };
}

function finishPath({ verificationId }: OAuthSession): string {
  return `/authorize/${encodeURIComponent(verificationId ?? "")}/finish`;
}

function secretOf(context: RequestContext): string | undefined {
  const given = readCookie(context.header("cookie"), COOKIE);
  return given !== undefined && SECRET.test(given) ? given : undefined;
}
