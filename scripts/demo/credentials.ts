import { type HDNodeWallet, Wallet } from "ethers";
import { verifyStatus, type ProvenStatus } from "../../api/audit/statusProof";
import { type ApiAnswer, type ApiClient, createAdminClient, createApiClient, expectAnswer } from "./callApi";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { withRegistry } from "./registry";
import { addUniversity, issueCredential, type IssuedCredential, revokeCredential } from "./university";

/** Alice, logged in, with an anchored DID. */
export interface Holder extends Presenter {
  session: string;
}

/** Who signs a challenge. */
interface Presenter {
  wallet: Wallet | HDNodeWallet;
  did: string;
}

/** The API as each participant calls it. */
interface Clients {
  admin: ApiClient;
  holder: ApiClient;
  anyone: ApiClient;
}

interface Presentation {
  verificationId: string;
  /** To the presenter. */
  answer: ApiAnswer;
}

/**
 * A university issues Alice a credential, an employer verifies it, nobody can use it again or in her place, the
 * university revokes another one, and an auditor verifies that revocation with the chain alone.
 *
 * @throws Error naming the step that failed and what the API answered
 */
export async function runCredentialsDemo(target: DemoTarget, alice: Holder, reportStep: ReportStep): Promise<void> {
  const { apiUrl } = target;
  const clients: Clients = {
    admin: createAdminClient(apiUrl),
    holder: createApiClient(apiUrl, alice.session),
    anyone: createApiClient(apiUrl, ""),
  };
  const university = await addUniversity({ ...clients, apiUrl }, reportStep);
  const scanned = await issueAndShare(clients, { university, subjectDid: alice.did }, reportStep);
  const employer = await useCredential(clients, { apiUrl, alice, scanned }, reportStep);
  const second = await issueCredential(university, alice.did);
  await presentAsBob(clients, { employer, alice, credential: second }, reportStep);
  await revokeCredential(university, second, reportStep);
  await runStep(reportStep, "The next verification fails, though Alice herself signs", async () => {
    const presentation = { presenter: alice, credential: { credentialId: second.credentialId } };
    const { answer } = await present({ employer, anyone: clients.anyone }, presentation);
    return [String(expectAnswer(answer, 410)["detail"]), ...checkLines(answer.body)];
  });
  await auditRevocation(target, clients.anyone, second, reportStep);
  await runStep(reportStep, "Alice reads who wanted to see her credentials", () =>
    listUsage(clients.holder, second.credentialId),
  );
}

/** @returns what the QR code holds */
async function issueAndShare(
  { holder }: Clients,
  { university, subjectDid }: { university: ApiClient; subjectDid: string },
  reportStep: ReportStep,
): Promise<unknown> {
  const title = "It issues Alice a credential that can be used once";
  const issued = await runStepWithResult(reportStep, title, async () => {
    const { credentialId } = await issueCredential(university, subjectDid);
    const { credentials } = expectAnswer(await holder("GET", "/credentials"), 200) as {
      credentials: { credentialId: string; status: string }[];
    };
    const listed = credentials.find((credential) => credential.credentialId === credentialId);
    const outcome = [`credential ${credentialId}`, `on her dashboard it is ${listed?.status ?? "missing"}`];
    return { outcome, result: credentialId };
  });
  return runStepWithResult(reportStep, "Alice shares it as a QR code", async () => {
    const share = expectAnswer(await holder("GET", `/credentials/${issued}/share`), 200);
    const svg = `an SVG of ${String(share["svg"]).length} characters; it names the credential and proves nothing`;
    return { outcome: [svg], result: share["payload"] };
  });
}

/** The employer opens a verification; the presenter signs its challenge and confirms. */
async function present(
  { employer, anyone }: { employer: ApiClient; anyone: ApiClient },
  { presenter, credential }: { presenter: Presenter; credential: unknown },
): Promise<Presentation> {
  const opened = expectAnswer(await employer("POST", "/verify", { credential }), 201);
  const { message } = opened["challenge"] as { message: string };
  const signature = await presenter.wallet.signMessage(message);
  const verificationId = String(opened["verificationId"]);
  const body = { verificationId, signature, presenterDid: presenter.did };
  return { verificationId, answer: await anyone("POST", "/verify/confirm", body) };
}

/** Uses the credential; then tries to use it again. @returns the API with the employer's key */
async function useCredential(
  { admin, anyone }: Clients,
  { apiUrl, alice, scanned }: { apiUrl: string; alice: Holder; scanned: unknown },
  reportStep: ReportStep,
): Promise<ApiClient> {
  const presentation = { presenter: alice, credential: scanned };
  const title = "An employer scans it, Alice signs, and the seven checks pass";
  const employer = await runStepWithResult(reportStep, title, async () => {
    const added = expectAnswer(await admin("POST", "/verifiers", { name: "ACME Employer" }), 201);
    const verifier = createApiClient(apiUrl, String(added["apiKey"]));
    const { verificationId, answer } = await present({ employer: verifier, anyone }, presentation);
    expectAnswer(answer, 200);
    const seen = expectAnswer(await verifier("GET", `/verify/${verificationId}`), 200);
    const { claims } = seen["credential"] as { claims: { name: string; degree: string } };
    const outcome = [`the employer sees: ${claims.name}, ${claims.degree}`, ...checkLines(seen)];
    return { outcome, result: verifier };
  });
  await runStep(reportStep, "A second use is refused", async () => {
    const { answer } = await present({ employer, anyone }, presentation);
    return [String(expectAnswer(answer, 409)["detail"]), ...checkLines(answer.body)];
  });
  return employer;
}

async function presentAsBob(
  { admin, anyone }: Clients,
  { employer, alice, credential }: { employer: ApiClient; alice: Holder; credential: IssuedCredential },
  reportStep: ReportStep,
): Promise<void> {
  const { credentialId } = credential;
  await runStep(reportStep, "Bob presents a screenshot of Alice's second QR code", async () => {
    const wallet = Wallet.createRandom();
    const bob = { wallet, did: alice.did.replace(/0x[0-9a-f]{40}$/, wallet.address.toLowerCase()) };
    const { answer } = await present({ employer, anyone }, { presenter: bob, credential: { credentialId } });
    const rejection = expectAnswer(answer, 403);
    const { alerts } = expectAnswer(await admin("GET", "/admin/fraud-alerts"), 200) as {
      alerts: { credentialId: string; kind: string }[];
    };
    const alert = alerts.find((found) => found.credentialId === credentialId);
    const alerted = `the administrator has an alert: ${alert?.kind ?? "none"}`;
    return [String(rejection["detail"]), ...checkLines(rejection), alerted];
  });
}

async function auditRevocation(
  target: DemoTarget,
  anyone: ApiClient,
  { credentialId, credId }: IssuedCredential,
  reportStep: ReportStep,
): Promise<void> {
  await runStep(reportStep, "An auditor asks the chain, and verifies our storage proof", () =>
    withRegistry(target, async (registry, provider) => {
      const revoked = await registry.isCredentialRevoked(credId);
      const answer = expectAnswer(await anyone("GET", `/audit/credentials/${credentialId}`), 200);
      const proven = answer as unknown as ProvenStatus;
      const block = await provider.getBlock(proven.proof.block.number);
      verifyStatus(proven, block?.hash ?? "");
      return [
        `isCredentialRevoked says ${String(revoked)}`,
        `the proof holds for block ${proven.proof.block.number}, by the block's hash alone:`,
        block?.hash ?? "",
      ];
    }),
  );
}

async function listUsage(holder: ApiClient, credentialId: string): Promise<string[]> {
  const usage = expectAnswer(await holder("GET", `/credentials/${credentialId}/usage`), 200);
  const entries = usage["entries"] as { verifierName: string; result: string; reason: string }[];
  return entries.map(
    ({ verifierName, result, reason }) => `${verifierName}: ${result}${reason === "" ? "" : ` (${reason})`}`,
  );
}

const CHECKS_A_LINE = 4;

/** The seven checks with their outcomes, in two lines, for a terminal of 80 columns. */
function checkLines(answer: Record<string, unknown>): string[] {
  const signs = { pass: "+", fail: "x", not_reached: "-" } as const;
  const checks = answer["checks"] as { name: string; outcome: keyof typeof signs }[];
  const words = checks.map(({ name, outcome }) => `${signs[outcome]} ${name}`);
  return [words.slice(0, CHECKS_A_LINE).join("  "), words.slice(CHECKS_A_LINE).join("  ")];
}
