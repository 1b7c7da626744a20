import { eventually } from "./eventually";
import { type OAuthActors, REDIRECT_URI, type TestClient } from "./oauthActors";

/** The page's cookie; without TLS a program has to carry it by hand. */
export const BROWSER_COOKIE = "__Host-cairn-oauth";

/** What a gateway answered; redirects are not followed. */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

/** A browser as the gateway sees it: it keeps the cookie it was given. */
export interface Browser {
  cookie: string | undefined;
  get(path: string, accept?: string): Promise<Answered>;
}

export function openBrowser(url: string): Browser {
  const browser: Browser = {
    cookie: undefined,
    async get(path, accept = "text/html") {
      const headers = new Headers({ accept });
      if (browser.cookie !== undefined) headers.set("cookie", `${BROWSER_COOKIE}=${browser.cookie}`);
      const seen = await readAnswer(await fetch(new URL(path, url), { headers, redirect: "manual" }));
      for (const line of seen.headers.getSetCookie()) {
        const given = new RegExp(`^${BROWSER_COOKIE}=([^;]+)`).exec(line)?.[1];
        if (given !== undefined) browser.cookie = given;
      }
      return seen;
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

export async function setUp(oauth: OAuthActors, client = oauth.client): Promise<string> {
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

/** A verification that a browser has begun. */
export interface Begun {
  browser: Browser;
  verificationId: string;
  client: TestClient;
}

/** Sets up and begins, as a browser does. */
export async function begin(
  oauth: OAuthActors,
  more: Record<string, string> = {},
  client = oauth.client,
): Promise<Begun> {
  const browser = openBrowser(oauth.url);
  const nonce = await setUp(oauth, client);
  const seen = await browser.get(`/authorize/${nonce}?${authorizeQuery(client, more)}`, "application/json");
  if (seen.status !== 200) throw new Error(`the gateway answered ${seen.status}: ${seen.text}`);
  return { browser, verificationId: String(seen.json["verification_id"]), client };
}

export async function statusOf({ browser, verificationId }: Begun): Promise<string> {
  return String((await browser.get(`/status/${verificationId}`)).json["status"]);
}

export async function untilStatus(begun: Begun, status: string, withinMs?: number): Promise<void> {
  await eventually(`the status ${status}`, async () => (await statusOf(begun)) === status, withinMs);
}

/** Where the browser is sent when it is over. */
export async function finishUrl({ browser, verificationId }: Begun): Promise<URL> {
  const { status, headers, text } = await browser.get(`/authorize/${verificationId}/finish`);
  if (status !== 303) throw new Error(`the gateway answered ${status}: ${text}`);
  return new URL(headers.get("location") ?? "");
}

/** Plays it through to the code. */
export async function obtainCode(
  oauth: OAuthActors,
  more: Record<string, string> = {},
  client = oauth.client,
): Promise<{ begun: Begun; code: string }> {
  const begun = await begin(oauth, more, client);
  oauth.verifier.answerAsWallet(begun.verificationId, "show");
  await untilStatus(begun, "verified");
  return { begun, code: (await finishUrl(begun)).searchParams.get("code") ?? "" };
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
