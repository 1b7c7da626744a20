import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type ApiClient, createApiClient, expectAnswer } from "./callApi";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { poll } from "./poll";

interface KycStatus {
  status: string;
  substatus: string | null;
  rejectionReason: { code: string; message: string } | null;
}

interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** Bea's account, once she is registered. */
interface Account {
  api: ApiClient;
  email: string;
}

const DEADLINE_MS = 30_000;
/** Longer than the sandbox provider delays a webhook that it sends out of order. */
const LATE_WEBHOOK_MS = 2_500;

/**
 * Bea is refused what needs a verified holder and starts a verification; the sandbox provider rejects her first try and
 * approves the second; its webhooks come in the wrong order; she gets one mail for each decision.
 *
 * @throws Error naming the step that failed and what the API answered
 */
export async function runKycDemo({ apiUrl }: Pick<DemoTarget, "apiUrl">, reportStep: ReportStep): Promise<void> {
  const account = await registerBea(apiUrl, reportStep);
  await beRejected(account, reportStep);
  await beApproved(account, reportStep);
  await readMails(account, apiUrl, reportStep);
  await runStep(reportStep, "Now she may do what needs a verified holder", async () => {
    const shown = expectAnswer(await account.api("GET", "/api/kyc/verification"), 200);
    return [`verified by ${String(shown["provider"])} at ${String(shown["verifiedAt"])}`];
  });
}

async function registerBea(apiUrl: string, reportStep: ReportStep): Promise<Account> {
  const email = `bea-${randomBytes(4).toString("hex")}@example.com`;
  const password = randomBytes(18).toString("base64url");
  const session = await runStepWithResult(reportStep, "Bea registers", async () => {
    const register = createApiClient(apiUrl, "");
    const answer = expectAnswer(await register("POST", "/auth/register", { email, password, name: "Bea Jones" }), 201);
    return { outcome: [email], result: String(answer["sessionId"]) };
  });
  const api = createApiClient(apiUrl, session);
  await runStep(reportStep, "She is refused what needs a verified holder", async () => {
    const answer = await api("GET", "/api/kyc/verification");
    expectAnswer(answer, 403);
    return [`GET /api/kyc/verification says ${String(answer.body["code"])}`];
  });
  return { api, email };
}

async function beRejected({ api }: Account, reportStep: ReportStep): Promise<void> {
  const sessionUrl = await runStepWithResult(reportStep, "She starts a verification", async () => {
    const first = await startVerification(api);
    const again = await startVerification(api);
    if (again["sessionId"] !== first["sessionId"]) throw new Error("A second request opened a second session.");
    const url = String(again["sessionUrl"]);
    const provider = `provider ${String(first["provider"])}`;
    return { outcome: [provider, `page     ${url}`, "asking again leads to the same session"], result: url };
  });
  await runStep(reportStep, "The provider rejects her", async () => {
    await decide(sessionUrl, "reject", "normal");
    const { rejectionReason } = await waitForStatus(api, "rejected");
    return ["status rejected", `reason ${rejectionReason?.message ?? "(none)"}`];
  });
}

async function beApproved({ api }: Account, reportStep: ReportStep): Promise<void> {
  await runStep(reportStep, "She tries again, and the webhooks come in the wrong order", async () => {
    const { sessionUrl } = await startVerification(api);
    await decide(String(sessionUrl), "approve", "reorder");
    const { substatus } = await waitForStatus(api, "verified");
    await delay(LATE_WEBHOOK_MS);
    if ((await readStatus(api)).status !== "verified") throw new Error("A late webhook moved the status back.");
    return [`status verified, ${substatus ?? ""}`, "the late `in_progress` changed nothing"];
  });
}

async function readMails({ api, email }: Account, apiUrl: string, reportStep: ReportStep): Promise<void> {
  await runStep(reportStep, "She got one mail for each decision", async () => {
    const mails = await poll(
      "second mail",
      async () => {
        const answer = expectAnswer(await api("GET", "/dev/mailbox/messages"), 200);
        const received = (answer["messages"] as Mail[]).filter(({ to }) => to.includes(email));
        return received.length >= 2 ? received : undefined;
      },
      { deadlineMs: DEADLINE_MS },
    );
    if (mails.length !== 2) throw new Error(`She got ${mails.length} mails for two decisions.`);
    return [...mails.map(({ subject }) => `mail: ${subject}`), `read them at ${apiUrl}/dev/mailbox`];
  });
}

async function startVerification(api: ApiClient): Promise<Record<string, unknown>> {
  return expectAnswer(await api("POST", "/api/kyc/start-verification"), 201, 200);
}

async function readStatus(api: ApiClient): Promise<KycStatus> {
  return expectAnswer(await api("GET", "/api/kyc/status"), 200) as unknown as KycStatus;
}

function waitForStatus(api: ApiClient, status: string): Promise<KycStatus> {
  return poll(
    `status ${status}`,
    async () => {
      const found = await readStatus(api);
      return found.status === status ? found : undefined;
    },
    { deadlineMs: DEADLINE_MS },
  );
}

/** Submits the form of the sandbox provider's page, as a person would. */
async function decide(sessionUrl: string, decision: string, behaviour: string): Promise<void> {
  const page = await fetch(sessionUrl);
  if (page.status !== 200) throw new Error(`The provider's page answered ${page.status}.`);
  await page.text();
  const body = new URLSearchParams({ decision, behaviour });
  const answer = await fetch(sessionUrl, { method: "POST", body, redirect: "manual" });
  if (answer.status !== 303) throw new Error(`The provider's page answered ${answer.status} to \`${decision}\`.`);
}
