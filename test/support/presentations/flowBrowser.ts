import { expect } from "chai";
import { createFlowStore, type FlowStore } from "../../../api/presentations/flow/store";
import type { FlowSession } from "../../../api/presentations/flow/rules";
import { type Answer, ask } from "../ask";
import type { Answer as Submitted } from "../ask";
import { type RelyingParty, RETURN_URL } from "./relyingParty";
import { IDENTITY_QUERY } from "./trustedIssuer";
import { readRequest, submit } from "./wallet";

/** The pages' cookie; without TLS a program has to carry it by hand. */
export const FLOW_COOKIE = "__Host-cairn-presentation";

/** The relying party's own state, which must come back with the browser. */
export const PARTY_STATE = "party-state_1";

/** A browser as the flow sees it: it sends the cookie back that it was given, and follows no redirect by itself. */
export interface FlowBrowser {
  cookie: string | undefined;
  get(url: string): Promise<Answer>;
  /** Sends a form. */
  post(url: string, form: Record<string, string>): Promise<Answer>;
}

export function createFlowBrowser(origin: string): FlowBrowser {
  const browser: FlowBrowser = {
    cookie: undefined,
    get: (url) => send(url, "GET"),
    post: (url, form) => send(url, "POST", new URLSearchParams(form).toString()),
  };
  async function send(url: string, method: string, body?: string): Promise<Answer> {
    const answer = await ask(new URL(url, origin).href, method, {
      headers: body === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" },
      ...(body !== undefined && { body }),
      ...(browser.cookie !== undefined && { cookie: `${FLOW_COOKIE}=${browser.cookie}` }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const given = new RegExp(`^${FLOW_COOKIE}=([^;]+)`).exec(line)?.[1];
      if (given !== undefined) browser.cookie = given;
    }
    return answer;
  }
  return browser;
}

/** A flow that a browser has begun. */
export interface BegunFlow {
  sessionId: string;
  transactionId: string;
  browser: FlowBrowser;
  page: string;
}

/** Makes a flow as a relying party's server does. */
export async function makeFlow(
  { on, verifier }: Pick<RelyingParty, "on" | "verifier">,
  body: object = {},
): Promise<{ sessionId: string; transactionId: string; flowUrl: string }> {
  const asked = { dcqlQuery: IDENTITY_QUERY, redirectUri: RETURN_URL, state: PARTY_STATE, ...body };
  const made = await on.ask("POST", "/vp-flow", { token: verifier.apiKey, body: asked });
  expect(made.status, made.text).to.equal(201);
  return made.body as unknown as { sessionId: string; transactionId: string; flowUrl: string };
}

/** Makes a flow, and opens its link in a browser of its own. */
export async function beginFlow(party: Pick<RelyingParty, "on" | "verifier">, body: object = {}): Promise<BegunFlow> {
  const { sessionId, transactionId, flowUrl } = await makeFlow(party, body);
  const browser = createFlowBrowser(party.on.url);
  const begun = await browser.get(flowUrl);
  expect(begun.status, begun.text).to.equal(303);
  const page = begun.headers.get("location") ?? "";
  expect(page).to.equal(`/vp-flow/${sessionId}`);
  return { sessionId, transactionId, browser, page };
}

/** Chooses a wallet as the page's form does; the link for it. */
export async function chooseWallet(
  party: Pick<RelyingParty, "on">,
  { sessionId, browser, page }: BegunFlow,
  device: "this" | "other",
): Promise<string> {
  const chosen = await browser.post(`${page}/wallet`, { device });
  expect(chosen.status, chosen.text).to.equal(303);
  const { request } = await storedFlow(party, sessionId);
  return request?.walletUrl ?? "";
}

export function flowStore({ on }: Pick<RelyingParty, "on">): FlowStore {
  return createFlowStore(on.context);
}

export async function storedFlow(party: Pick<RelyingParty, "on">, sessionId: string): Promise<FlowSession> {
  const found = await flowStore(party).find(sessionId);
  if (found === null) throw new Error("there is no such flow");
  return found;
}

/** Presents the trusted issuer's credential to whoever asks behind a link. */
export async function presentTo(party: RelyingParty, link: string): Promise<Submitted> {
  const request = await readRequest(link);
  return submit(request, party.token(request));
}

/** Where the wallet's answer sends the browser. */
export async function presentForCallback(party: RelyingParty, link: string): Promise<string> {
  const answered = await presentTo(party, link);
  expect(answered.status, answered.text).to.equal(200);
  expect(answered.body).to.have.all.keys("redirect_uri");
  return String(answered.body["redirect_uri"]);
}

/** A flow that was led to success on one device. */
export async function succeedOnThisDevice(party: RelyingParty, body: object = {}): Promise<BegunFlow> {
  const flow = await beginFlow(party, body);
  const callback = await presentForCallback(party, await chooseWallet(party, flow, "this"));
  const returned = await flow.browser.get(callback);
  expect(returned.status, returned.text).to.equal(303);
  expect(returned.headers.get("location")).to.equal(flow.page);
  return flow;
}

/** Where the browser goes when the flow is over. */
export async function finish({ browser, page }: BegunFlow): Promise<URL> {
  const finished = await browser.get(`${page}/finish`);
  expect(finished.status, finished.text).to.equal(303);
  return new URL(finished.headers.get("location") ?? "");
}

export function headingOf({ text }: Answer): string {
  return /<h1>([^<]*)<\/h1>/.exec(text)?.[1] ?? "";
}
