import { type ApiClient, createApiClient, expectAnswer } from "./callApi";
import { type ReportStep, runStep, runStepWithResult } from "./demo";
import { poll } from "./poll";

/** A credential as its issuer got it back. */
export interface IssuedCredential {
  credentialId: string;
  credId: string;
  /** `vc+jwt` */
  jwt: string;
}

const CHAIN_DEADLINE_MS = 60_000;
const POLL_INTERVAL_MS = 100;

const EDUCATION = {
  type: "object",
  properties: { name: { type: "string" }, degree: { type: "string" } },
  required: ["name", "degree"],
  additionalProperties: false,
};

/** Registers an issuer and waits until the chain accredits it. @returns the API with its key */
export async function addUniversity(
  { admin, anyone, apiUrl }: { admin: ApiClient; anyone: ApiClient; apiUrl: string },
  reportStep: ReportStep,
): Promise<ApiClient> {
  return runStepWithResult(reportStep, "A university becomes an accredited issuer", async () => {
    const added = expectAnswer(await admin("POST", "/issuers", { name: "State University" }), 201);
    const university = createApiClient(apiUrl, String(added["apiKey"]));
    await poll(
      "accreditation of the university",
      async () => {
        const issuer = expectAnswer(await anyone("GET", `/issuers/${String(added["address"])}`), 200);
        return issuer["accredited"] === true && issuer["anchored"] === true ? issuer : undefined;
      },
      { deadlineMs: CHAIN_DEADLINE_MS, intervalMs: POLL_INTERVAL_MS },
    );
    expectAnswer(await university("PUT", "/credential-types/EducationCredential", { schema: EDUCATION }), 200);
    const outcome = [`DID ${String(added["did"])}`, "its DID document's digest and its accreditation are on the chain"];
    return { outcome, result: university };
  });
}

/** Issues a credential of a degree. */
export async function issueCredential(university: ApiClient, subjectDid: string): Promise<IssuedCredential> {
  const claims = { name: "Alice Smith", degree: "BS Computer Science" };
  const body = { subjectDid, type: "EducationCredential", claims };
  const issued = expectAnswer(await university("POST", "/credentials/issue", body), 201);
  const { credentialId, credId, jwt } = issued;
  return { credentialId: String(credentialId), credId: String(credId), jwt: String(jwt) };
}

/** Revokes a credential and waits until the index shows it. */
export async function revokeCredential(
  university: ApiClient,
  { credentialId }: IssuedCredential,
  reportStep: ReportStep,
): Promise<void> {
  await runStep(reportStep, "The university revokes that credential on the chain", async () => {
    const accepted = expectAnswer(await university("POST", "/credentials/revoke", { credentialId }), 202);
    const path = `/credentials/status-changes/${String(accepted["jobId"])}`;
    const job = await poll(
      "indexed revocation",
      async () => {
        const state = expectAnswer(await university("GET", path), 200);
        if (state["status"] === "failed") throw new Error(`The revocation failed: ${String(state["fault"])}`);
        return state["status"] === "final" ? state : undefined;
      },
      { deadlineMs: CHAIN_DEADLINE_MS, intervalMs: POLL_INTERVAL_MS },
    );
    return [`tx ${String(job["transactionHash"])}`, `block ${String(job["blockNumber"])}, indexed`];
  });
}
