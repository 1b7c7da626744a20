import { DomainError } from "../../../core/errors";
import type { BlindIndex } from "../../../core/keys/blindIndex";
import type { Context } from "../../../process/context";
import {
  defineEndpoint,
  type Endpoint,
  type EndpointLimit,
  type RejectionDescription,
  type Reply,
} from "../../http/endpoint";
import { anyQuery, FORM_MEDIA_TYPE, isForm, uniqueParameters } from "../../http/form";
import { pageHeaders } from "../../http/htmlPage";
import { pageErrorReply } from "../../http/pageErrors";
import { NOT_CONFIGURED } from "../management/routes";
import { ASKING_REJECTIONS, readAsked, requireReturnUrl, type ReturnUrlDeps } from "../requests/askedQuery";
import { beginFlow, createFlow, readFlow } from "./actions";
import { FLOW_SCRIPT, FLOW_STYLE } from "./assets";
import { askWallet } from "./askWallet";
import { browserSecretCookie, readBrowserSecret } from "./cookie";
import { finishFlow } from "./flowResult";
import { followFlow, type FollowFlowDeps } from "./followFlow";
import { renderFlowPage } from "./page";
import { assetPath, finishPath, pagePath } from "./paths";
import { UNKNOWN_FLOW } from "./rejections";
import { returnFromWallet } from "./returnFromWallet";
import { type Device, type FlowSession, flowStatusAt, isOpen } from "./rules";
import * as shapes from "./schemas";
import type { FlowStore } from "./store";

const TAG = "Presentations";

const PAGE_HEADERS = pageHeaders({ formAction: "'self'" });
/** Programs that preview a link ask with HEAD: that begins nothing, and polls nobody. */
const HEAD_REPLY = { status: 200, headers: PAGE_HEADERS };
const PAGE = { description: "The page.", mediaType: "text/html" };
const errorReply = pageErrorReply(assetPath("flow.css"));

const CREATE_LIMIT: EndpointLimit = { name: "vp-flow", limit: 600, windowSeconds: 60, by: "user" };

export interface FlowRouteDeps extends Omit<FollowFlowDeps, "flows">, ReturnUrlDeps {
  config: Pick<Context["config"], "http" | "presentations" | "presentationFlow" | "sessions">;
  flows: FlowStore;
  blindIndex: BlindIndex;
}

/** The flow that leads a person's browser from a relying party to a wallet, to the verdict and back. */
export function flowEndpoints(deps: FlowRouteDeps): Endpoint[] {
  return [
    createEndpoint(deps),
    beginEndpoint(deps),
    pageEndpoint(deps),
    walletEndpoint(deps),
    callbackEndpoint(deps),
    statusEndpoint(deps),
    finishEndpoint(deps),
    assetEndpoint(),
  ];
}

/** What one address may do in a minute. */
function limitPerMinute(
  { config }: Pick<FlowRouteDeps, "config">,
  name: string,
  limit: number,
): EndpointLimit | undefined {
  return config.sessions.limitLogins ? { name, limit, windowSeconds: 60, by: "address" } : undefined;
}

function createEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/vp-flow",
    tag: TAG,
    summary: "Make a flow with pages",
    description:
      "Redirect the browser to `flowUrl`: pages let the person choose a wallet, follow it, and show what came of it. The browser comes back to `redirectUri` with your `state` and `response_code`, which opens `GET /vp-result/{transactionId}`, or with `error`.",
    auth: "verifier",
    body: shapes.createBody,
    limit: CREATE_LIMIT,
    replies: { 201: { description: "The flow; it waits for a browser.", schema: shapes.createReply } },
    rejections: [
      NOT_CONFIGURED,
      ...ASKING_REJECTIONS,
      {
        code: "presentation.query_not_supported",
        kind: "invalid",
        meaning: "The verifier of this installation takes a presentation definition alone.",
      },
    ],
    handle: async ({ body, caller }, { logger }) => {
      const { name } = await requireReturnUrl(deps, caller.accountId, body.redirectUri);
      const { session, beginUrl } = await createFlow(deps, {
        verifierId: caller.accountId,
        partyName: name,
        asked: readAsked(body),
        credentialType: body.credentialType,
        redirectUri: body.redirectUri,
        state: body.state ?? null,
        logger,
      });
      const { sessionId, transactionId, expiresAt } = session;
      const reply = { sessionId, transactionId, flowUrl: beginUrl, expiresAt: expiresAt.getTime() };
      return { status: 201, headers: { "cache-control": "no-store" }, body: reply };
    },
  });
}

function beginEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-flow/begin/:token",
    tag: TAG,
    summary: "Begin a flow, as a browser",
    description: "Once: the flow belongs to this browser from then on.",
    auth: "none",
    params: shapes.beginParams,
    limit: limitPerMinute(deps, "vp-flow-begin", 60),
    replies: { 303: { description: "To the page." } },
    rejections: [
      UNKNOWN_FLOW,
      { code: "presentation.flow_taken", kind: "conflict", meaning: "Another browser began it." },
      { code: "presentation.flow_expired", kind: "gone", meaning: "No browser began it in time." },
    ],
    headReply: HEAD_REPLY,
    errorReply,
    handle: async ({ params: { token } }, context) => {
      const begun = await beginFlow(deps, { token, browserSecret: readBrowserSecret(context) });
      return seeOther(pagePath(begun.sessionId), browserSecretCookie(begun.browserSecret));
    },
  });
}

function pageEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-flow/:sessionId",
    tag: TAG,
    summary: "The page of a flow, for the browser that began",
    description: "The choice of a wallet, the link or QR code, and in the end success, failure, error or expiry.",
    auth: "none",
    params: shapes.flowParams,
    waits: () => asksElsewhere(deps),
    replies: { 200: PAGE },
    rejections: [UNKNOWN_FLOW],
    headReply: HEAD_REPLY,
    errorReply,
    handle: async ({ params: { sessionId } }, context) => {
      const session = await readFlow(deps, { sessionId, browserSecret: readBrowserSecret(context) });
      return pageReply(deps, await followFlow(deps, session, context.logger));
    },
  });
}

async function pageReply(
  { clock, config }: Pick<FlowRouteDeps, "clock" | "config">,
  session: FlowSession,
): Promise<Reply> {
  const status = flowStatusAt(session, clock.now());
  const body = await renderFlowPage(session, { status, pollMs: config.presentationFlow.pollMs });
  return { status: 200, headers: { ...PAGE_HEADERS, "cache-control": "no-store" }, body };
}

const CHOICE_MALFORMED: RejectionDescription = {
  code: "presentation.flow_choice_malformed",
  kind: "invalid",
  meaning: "The form does not name a device.",
};

function walletEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "post",
    path: "/vp-flow/:sessionId/wallet",
    tag: TAG,
    summary: "Choose a wallet, as the page's form",
    description: "`device` as a form: `this` asks for a way back into this browser, `other` for a QR code.",
    auth: "none",
    params: shapes.flowParams,
    rawBody: { limitBytes: 1_024, mediaType: FORM_MEDIA_TYPE },
    limit: limitPerMinute(deps, "vp-flow-wallet", 60),
    waits: () => asksElsewhere(deps),
    replies: { 303: { description: "To the page, with the link or the QR code." } },
    rejections: [
      UNKNOWN_FLOW,
      CHOICE_MALFORMED,
      { code: "presentation.flow_wallets_exhausted", kind: "conflict", meaning: "A wallet was chosen too often." },
    ],
    errorReply,
    handle: async ({ params: { sessionId }, body }, context) => {
      // The cookie is SameSite=Lax: no other site's form brings it.
      const session = await readFlow(deps, { sessionId, browserSecret: readBrowserSecret(context) });
      const device = readDevice(body, context.header("content-type"));
      await askWallet(deps, { session, device, logger: context.logger });
      return seeOther(pagePath(sessionId));
    },
  });
}

function readDevice(body: Buffer, contentType: string | undefined): Device {
  const parameters = isForm(contentType) ? uniqueParameters(new URLSearchParams(body.toString("utf8"))) : undefined;
  const form = shapes.walletForm.safeParse(parameters);
  if (form.success) return form.data.device;
  throw new DomainError(CHOICE_MALFORMED.code, CHOICE_MALFORMED.kind, "Send `device` as a form: `this` or `other`.");
}

function callbackEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-callback",
    tag: TAG,
    summary: "Come back from the wallet, as the browser that began",
    description: "`state` and the wallet's `response_code`; once. What else a wallet adds is ignored.",
    auth: "none",
    query: anyQuery,
    limit: limitPerMinute(deps, "vp-callback", 120),
    waits: () => asksElsewhere(deps),
    replies: { 303: { description: "To the page: its address holds neither state nor code." } },
    rejections: [
      { code: "presentation.unknown_callback", kind: "not_found", meaning: "The state is of no open flow." },
      { code: "presentation.flow_other_browser", kind: "forbidden", meaning: "Another browser began the flow." },
      { code: "presentation.flow_code_mismatch", kind: "forbidden", meaning: "The response code is not the flow's." },
      { code: "presentation.flow_callback_used", kind: "conflict", meaning: "The browser has come back before." },
    ],
    headReply: HEAD_REPLY,
    errorReply,
    handle: async ({ query }, context) => {
      const { state, response_code: code } = query;
      const session = await returnFromWallet(deps, {
        state: typeof state === "string" ? state : "",
        code: typeof code === "string" ? code : undefined,
        browserSecret: readBrowserSecret(context),
        logger: context.logger,
      });
      await followFlow(deps, session, context.logger);
      return seeOther(pagePath(session.sessionId));
    },
  });
}

function statusEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-flow/:sessionId/status",
    tag: TAG,
    summary: "Where a flow stands, for the browser that began",
    description: "Asks the verifier, at most as often as configured.",
    auth: "none",
    params: shapes.flowParams,
    quiet: true,
    waits: () => asksElsewhere(deps),
    replies: { 200: { description: "The status.", schema: shapes.statusReply } },
    rejections: [UNKNOWN_FLOW],
    headReply: { status: 200 },
    handle: async ({ params: { sessionId } }, context) => {
      const before = await readFlow(deps, { sessionId, browserSecret: readBrowserSecret(context) });
      const session = await followFlow(deps, before, context.logger);
      const status = flowStatusAt(session, deps.clock.now());
      const next = isOpen(status) ? null : finishPath(sessionId);
      const body = { status, expires_at: session.expiresAt.toISOString(), next };
      return { status: 200, headers: { "cache-control": "no-store" }, body };
    },
  });
}

function finishEndpoint(deps: FlowRouteDeps): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-flow/:sessionId/finish",
    tag: TAG,
    summary: "Go back to the relying party",
    description: "For the browser that began: with `response_code` and `state`, or with `error` and `state`.",
    auth: "none",
    params: shapes.flowParams,
    replies: { 303: { description: "To the relying party; or to the page while it is not over." } },
    rejections: [UNKNOWN_FLOW],
    errorReply,
    handle: async ({ params: { sessionId } }, context) => {
      const session = await readFlow(deps, { sessionId, browserSecret: readBrowserSecret(context) });
      return seeOther((await finishFlow(deps, session)) ?? pagePath(sessionId));
    },
  });
}

/** A redirect whose own address, which may hold a code, no other site gets to know. */
function seeOther(location: string, headers: Record<string, string> = {}): Reply {
  return {
    status: 303,
    headers: { ...headers, location, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  };
}

/** A verifier elsewhere may take its time, and those who wait for it are counted. */
function asksElsewhere({ config }: Pick<FlowRouteDeps, "config">): boolean {
  return config.presentationFlow.inji !== null;
}

const ASSETS = {
  "flow.js": { type: "text/javascript; charset=utf-8", text: FLOW_SCRIPT },
  "flow.css": { type: "text/css; charset=utf-8", text: FLOW_STYLE },
};

/** The script and the style of the pages: files of their own, for their policy allows nothing inline. */
function assetEndpoint(): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/vp-flow/assets/:file",
    tag: TAG,
    summary: "A part of the pages",
    auth: "none",
    params: shapes.assetParams,
    quiet: true,
    replies: { 200: { description: "The script or the style sheet.", mediaType: "text/plain" } },
    handle: ({ params }) => {
      const { type, text } = ASSETS[params.file];
      const headers = { "content-type": type, "cache-control": "public, max-age=300" };
      return Promise.resolve({ status: 200, headers, body: text });
    },
  });
}
