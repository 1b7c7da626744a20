import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type MockVerifier, startMockVerifier } from "../../embedded/verifier/mockVerifier";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { type Shop, startShop } from "./shop";

/** One authorization at the gateway, as the shop sees it (RFC 6749, RFC 7636). */
interface Authorization {
  apiUrl: string;
  shop: Shop;
  codeVerifier: string;
  state: string;
}

const STATUS_DEADLINE_MS = 30_000;
const BY_HAND_DEADLINE_MS = 15 * 60_000;

/**
 * A shop asks for proof of age over OAuth: it pushes its request, a wallet answers a mock verifier, the browser brings
 * the code, the shop redeems it, reads what was shown and revokes the token.
 *
 * @param byHand when given, a person clicks through the pages in a browser: called with the address to open
 * @throws Error naming what was answered instead of what the step needs
 */
export async function runOAuthDemo(
  { apiUrl, mongodbUri }: Pick<DemoTarget, "apiUrl" | "mongodbUri">,
  reportStep: ReportStep,
  byHand?: (startUrl: string) => void,
): Promise<void> {
  const verifier = await startMockVerifier({ deepLinks: "wallet", webhook: { url: `${apiUrl}/notification` } });
  try {
    const shop = await runStepWithResult(reportStep, "A shop is registered as a client of the gateway", async () => {
      const started = await startShop({ mongodbUri, verifierUrl: verifier.url });
      const outcome = [`client ${started.clientId}`, `its verifier: a mock at ${verifier.url}`];
      return { outcome, result: started };
    });
    try {
      await authorize({ apiUrl, shop, verifier, byHand }, reportStep);
    } finally {
      await shop.close();
    }
  } finally {
    await verifier.close();
  }
}

async function authorize(
  input: { apiUrl: string; shop: Shop; verifier: MockVerifier; byHand: ((startUrl: string) => void) | undefined },
  reportStep: ReportStep,
): Promise<void> {
  const { apiUrl, shop, verifier, byHand } = input;
  const codeVerifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const authorization: Authorization = { apiUrl, shop, codeVerifier, state };
  const startUrl = await pushRequest(authorization, reportStep);
  byHand?.(startUrl);
  const callback =
    byHand === undefined
      ? await showByWallet(startUrl, verifier, reportStep)
      : await showByHand(shop.callback, reportStep);
  const token = await redeemCode(authorization, callback, reportStep);
  await readAndRevoke(authorization, token, reportStep);
}

/** @returns the address the browser opens */
async function pushRequest(authorization: Authorization, reportStep: ReportStep): Promise<string> {
  const { apiUrl, shop, codeVerifier, state } = authorization;
  return runStepWithResult(reportStep, "It pushes its request (RFC 9126), with PKCE", async () => {
    const pushed = await post(authorization, "/par", 201, {
      response_type: "code",
      redirect_uri: shop.redirectUri,
      scope: "age",
      state,
      code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    const query = new URLSearchParams({ client_id: shop.clientId, request_uri: String(pushed["request_uri"]) });
    const outcome = [`POST /par -> request_uri, good for ${String(pushed["expires_in"])} s`];
    return { outcome, result: `${apiUrl}/authorize?${query.toString()}` };
  });
}

/** @returns the callback that a person's browser brings */
async function showByHand(callback: Promise<URL>, reportStep: ReportStep): Promise<URL> {
  return runStepWithResult(reportStep, "You show your age with the mock wallet", async () => {
    const received = await Promise.race([callback, delay(BY_HAND_DEADLINE_MS).then(() => undefined)]);
    if (received === undefined) throw new Error("Nobody came back within 15 minutes.");
    return { outcome: ["the browser came back to the shop"], result: received };
  });
}

/** Does what browser and wallet would do. @returns the callback */
async function showByWallet(startUrl: string, verifier: MockVerifier, reportStep: ReportStep): Promise<URL> {
  return runStepWithResult(reportStep, "A browser opens it; the wallet shows what is asked for", async () => {
    const opened = await fetch(startUrl, { headers: { accept: "application/json" } });
    const cookie = opened.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const session = await readBody(opened, 200);
    verifier.answerAsWallet(String(session["verification_id"]), "show", "twice");
    await waitUntilVerified(String(session["status_url"]), cookie);
    const finished = await fetch(String(session["finish_url"]), { headers: { cookie }, redirect: "manual" });
    const outcome = [
      `deep link ${String(session["verification_deeplink"]).slice(0, 60)}...`,
      "the verifier notified the gateway twice; one code was given",
    ];
    return { outcome, result: new URL(finished.headers.get("location") ?? "") };
  });
}

/** @returns the access token */
async function redeemCode(authorization: Authorization, callback: URL, reportStep: ReportStep): Promise<string> {
  return runStepWithResult(reportStep, "The shop redeems the code", async () => {
    const parameters = callback.searchParams;
    if (parameters.get("state") !== authorization.state) throw new Error("The state that came back is not the shop's.");
    const error = parameters.get("error");
    if (error !== null) throw new Error(`The gateway answered ${error}: ${parameters.get("error_description") ?? ""}`);
    const granted = await post(authorization, "/token", 200, {
      grant_type: "authorization_code",
      code: parameters.get("code") ?? "",
      redirect_uri: authorization.shop.redirectUri,
      code_verifier: authorization.codeVerifier,
    });
    const outcome = [`POST /token -> access token for ${String(granted["scope"])}, ${String(granted["expires_in"])} s`];
    return { outcome, result: String(granted["access_token"]) };
  });
}

async function readAndRevoke(authorization: Authorization, token: string, reportStep: ReportStep): Promise<void> {
  const readInfo = () => fetch(`${authorization.apiUrl}/info`, { headers: { authorization: `Bearer ${token}` } });
  await runStep(reportStep, "It reads what the wallet showed", async () => {
    const information = await readBody(await readInfo(), 200);
    return [`GET /info -> ${String(information["status"])} ${JSON.stringify(information["claims"])}`];
  });
  await runStep(reportStep, "It revokes the token", async () => {
    await post(authorization, "/revoke", 200, { token });
    return [`GET /info -> ${(await readInfo()).status} from now on`];
  });
}

async function waitUntilVerified(statusUrl: string, cookie: string): Promise<void> {
  const deadline = performance.now() + STATUS_DEADLINE_MS;
  for (;;) {
    const { status } = await readBody(await fetch(`${statusUrl}?known=authorized`, { headers: { cookie } }), 200);
    if (status === "verified") return;
    if (status !== "authorized" || performance.now() > deadline)
      throw new Error(`The verification is ${String(status)}.`);
  }
}

/** Sends a form with the shop's credentials (RFC 6749 §2.3.1). */
async function post(
  { apiUrl, shop }: Authorization,
  path: string,
  expectedStatus: number,
  fields: Record<string, string>,
): Promise<Record<string, unknown>> {
  const credentials = Buffer.from(`${shop.clientId}:${shop.secret}`).toString("base64");
  const headers = { authorization: `Basic ${credentials}` };
  const response = await fetch(apiUrl + path, { method: "POST", headers, body: new URLSearchParams(fields) });
  return readBody(response, expectedStatus);
}

async function readBody(response: Response, expectedStatus: number): Promise<Record<string, unknown>> {
  const text = await response.text();
  if (response.status !== expectedStatus)
    throw new Error(`${new URL(response.url).pathname} answered ${response.status}: ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
