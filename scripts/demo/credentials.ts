import { type HDNodeWallet, JsonRpcProvider, Wallet } from "ethers";
import { setTimeout as delay } from "node:timers/promises";
import { verifyStatus, type ProvenStatus } from "../../api/audit/statusProof";
import { DEVELOPMENT_ADMIN_API_KEY } from "../../core/config/admin";
import { readEnvironment } from "../../core/config/environment";
import { DIDRegistry__factory } from "../../typechain-types";
import { type ApiAnswer, callApi, expectAnswer } from "./callApi";
import type { Scene, Stage } from "./stage";

/** Alice, as the story so far leaves her. */
export interface HolderOnStage {
  session: string;
  wallet: Wallet | HDNodeWallet;
  did: string;
}

const PATIENCE_MS = 60_000;

const EDUCATION = {
  type: "object",
  properties: { name: { type: "string" }, degree: { type: "string" } },
  required: ["name", "degree"],
  additionalProperties: false,
};

/**
 * Goes on with Alice's story: a university issues her a credential, an employer verifies it, nobody can use it again or
 * in her place, the university revokes another one, and an auditor proves that from the chain alone.
 *
 * @param tell called after each step
 * @throws Error naming the step that failed and what the API answered
 */
export async function playCredentials(stage: Stage, alice: HolderOnStage, tell: (scene: Scene) => void): Promise<void> {
  const adminKey = readEnvironment()["ADMIN_API_KEY"] ?? DEVELOPMENT_ADMIN_API_KEY;
  const as =
    (session: string) =>
    (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
      callApi(stage.apiUrl, { method, path, session, ...(body !== undefined && { body }) });
  const [admin, holder, anyone] = [as(adminKey), as(alice.session), as("")];
  const scene = async (title: string, act: () => Promise<string[]>) => {
    const startedAt = performance.now();
    const outcome = await act();
    tell({ title, outcome, milliseconds: performance.now() - startedAt });
  };

  let university = anyone;
  let universityAddress = "";
  await scene("A university becomes an accredited issuer", async () => {
    const added = expectAnswer(await admin("POST", "/issuers", { name: "State University" }), 201);
    university = as(String(added["apiKey"]));
    universityAddress = String(added["address"]);
    await until("the university to be accredited", async () => {
      const issuer = expectAnswer(await anyone("GET", `/issuers/${universityAddress}`), 200);
      return issuer["accredited"] === true && issuer["anchored"] === true;
    });
    expectAnswer(await university("PUT", "/credential-types/EducationCredential", { schema: EDUCATION }), 200);
    return [`DID ${String(added["did"])}`, "its DID document's digest and its accreditation are on the chain"];
  });

  const issue = async (): Promise<{ credentialId: string; credId: string }> => {
    const claims = { name: "Alice Smith", degree: "BS Computer Science" };
    const body = { subjectDid: alice.did, type: "EducationCredential", claims };
    const issued = expectAnswer(await university("POST", "/credentials/issue", body), 201);
    return { credentialId: String(issued["credentialId"]), credId: String(issued["credId"]) };
  };
  let diploma = { credentialId: "", credId: "" };
  await scene("It issues Alice a credential that can be used once", async () => {
    diploma = await issue();
    const { credentials } = expectAnswer(await holder("GET", "/credentials"), 200) as {
      credentials: { credentialId: string; status: string }[];
    };
    const mine = credentials.find(({ credentialId }) => credentialId === diploma.credentialId);
    return [`credential ${diploma.credentialId}`, `on her dashboard it is ${mine?.status ?? "missing"}`];
  });

  let scanned: unknown;
  await scene("Alice shares it as a QR code", async () => {
    const share = expectAnswer(await holder("GET", `/credentials/${diploma.credentialId}/share`), 200);
    scanned = share["payload"];
    return [`an SVG of ${String(share["svg"]).length} characters; it names the credential and proves nothing`];
  });

  let employer = anyone;
  /** The employer scans, the presenter signs what the wallet shows. */
  const present = async (presenter: { wallet: Wallet | HDNodeWallet; did: string }, credential: unknown) => {
    const opened = expectAnswer(await employer("POST", "/verify", { credential }), 201);
    const { message } = opened["challenge"] as { message: string };
    const signature = await presenter.wallet.signMessage(message);
    const verificationId = String(opened["verificationId"]);
    return {
      verificationId,
      answer: await anyone("POST", "/verify/confirm", { verificationId, signature, presenterDid: presenter.did }),
    };
  };

  await scene("An employer scans it, Alice signs, and the seven checks pass", async () => {
    const added = expectAnswer(await admin("POST", "/verifiers", { name: "ACME Employer" }), 201);
    employer = as(String(added["apiKey"]));
    const { verificationId, answer } = await present(alice, scanned);
    expectAnswer(answer, 200);
    const seen = expectAnswer(await employer("GET", `/verify/${verificationId}`), 200);
    const { claims } = seen["credential"] as { claims: { name: string; degree: string } };
    return [`the employer sees: ${claims.name}, ${claims.degree}`, checksOf(seen)];
  });

  await scene("A second use is refused", async () => {
    const { answer } = await present(alice, scanned);
    return [String(expectAnswer(answer, 409)["detail"]), checksOf(answer.body)];
  });

  await scene("Bob has a screenshot of her other credential's QR code, and another wallet", async () => {
    diploma = await issue();
    const wallet = Wallet.createRandom();
    const bob = { wallet, did: alice.did.replace(/0x[0-9a-f]{40}$/, wallet.address.toLowerCase()) };
    const { answer } = await present(bob, { credentialId: diploma.credentialId });
    const refused = expectAnswer(answer, 403);
    const { alerts } = expectAnswer(await admin("GET", "/admin/fraud-alerts"), 200) as {
      alerts: { credentialId: string; kind: string }[];
    };
    const alert = alerts.find(({ credentialId }) => credentialId === diploma.credentialId);
    return [String(refused["detail"]), checksOf(refused), `the administrator has an alert: ${alert?.kind ?? "none"}`];
  });

  await scene("The university revokes that credential; the relayer takes it to the chain", async () => {
    const accepted = expectAnswer(
      await university("POST", "/credentials/revoke", { credentialId: diploma.credentialId }),
      202,
    );
    let job: Record<string, unknown> = {};
    await until("the revocation to be indexed", async () => {
      job = expectAnswer(await university("GET", `/credentials/status-changes/${String(accepted["jobId"])}`), 200);
      if (job["status"] === "failed") throw new Error(`The revocation failed: ${String(job["fault"])}`);
      return job["status"] === "final";
    });
    return [`transaction ${String(job["transactionHash"])}`, `block ${String(job["blockNumber"])}, seen by the index`];
  });

  await scene("The next verification fails, though Alice herself signs", async () => {
    const { answer } = await present(alice, { credentialId: diploma.credentialId });
    return [String(expectAnswer(answer, 410)["detail"]), checksOf(answer.body)];
  });

  await scene("An auditor asks the chain, and checks our answer against a block hash alone", async () => {
    const provider = new JsonRpcProvider(stage.rpcUrl, stage.chainId, { staticNetwork: true });
    try {
      const registry = DIDRegistry__factory.connect(stage.didRegistryAddress, provider);
      const revoked = await registry.isCredentialRevoked(diploma.credId);
      const answer = expectAnswer(await anyone("GET", `/audit/credentials/${diploma.credentialId}`), 200);
      const proven = answer as unknown as ProvenStatus;
      const block = await provider.getBlock(proven.proof.block.number);
      verifyStatus(proven, block?.hash ?? "");
      return [
        `isCredentialRevoked says ${String(revoked)}`,
        `the storage proof holds for block ${proven.proof.block.number}, ${block?.hash ?? ""}`,
      ];
    } finally {
      provider.destroy();
    }
  });

  await scene("Alice reads who wanted to see her credentials", async () => {
    const usage = expectAnswer(await holder("GET", `/credentials/${diploma.credentialId}/usage`), 200);
    const entries = usage["entries"] as { verifierName: string; result: string; reason: string }[];
    return entries.map(
      ({ verifierName, result, reason }) => `${verifierName}: ${result}${reason === "" ? "" : ` (${reason})`}`,
    );
  });
}

/** The seven checks in a line. */
function checksOf(answer: Record<string, unknown>): string {
  const signs = { pass: "+", fail: "x", not_reached: "-" } as const;
  const checks = answer["checks"] as { name: string; outcome: keyof typeof signs }[];
  return checks.map(({ name, outcome }) => `${signs[outcome]} ${name}`).join("  ");
}

async function until(what: string, probe: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`Waited ${PATIENCE_MS / 1000} s for ${what}, in vain.`);
    await delay(100);
  }
}
