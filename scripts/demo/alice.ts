import { Wallet } from "ethers";
import { type AliceState, deleteAlice, loadOrCreateAlice, saveAlice } from "./aliceState";
import { type ApiClient, createApiClient, expectAnswer, retryUntilReachable } from "./callApi";
import { runCredentialsDemo } from "./credentials";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { poll } from "./poll";
import { withRegistry } from "./registry";

interface WalletEntry {
  walletAddress: string;
  did: string;
  anchoring: { status: string; transactionHash?: string; blockNumber?: number; error?: { message: string } };
}

interface TypedData {
  domain: Record<string, string | number>;
  types: Record<string, { name: string; type: string }[]>;
  message: Record<string, unknown>;
}

const ANCHORING_DEADLINE_MS = 60_000;

/**
 * Alice registers, logs in and links her wallet with two signatures; her DID is anchored on the chain, indexed and
 * resolved; then a university issues her a credential, see {@link runCredentialsDemo}. A run that was cut short is
 * continued with the same Alice.
 *
 * @throws Error naming the step that failed and what the API answered
 */
export async function runAliceDemo(target: DemoTarget, reportStep: ReportStep): Promise<void> {
  const alice = loadOrCreateAlice(target.dataDir);
  const wallet = new Wallet(alice.privateKey);
  const session = await registerAndLogIn(target, alice, reportStep);
  const did = await anchorDid(createApiClient(target.apiUrl, session), wallet, reportStep);
  await resolveDid(target, { walletAddress: wallet.address, did }, reportStep);
  await runCredentialsDemo(target, { session, wallet, did }, reportStep);
  deleteAlice(target.dataDir);
}

/** @returns the session */
async function registerAndLogIn(
  { apiUrl, dataDir }: DemoTarget,
  alice: AliceState,
  reportStep: ReportStep,
): Promise<string> {
  const { email, password } = alice;
  const api = createApiClient(apiUrl, "");
  await runStep(reportStep, "Alice registers", async () => {
    if (alice.registered) return [`she already has an account, ${email}`];
    const answer = await api("POST", "/auth/register", { email, password, name: "Alice Smith" });
    // 409 when an earlier run was killed after the answer and before it saved that she is registered.
    if (answer.status !== 409) expectAnswer(answer, 201);
    saveAlice(dataDir, { ...alice, registered: true });
    return [email];
  });

  return runStepWithResult(reportStep, "She logs in", async () => {
    const answer = expectAnswer(await api("POST", "/auth/login", { email, password }), 200);
    const session = String(answer["sessionId"]);
    return { outcome: [`session ${session.slice(0, 8)}...`], result: session };
  });
}

/** @returns the DID */
async function anchorDid(api: ApiClient, wallet: Wallet, reportStep: ReportStep): Promise<string> {
  await runStep(reportStep, "She links her wallet", () => linkWallet(api, wallet));
  return runStepWithResult(reportStep, "The relayer anchors her DID on the chain", async () => {
    const { did, anchoring } = await waitUntilAnchored(api, wallet.address);
    const { transactionHash, blockNumber } = anchoring;
    const outcome = [`tx ${transactionHash ?? "(unknown)"}`, `block ${blockNumber ?? "(unknown)"}`];
    return { outcome, result: did };
  });
}

async function resolveDid(
  target: DemoTarget,
  { walletAddress, did }: { walletAddress: string; did: string },
  reportStep: ReportStep,
): Promise<void> {
  await runStep(reportStep, "Anyone asks the chain itself", () =>
    withRegistry(target, async (registry) => {
      const record = await retryUntilReachable("The chain", () => registry.resolveDID(walletAddress));
      return [`resolveDID says ${record.did}`, `version ${record.version}, ${record.active ? "active" : "not active"}`];
    }),
  );
  await runStep(reportStep, "The index resolves her DID", async () => {
    const api = createApiClient(target.apiUrl, "");
    const resolution = expectAnswer(await api("GET", `/1.0/identifiers/${did}`), 200);
    const document = (resolution["didDocument"] ?? resolution) as { id?: string };
    return [`GET /1.0/identifiers/${did}`, `document of ${document.id ?? "(no id)"}`];
  });
}

async function linkWallet(api: ApiClient, wallet: Wallet): Promise<string[]> {
  const walletAddress = wallet.address;
  if ((await findWallet(api, walletAddress)) !== undefined) return [`${walletAddress} is linked already`];
  const challenge = expectAnswer(
    await api("POST", "/auth/wallet/challenge", { walletAddress, purpose: "link" }),
    201,
    200,
  );
  const { domain, types, message } = challenge["typedData"] as TypedData;
  const signature = await wallet.signMessage(String(challenge["message"]));
  const primary = Object.fromEntries(Object.entries(types).filter(([name]) => name !== "EIP712Domain"));
  const registrationSignature = await wallet.signTypedData(domain, primary, message);
  const answer = await api("POST", "/auth/wallet/link", { walletAddress, signature, registrationSignature });
  // Where the first answer was lost to a killed process, the second try finds its challenge consumed by the first.
  const linked = (await findWallet(api, walletAddress)) ?? expectAnswer(answer, 201, 200);
  return [`wallet ${walletAddress}`, `DID    ${String(linked.did)}`];
}

function waitUntilAnchored(api: ApiClient, walletAddress: string): Promise<WalletEntry> {
  return poll(
    "anchored DID of Alice's",
    async () => {
      const entry = await findWallet(api, walletAddress);
      if (entry?.anchoring.status === "failed") {
        throw new Error(`Anchoring failed: ${entry.anchoring.error?.message ?? "no reason given"}`);
      }
      return entry?.anchoring.status === "anchored" ? entry : undefined;
    },
    { deadlineMs: ANCHORING_DEADLINE_MS },
  );
}

async function findWallet(api: ApiClient, walletAddress: string): Promise<WalletEntry | undefined> {
  const { wallets } = expectAnswer(await api("GET", "/auth/wallets"), 200) as unknown as { wallets: WalletEntry[] };
  return wallets.find((entry) => entry.walletAddress.toLowerCase() === walletAddress.toLowerCase());
}
