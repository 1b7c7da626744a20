import { BROWSER_COOKIE, REDIRECT_URI, type Stage, type TestClient } from "./swiyuStage";
import { eventually } from "./eventually";

/** What a gateway answered; redirects are not followed. */
export interface Seen {
  status: number;
  headers: Headers;
  text: string;
  json: Record<string, unknown>;
}

/** A browser as the gateway sees it: it keeps the cookie it was given. */
export interface Browser {
  cookie: string | undefined;
  get(path: string, accept?: string): Promise<Seen>;
}

export function openBrowser(url: string): Browser {
  const browser: Browser = {
    cookie: undefined,
    async get(path, accept = "text/html") {
      const headers = new Headers({ accept });
      if (browser.cookie !== undefined) headers.set("cookie", `${BROWSER_COOKIE}=${browser.cookie}`);
      const seen = await see(await fetch(new URL(path, url), { headers, redirect: "manual" }));
      for (const line of seen.headers.getSetCookie()) {
        const given = new RegExp(`^${BROWSER_COOKIE}=([^;]+)`).exec(line)?.[1];
        if (given !== undefined) browser.cookie = given;
      }
      return seen;
    },
  };
  return browser;
}

export async function see(response: Response): Promise<Seen> {
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
  stage: Stage,
  path: string,
  client: TestClient | undefined,
  form: Record<string, string>,
): Promise<Seen> {
  const credentials: Record<string, string> =
    client === undefined ? {} : { client_id: client.clientId, client_secret: client.secret };
  return see(await fetch(stage.url + path, { method: "POST", body: new URLSearchParams({ ...credentials, ...form }) }));
}

export async function setUp(stage: Stage, client = stage.client): Promise<string> {
  const { json } = await see(
    await fetch(`${stage.url}/setup/${client.clientId}`, {
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
export async function begin(stage: Stage, more: Record<string, string> = {}, client = stage.client): Promise<Begun> {
  const browser = openBrowser(stage.url);
  const nonce = await setUp(stage, client);
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
  stage: Stage,
  more: Record<string, string> = {},
  client = stage.client,
): Promise<{ begun: Begun; code: string }> {
  const begun = await begin(stage, more, client);
  stage.verifier.answerAsWallet(begun.verificationId, "show");
  await untilStatus(begun, "verified");
  return { begun, code: (await finishUrl(begun)).searchParams.get("code") ?? "" };
}

export function redeem(
  stage: Stage,
  code: string,
  more: Record<string, string> = {},
  client = stage.client,
): Promise<Seen> {
  return postForm(stage, "/token", client, {
    grant_type: "authorization_code",
    code,
    redirect_uri: REDIRECT_URI,
    ...more,
  });
}

export async function information(stage: Stage, token: string): Promise<Seen> {
  return see(await fetch(`${stage.url}/info`, { headers: { authorization: `Bearer ${token}` } }));
}
