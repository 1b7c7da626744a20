import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { callApi, expectAnswer } from "./callApi";
import type { Scene, Stage } from "./stage";

interface KycStatus {
  status: string;
  substatus: string | null;
  rejectionReason: { code: string; message: string } | null;
}

interface Letter {
  to: string;
  subject: string;
  text: string;
}

const DEADLINE_MS = 30_000;

/**
 * Plays Bea: what needs a verified holder is closed to her, she starts a verification, the sandbox provider rejects her
 * first try and approves the second, its webhooks come in the wrong order, and she gets one letter for each decision.
 *
 * @param tell called after each step
 * @throws Error naming the step that failed and what the API answered
 */
export async function playKycStory(stage: Pick<Stage, "apiUrl">, tell: (scene: Scene) => void): Promise<void> {
  const email = `bea-${randomBytes(4).toString("hex")}@example.com`;
  let session = "";
  let sessionUrl = "";
  const scene = async (title: string, act: () => Promise<string[]>) => {
    const startedAt = performance.now();
    const outcome = await act();
    tell({ title, outcome, milliseconds: performance.now() - startedAt });
  };
  const api = (method: string, path: string, body?: unknown) => callApi(stage.apiUrl, { method, path, body, session });
  const status = async () => expectAnswer(await api("GET", "/api/kyc/status"), 200) as unknown as KycStatus;
  const letters = async () => {
    const answer = expectAnswer(await api("GET", "/dev/mailbox/messages"), 200);
    return (answer["messages"] as Letter[]).filter(({ to }) => to.includes(email));
  };
  const start = async () => {
    const started = expectAnswer(await api("POST", "/api/kyc/start-verification"), 201, 200);
    sessionUrl = String(started["sessionUrl"]);
    return started;
  };

  await scene("Bea registers", async () => {
    const password = randomBytes(18).toString("base64url");
    const answer = expectAnswer(await api("POST", "/auth/register", { email, password, name: "Bea Jones" }), 201);
    session = String(answer["sessionId"]);
    return [email];
  });

  await scene("What needs a verified holder is closed to her", async () => {
    const answer = await api("GET", "/api/kyc/verification");
    expectAnswer(answer, 403);
    return [`GET /api/kyc/verification says ${String(answer.body["code"])}`];
  });

  await scene("She starts a verification", async () => {
    const first = await start();
    const again = await start();
    if (again["sessionId"] !== first["sessionId"]) throw new Error("A second request opened a second session.");
    return [
      `provider ${String(first["provider"])}`,
      `page     ${sessionUrl}`,
      "asking again leads to the same session",
    ];
  });

  await scene("The provider does not believe her", async () => {
    await decide(sessionUrl, "reject", "normal");
    const { rejectionReason } = await until("a rejection", async () => {
      const found = await status();
      return found.status === "rejected" && found;
    });
    return ["status rejected", `reason ${rejectionReason?.message ?? "(none)"}`];
  });

  await scene("She tries again, and the webhooks come in the wrong order", async () => {
    await start();
    await decide(sessionUrl, "approve", "reorder");
    const { substatus } = await until("an approval", async () => {
      const found = await status();
      return found.status === "verified" && found;
    });
    await delay(2_500);
    if ((await status()).status !== "verified") throw new Error("A late webhook moved the status back.");
    return [`status verified, ${substatus ?? ""}`, "the late `in_progress` changed nothing"];
  });

  await scene("She has one letter for each decision", async () => {
    const found = await until("two letters", async () => {
      const sent = await letters();
      return sent.length >= 2 && sent;
    });
    if (found.length !== 2) throw new Error(`She got ${found.length} letters for two decisions.`);
    return [...found.map(({ subject }) => `letter: ${subject}`), `read them at ${stage.apiUrl}/dev/mailbox`];
  });

  await scene("What was closed is open", async () => {
    const shown = expectAnswer(await api("GET", "/api/kyc/verification"), 200);
    return [`verified by ${String(shown["provider"])} at ${String(shown["verifiedAt"])}`];
  });
}

/** What a person does on the sandbox's page. */
async function decide(sessionUrl: string, decision: string, behaviour: string): Promise<void> {
  const page = await fetch(sessionUrl);
  if (page.status !== 200) throw new Error(`The provider's page answered ${page.status}.`);
  await page.text();
  const body = new URLSearchParams({ decision, behaviour });
  const answer = await fetch(sessionUrl, { method: "POST", body, redirect: "manual" });
  if (answer.status !== 303) throw new Error(`The provider's page answered ${answer.status} to \`${decision}\`.`);
}

async function until<T>(what: string, probe: () => Promise<T | false>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await probe();
    if (found !== false) return found;
    if (performance.now() > deadline) throw new Error(`There was no ${what.replace(/^an? /, "")} within 30 s.`);
    await delay(50);
  }
}
