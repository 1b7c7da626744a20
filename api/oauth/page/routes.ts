import { monotonicMs, sleep } from "../../../core/clock";
import { defineEndpoint, type Endpoint, type Reply } from "../../http/endpoint";
import { type OAuthClient, scopesOf } from "../clients/rules";
import { oauthErrorReply, oauthPageErrorReply } from "../errorReplies";
import { UNKNOWN_CLIENT, UNKNOWN_SESSION } from "../rejections";
import { type OAuthSession, type SessionStatus, statusAt } from "../rules";
import { finishAuthorization, type PageDeps, readClaimedSession, readFollowedSession } from "./actions";
import { readBrowserSecret } from "./cookie";
import { PAGE_SCRIPT, PAGE_STYLE } from "./assets";
import { PAGE_HEADERS, renderPage } from "./page";
import { finishPath, pagePath } from "./paths";
import { assetParams, statusQuery, statusReply, verificationParams } from "./schemas";

const TAG = "OAuth gateway";
const LONG_POLL_MS = 10_000;
const POLL_INTERVAL_MS = 400;

/** The operations of a browser that has claimed a session. */
export function pageEndpoints(deps: PageDeps): Endpoint[] {
  return [pageEndpoint(deps), finishEndpoint(deps), statusEndpoint(deps)];
}

function pageEndpoint(deps: PageDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/authorize/:verificationId/page",
    tag: TAG,
    summary: "The page again, for the browser that began",
    auth: "none",
    params: verificationParams,
    replies: { 200: { description: "The page.", mediaType: "text/html" } },
    rejections: [UNKNOWN_SESSION, UNKNOWN_CLIENT],
    errorReply: oauthPageErrorReply,
    handle: async ({ params: { verificationId } }, context) => {
      const browserSecret = readBrowserSecret(context);
      return pageReply(deps, await readClaimedSession(deps, { verificationId, browserSecret }));
    },
  });
}

function finishEndpoint(deps: PageDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/authorize/:verificationId/finish",
    tag: TAG,
    summary: "Go back to the client",
    description:
      "For the browser that began: with `code`, `state` and `iss` (RFC 9207), or with `error=access_denied`.",
    auth: "none",
    params: verificationParams,
    replies: { 303: { description: "To the client; or to the page while it is not over." } },
    rejections: [
      UNKNOWN_SESSION,
      UNKNOWN_CLIENT,
      { code: "oauth.code_consumed", kind: "gone", meaning: "The client has redeemed the code." },
    ],
    errorReply: oauthPageErrorReply,
    handle: async ({ params: { verificationId } }, context) => {
      const browserSecret = readBrowserSecret(context);
      const location = await finishAuthorization(deps, { verificationId, browserSecret });
      const headers = { location: location ?? pagePath(verificationId), "referrer-policy": "no-referrer" };
      return { status: 303, headers };
    },
  });
}

function statusEndpoint(deps: PageDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/status/:verificationId",
    tag: TAG,
    summary: "Where a verification stands",
    description: "For the browser that began, or whoever knows the client's `state`.",
    auth: "none",
    params: verificationParams,
    query: statusQuery,
    waits: ({ query }) => query.known !== undefined,
    quiet: true,
    replies: { 200: { description: "The status.", schema: statusReply } },
    rejections: [UNKNOWN_SESSION],
    errorReply: oauthErrorReply,
    handle: async ({ params: { verificationId }, query: { state, known } }, context) => {
      const browserSecret = readBrowserSecret(context);
      const deadlineMs = monotonicMs() + LONG_POLL_MS;
      for (;;) {
        const session = await readFollowedSession(deps, { verificationId, state, browserSecret });
        const status = statusAt(session, deps.clock.now());
        if (status !== known || monotonicMs() >= deadlineMs || context.signal.aborted)
          return { status: 200, body: statusBody(session, status) };
        await sleep(POLL_INTERVAL_MS, context.signal);
      }
    },
  });
}

function statusBody(session: OAuthSession, status: SessionStatus) {
  const isOver = status === "verified" || status === "failed" || status === "expired";
  return { status, expires_at: session.expiresAt, next: isOver ? finishPath(session.verificationId) : null };
}

/** Answers with the page of a session. */
export async function pageReply(
  { clock }: Pick<PageDeps, "clock">,
  { session, client }: { session: OAuthSession; client: OAuthClient },
): Promise<Reply> {
  const status = statusAt(session, clock.now());
  const scopes = scopesOf(client, session.request?.scope ?? "");
  return { status: 200, headers: PAGE_HEADERS, body: await renderPage({ session, client, scopes, status }) };
}

const ASSETS = {
  "page.js": { type: "text/javascript; charset=utf-8", text: PAGE_SCRIPT },
  "page.css": { type: "text/css; charset=utf-8", text: PAGE_STYLE },
};

/** The script and the style of the page: files of their own, for its policy allows nothing inline. */
export function assetEndpoint(): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/oauth/assets/:file",
    tag: TAG,
    summary: "A part of the page",
    auth: "none",
    params: assetParams,
    quiet: true,
    replies: { 200: { description: "The script or the style sheet.", mediaType: "text/plain" } },
    handle: ({ params }) => {
      const { type, text } = ASSETS[params.file];
      const headers = { "content-type": type, "cache-control": "public, max-age=300" };
      return Promise.resolve({ status: 200, headers, body: text });
    },
  });
}
