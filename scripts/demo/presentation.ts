import { randomUUID } from "node:crypto";
import { type ApiClient, createAdminClient, createApiClient, expectAnswer } from "./callApi";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { createDemoBrowser, type DemoBrowser, type DemoPage } from "./demoBrowser";
import { createDemoWallet, type DemoWallet } from "./demoWallet";
import { addUniversity, issueCredential, type IssuedCredential, revokeCredential } from "./university";

/** What the library asks for (OpenID4VP 1.0 §6): a degree, and of it the name and the degree alone. */
const QUERY = {
  credentials: [
    {
      id: "degree",
      format: "jwt_vc_json",
      meta: { type_values: [["VerifiableCredential", "EducationCredential"]] },
      claims: [{ path: ["credentialSubject", "name"] }, { path: ["credentialSubject", "degree"] }],
    },
  ],
};

/** Where the library takes browsers back. The demo's browser goes no further. */
const RETURN_URL = "https://library.example/return";

/** A reader whose browser is at the flow's page. */
interface Reader {
  browser: DemoBrowser;
  wallet: DemoWallet;
  credential: IssuedCredential;
}

/** What the library remembers in its session with a reader. */
interface LibrarySession {
  transactionId: string;
  state: string;
  flowUrl: string;
}

/**
 * A library sends a reader's browser to Cairn for proof of a degree, by OpenID4VP 1.0: the page names who asks, the
 * wallet presents its credential encrypted and signed by the DID's controller, the browser comes back to the page of the
 * verdict and from there to the library, which reads what it asked for. Once the university revoked the credential, the
 * next presentation of it fails.
 *
 * @throws Error naming the step that failed and what was answered
 */
export async function runPresentationDemo(target: DemoTarget, reportStep: ReportStep): Promise<void> {
  const { apiUrl } = target;
  const admin = createAdminClient(apiUrl);
  const anyone = createApiClient(apiUrl, "");
  const wallet = await createDemoWallet(target);
  const university = await addUniversity({ admin, anyone, apiUrl }, reportStep);
  const credential = await runStepWithResult(reportStep, "It issues a credential into a wallet", async () => {
    const issued = await issueCredential(university, wallet.did);
    return { outcome: [wallet.did, "never written to the chain: every address is a DID"], result: issued };
  });
  const library = await addLibrary({ admin, apiUrl }, reportStep);
  const reader = { browser: createDemoBrowser(), wallet, credential };

  const session = await runStepWithResult(reportStep, "It sends a reader's browser to Cairn for a degree", async () => {
    const made = await makeFlow(library);
    return { outcome: [`303 ${made.flowUrl.slice(0, 60)}...`], result: made };
  });
  const back = await presentDegree(reader, session, reportStep);
  await runStep(reportStep, "The library reads the result with the browser's code", async () => {
    const result = await readResult(library, session, back);
    const { issuer, credentials } = result["verificationDetails"] as Details;
    return [`${String(result["result"])}: ${JSON.stringify(credentials[0]?.claims)}`, `issued by ${String(issuer)}`];
  });
  await revokeCredential(university, credential, reportStep);
  await runStep(reportStep, "The next presentation of it is invalid", async () => {
    const second = await makeFlow(library);
    const asked = await chooseWallet(reader, second);
    const page = await answer(reader, asked.link);
    const result = await readResult(library, second, await finish(reader, asked.page));
    return [`page: ${page.heading}`, `${String(result["result"])}: ${String(result["reason"])}`];
  });
}

interface Details {
  issuer: string | null;
  credentials: { claims: unknown }[];
}

/** @returns the API with the library's key */
async function addLibrary(
  { admin, apiUrl }: { admin: ApiClient; apiUrl: string },
  reportStep: ReportStep,
): Promise<ApiClient> {
  return runStepWithResult(reportStep, "A library is registered as a verifier", async () => {
    const account = { name: "City Library", redirectUris: [RETURN_URL] };
    const added = expectAnswer(await admin("POST", "/verifiers", account), 201);
    const outcome = [`verifier ${String(added["verifierId"])}`];
    return { outcome, result: createApiClient(apiUrl, String(added["apiKey"])) };
  });
}

async function makeFlow(library: ApiClient): Promise<LibrarySession> {
  const state = randomUUID();
  const body = { dcqlQuery: QUERY, credentialType: "Degree", redirectUri: RETURN_URL, state };
  const made = expectAnswer(await library("POST", "/vp-flow", body), 201);
  return { transactionId: String(made["transactionId"]), state, flowUrl: String(made["flowUrl"]) };
}

/** Follows the pages to their end. @returns where the browser is sent */
async function presentDegree(reader: Reader, session: LibrarySession, reportStep: ReportStep): Promise<URL> {
  const asked = await runStepWithResult(
    reportStep,
    "The page names who asks; the reader chooses a wallet",
    async () => {
      const chosen = await chooseWallet(reader, session);
      const outcome = ["City Library asks for proof: Degree", `${chosen.page.heading}: ${chosen.link.slice(0, 48)}...`];
      return { outcome, result: chosen };
    },
  );
  await runStep(reportStep, "The wallet presents it and sends the browser back", async () => {
    const page = await answer(reader, asked.link);
    return ["encrypted to a key of this request, signed with ES256K", `page: ${page.heading}`];
  });
  return runStepWithResult(reportStep, "The browser goes back to the library", async () => {
    const back = await finish(reader, asked.page);
    const parameters = [...back.searchParams.keys()].join(" and ");
    return { outcome: [`${back.origin}${back.pathname} with ${parameters}`], result: back };
  });
}

/** A page, and the link on it that opens the wallet. */
interface AskedOnPage {
  page: DemoPage & { url: string };
  link: string;
}

async function chooseWallet({ browser }: Reader, { flowUrl }: LibrarySession): Promise<AskedOnPage> {
  const url = requireRedirect(await browser.open(flowUrl));
  const first = await browser.open(url);
  if (!first.text.includes("<strong>City Library</strong>")) throw new Error("The page does not name who asks.");
  requireRedirect(await browser.send(`${url}/wallet`, { device: "this" }));
  const page = await browser.open(url);
  const link = /href="(openid4vp:[^"]*)"/.exec(page.text)?.[1];
  if (link === undefined) throw new Error(`The page "${page.heading}" has no link that opens a wallet.`);
  return { page: { ...page, url }, link: link.replaceAll("&amp;", "&") };
}

/** The wallet answers, and its browser comes back. @returns the page of the verdict */
async function answer({ browser, wallet, credential }: Reader, link: string): Promise<DemoPage> {
  const { status, redirectUri } = await wallet.present(await wallet.readRequest(link), credential.jwt);
  if (status !== 200 || redirectUri === null) throw new Error(`The presentation was answered ${status}.`);
  return browser.open(requireRedirect(await browser.open(redirectUri)));
}

async function finish({ browser }: Reader, { url }: { url: string }): Promise<URL> {
  return new URL(requireRedirect(await browser.open(`${url}/finish`)));
}

async function readResult(
  library: ApiClient,
  { transactionId, state }: LibrarySession,
  back: URL,
): Promise<Record<string, unknown>> {
  if (back.searchParams.get("state") !== state) throw new Error("The browser came back with another session's state.");
  const code = encodeURIComponent(back.searchParams.get("response_code") ?? "");
  return expectAnswer(await library("GET", `/vp-result/${transactionId}?response_code=${code}`), 200);
}

function requireRedirect({ status, heading, location }: DemoPage): string {
  if (status === 303 && location !== null) return location;
  throw new Error(`The browser was answered ${status} "${heading}" instead of being redirected.`);
}
