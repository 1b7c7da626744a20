import { type ApiClient, createAdminClient, createApiClient, expectAnswer } from "./callApi";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { type AskedFor, createDemoWallet, type DemoWallet } from "./demoWallet";
import { poll } from "./poll";
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

const ANSWER_DEADLINE_MS = 30_000;

interface Asked {
  transactionId: string;
  requestId: string;
  link: string;
}

/**
 * A library asks any wallet for proof of a degree by OpenID4VP 1.0: the wallet sees who asks, presents its credential
 * encrypted and signed by the DID's controller, and the library reads what it asked for. Once the university revoked
 * the credential, the next presentation is invalid.
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
  const asked = await runStepWithResult(reportStep, "It asks for a degree", async () => {
    const request = await askForDegree(library);
    return { outcome: [`QR code: ${request.link.slice(0, 60)}...`], result: request };
  });
  await presentDegree({ wallet, credential, asked }, reportStep);
  await runStep(reportStep, "The library reads the result, once", async () => {
    const result = await readResult(library, asked);
    const { credentials } = result["verificationDetails"] as { credentials: { claims: unknown }[] };
    return [`${String(result["result"])}: ${JSON.stringify(credentials[0]?.claims)}`];
  });
  await revokeCredential(university, credential, reportStep);
  await runStep(reportStep, "The next presentation of it is invalid", async () => {
    const second = await askForDegree(library);
    await wallet.present(await wallet.readRequest(second.link), credential.jwt);
    const result = await readResult(library, second);
    return [`${String(result["result"])}: ${String(result["reason"])}`];
  });
}

/** @returns the API with the library's key */
async function addLibrary(
  { admin, apiUrl }: { admin: ApiClient; apiUrl: string },
  reportStep: ReportStep,
): Promise<ApiClient> {
  return runStepWithResult(reportStep, "A library is registered as a verifier", async () => {
    const added = expectAnswer(await admin("POST", "/verifiers", { name: "City Library" }), 201);
    const outcome = [`verifier ${String(added["verifierId"])}`];
    return { outcome, result: createApiClient(apiUrl, String(added["apiKey"])) };
  });
}

async function askForDegree(library: ApiClient): Promise<Asked> {
  const created = expectAnswer(await library("POST", "/vp-request", { dcqlQuery: QUERY }), 201);
  return {
    transactionId: String(created["transactionId"]),
    requestId: String(created["requestId"]),
    link: String(created["authorizationUrl"]),
  };
}

async function presentDegree(
  { wallet, credential, asked }: { wallet: DemoWallet; credential: IssuedCredential; asked: Asked },
  reportStep: ReportStep,
): Promise<void> {
  const read = await runStepWithResult(reportStep, "The wallet opens the request and sees who asks", async () => {
    const request: AskedFor = await wallet.readRequest(asked.link);
    return { outcome: [request.clientId, "signed by the certificate of that name"], result: request };
  });
  await runStep(reportStep, "Its holder agrees; it presents the credential", async () => {
    const status = await wallet.present(read, credential.jwt);
    if (status !== 200) throw new Error(`The presentation was answered ${status}.`);
    return ["encrypted to a key of this request, signed with ES256K", `${new URL(read.responseUri).pathname} -> 200`];
  });
}

async function readResult(library: ApiClient, { requestId, transactionId }: Asked): Promise<Record<string, unknown>> {
  await poll(
    "answer of the wallet",
    async () => {
      const { status } = expectAnswer(await library("GET", `/vp-request/${requestId}/status`), 200);
      return status === "VP_SUBMITTED" ? true : undefined;
    },
    { deadlineMs: ANSWER_DEADLINE_MS },
  );
  return expectAnswer(await library("GET", `/vp-result/${transactionId}`), 200);
}
