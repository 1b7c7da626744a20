import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startMockVerifier } from "../../embedded/verifier/mockVerifier";
import { createAdminClient, createApiClient } from "./callApi";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { createDemoWallet, type DemoWallet } from "./demoWallet";
import { type Shop, type ShopRegistration, startShop } from "./shop";
import { addUniversity, issueCredential } from "./university";

/** One authorization at the gateway, as the shop sees it (RFC 6749, RFC 7636). */
interface Authorization {
  apiUrl: string;
  shop: Shop;
  codeVerifier: string;
  state: string;
}

const STATUS_DEADLINE_MS = 30_000;
const BY_HAND_DEADLINE_MS = 15 * 60_000;

/** Shows what is asked for. @returns the callback that the browser brings */
type Show = (startUrl: string, shop: Shop) => Promise<URL>;

const DEGREE = {
  name: "degree",
  description: "your degree",
  dcql: {
    credentials: [
      {
        id: "degree",
        format: "jwt_vc_json",
        meta: { type_values: [["VerifiableCredential", "EducationCredential"]] },
        claims: [{ path: ["credentialSubject", "degree"] }],
      },
    ],
  },
};

const AGE = {
  name: "age",
  description: "that you are over 18",
  dcql: {
    credentials: [
      { id: "age", format: "dc+sd-jwt", meta: { vct_values: ["betaid-sdjwt"] }, claims: [{ path: ["age_over_18"] }] },
    ],
  },
};

/**
 * A shop asks for proof of a degree over OAuth: it pushes its request, a wallet presents the credential to Cairn's own
 * verifier, the browser brings the code, the shop redeems it, reads what was shown and revokes the token.
 *
 * @param byHand when given, a person clicks through the pages in a browser, with a mock wallet of a mock verifier, and is
 *   asked for proof of age: called with the address to open
 * @throws Error naming what was answered instead of what the step needs
 */
export async function runOAuthDemo(
  target: DemoTarget,
  reportStep: ReportStep,
  byHand?: (startUrl: string) => void,
): Promise<void> {
  await (byHand === undefined ? showByWallet(target, reportStep) : showByHand(target, reportStep, byHand));
}

async function showByWallet(target: DemoTarget, reportStep: ReportStep): Promise<void> {
  const { apiUrl, mongodbUri } = target;
  const admin = createAdminClient(apiUrl);
  const wallet = await createDemoWallet(target);
  const university = await addUniversity({ admin, anyone: createApiClient(apiUrl, ""), apiUrl }, reportStep);
  const { jwt } = await issueCredential(university, wallet.did);
  const registration = { mongodbUri, verifierUrl: undefined, scope: DEGREE };
  await withShop(registration, "Cairn's own", reportStep, (shop) =>
    authorize({ apiUrl, shop }, reportStep, (startUrl) => presentInBrowser(startUrl, { wallet, jwt }, reportStep)),
  );
}

async function showByHand(
  { apiUrl, mongodbUri }: DemoTarget,
  reportStep: ReportStep,
  byHand: (startUrl: string) => void,
): Promise<void> {
  const verifier = await startMockVerifier({ deepLinks: "wallet", webhook: { url: `${apiUrl}/notification` } });
  try {
    const registration = { mongodbUri, verifierUrl: verifier.url, scope: AGE };
    await withShop(registration, `a mock at ${verifier.url}`, reportStep, (shop) =>
      authorize({ apiUrl, shop }, reportStep, (startUrl) => {
        byHand(startUrl);
        return waitForPerson(shop.callback, reportStep);
      }),
    );
  } finally {
    await verifier.close();
  }
}

async function withShop(
  registration: ShopRegistration,
  verifierName: string,
  reportStep: ReportStep,
  use: (shop: Shop) => Promise<void>,
): Promise<void> {
  const shop = await runStepWithResult(reportStep, "A shop is registered as a client of the gateway", async () => {
    const started = await startShop(registration);
    return { outcome: [`client ${started.clientId}`, `its verifier: ${verifierName}`], result: started };
  });
  try {
    await use(shop);
  } finally {
    await shop.close();
  }
}

async function authorize(
  { apiUrl, shop }: Pick<Authorization, "apiUrl" | "shop">,
  reportStep: ReportStep,
  show: Show,
): Promise<void> {
  const codeVerifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("base64url");
  const authorization: Authorization = { apiUrl, shop, codeVerifier, state };
  const callback = await show(await pushRequest(authorization, reportStep), shop);
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
      scope: shop.scope,
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
async function waitForPerson(callback: Promise<URL>, reportStep: ReportStep): Promise<URL> {
  return runStepWithResult(reportStep, "You show your age with the mock wallet", async () => {
    const received = await Promise.race([callback, delay(BY_HAND_DEADLINE_MS).then(() => undefined)]);
    if (received === undefined) throw new Error("Nobody came back within 15 minutes.");
    return { outcome: ["the browser came back to the shop"], result: received };
  });
}

/** Does what browser and wallet would do. @returns the callback */
async function presentInBrowser(
  startUrl: string,
  { wallet, jwt }: { wallet: DemoWallet; jwt: string },
  reportStep: ReportStep,
): Promise<URL> {
  return runStepWithResult(reportStep, "A browser opens it; the wallet shows what is asked for", async () => {
    const opened = await fetch(startUrl, { headers: { accept: "application/json" } });
    const cookie = opened.headers
      .getSetCookie()
      .map((line) => line.split(";")[0])
      .join("; ");
    const session = await readBody(opened, 200);
    const deepLink = String(session["verification_deeplink"]);
    const { status } = await wallet.present(await wallet.readRequest(deepLink), jwt);
    if (status !== 200) throw new Error(`The presentation was answered ${status}.`);
    await waitUntilVerified(String(session["status_url"]), cookie);
    const finished = await fetch(String(session["finish_url"]), { headers: { cookie }, redirect: "manual" });
    const outcome = [`deep link ${deepLink.slice(0, 60)}...`, "presented, encrypted; one code was given"];
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
