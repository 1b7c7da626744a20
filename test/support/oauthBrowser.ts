import { eventually } from "./eventually";
import { type OAuthActors, REDIRECT_URI, type TestClient } from "./oauthActors";

/** The page's cookie; without TLS a program has to carry it by hand. */
export const BROWSER_COOKIE = "__Host-cairn-oauth";

/** An answer of the gateway; redirects are not followed. */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

/** A browser as the gateway sees it: it sends the cookie back that it was given. */
export interface Browser {
  cookie: string | undefined;
  get(path: string, accept?: string): Promise<Answered>;
}

export function createBrowser(url: string): Browser {
  const browser: Browser = {
    cookie: undefined,
    async get(path, accept = "text/html") {
      const headers = new Headers({ accept });
      if (browser.cookie !== undefined) headers.set("cookie", `${BROWSER_COOKIE}=${browser.cookie}`);
      const answered = await readAnswer(await fetch(new URL(path, url), { headers, redirect: "manual" }));
      for (const line of answered.headers.getSetCookie()) {
        const given = new RegExp(`^${BROWSER_COOKIE}=([^;]+)`).exec(line)?.[1];
        if (given !== undefined) browser.cookie = given;
      }
      return answered;
    },
  };
  return browser;
}

export async function readAnswer(response: Response): Promise<Answered> {
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== "" ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

/** Posts a form with the client's secret in it. */
export async function postForm(
  oauth: OAuthActors,
  path: string,
  client: TestClient | undefined,
  form: Record<string, string>,
): Promise<Answered> {
  const credentials: Record<string, string> =
    client === undefined ? {} : { client_id: client.clientId, client_secret: client.secret };
  return readAnswer(
    await fetch(oauth.url + path, { method: "POST", body: new URLSearchParams({ ...credentials, ...form }) }),
  );
}

export async function setUpNonce(oauth: OAuthActors, client = oauth.client): Promise<string> {
  const { json } = await readAnswer(
    await fetch(`${oauth.url}/setup/${client.clientId}`, {
      method: "POST",
      headers: { authorization: `Bearer ${client.secret}` },
    }),
  );
  return String(json["nonce"]);
}

export function authorizeQuery(client: TestClient, more: Record<string, string> = {}): string {
  const query = {
    response_type: "code",
    client_id: client.clientId,
    redirect_uri: REDIRECT_URI,
    state: "af0ifjsldkj",
    scope: "age",
    ...more,
  };
  return new URLSearchParams(query).toString();
}

/** A verification that a browser has started. */
export interface StartedVerification {
  browser: Browser;
  verificationId: string;
  client: TestClient;
}

/** Sets a verification up and starts it, as a client and a browser do. */
export async function startVerification(
  oauth: OAuthActors,
  more: Record<string, string> = {},
  client = oauth.client,
): Promise<StartedVerification> {
  const browser = createBrowser(oauth.url);
  const nonce = await setUpNonce(oauth, client);
  const answered = await browser.get(`/authorize/${nonce}?${authorizeQuery(client, more)}`, "application/json");
  if (answered.status !== 200) throw new Error(`the gateway answered ${answered.status}: ${answered.text}`);
  return { browser, verificationId: String(answered.json["verification_id"]), client };
}

export async function statusOf({ browser, verificationId }: StartedVerification): Promise<string> {
  return String((await browser.get(`/status/${verificationId}`)).json["status"]);
}

export async function untilStatus(started: StartedVerification, status: string, withinMs?: number): Promise<void> {
  await eventually(`the status ${status}`, async () => (await statusOf(started)) === status, withinMs);
}

/** Where the browser is redirected when the verification is over. */
export async function finishUrl({ browser, verificationId }: StartedVerification): Promise<URL> {
  const { status, headers, text } = await browser.get(`/authorize/${verificationId}/finish`);
  if (status !== 303) throw new Error(`the gateway answered ${status}: ${text}`);
  return new URL(headers.get("location") ?? "");
}

/** Runs a verification through to its code. */
export async function obtainCode(
  oauth: OAuthActors,
  more: Record<string, string> = {},
  client = oauth.client,
): Promise<{ started: StartedVerification; code: string }> {
  const started = await startVerification(oauth, more, client);
  oauth.verifier.answerAsWallet(started.verificationId, "show");
  await untilStatus(started, "verified");
  return { started, code: (await finishUrl(started)).searchParams.get("code") ?? "" };
}

export function redeem(
  oauth: OAuthActors,
  code: string,
  more: Record<string, string> = {},
  client = oauth.client,
): Promise<Answered> {
  return postForm(oauth, "/token", client, {
    grant_type: "authorization_code",
    code,
    redirect_uri: REDIRECT_URI,
    ...more,
  });
}

export async function information(oauth: OAuthActors, token: string): Promise<Answered> {
  return readAnswer(await fetch(`${oauth.url}/info`, { headers: { authorization: `Bearer ${token}` } }));
}
