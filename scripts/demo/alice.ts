import { type HDNodeWallet, JsonRpcProvider, Wallet } from "ethers";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DIDRegistry__factory } from "../../typechain-types";
import { type ApiAnswer, callApi, expectAnswer, untilReachable } from "./callApi";
import { playCredentials } from "./credentials";
import type { Scene, Stage } from "./stage";

/** Alice, as far as her story has gone. */
interface Alice {
  email: string;
  password: string;
  privateKey: string;
  registered: boolean;
}

interface WalletEntry {
  walletAddress: string;
  did: string;
  anchoring: { status: string; transactionHash?: string; blockNumber?: number; error?: { message: string } };
}

const ANCHORING_DEADLINE_MS = 60_000;

/**
 * Plays Alice: she registers, logs in, links her wallet with two signatures, is anchored on the chain, indexed and
 * resolved; then a university issues her a credential, see {@link playCredentials}. A story that was cut short goes on where it stopped.
 *
 * @param tell called after each step
 * @throws Error naming the step that failed and what the API answered
 */
export async function playStory(stage: Stage, tell: (scene: Scene) => void): Promise<void> {
  const alice = recallAlice(stage.dataDir);
  const wallet = new Wallet(alice.privateKey);
  const scene = async (title: string, act: () => Promise<string[]>) => {
    const startedAt = performance.now();
    const outcome = await act();
    tell({ title, outcome, milliseconds: performance.now() - startedAt });
  };

  let session = "";
  const api = (method: string, path: string, body?: unknown): Promise<ApiAnswer> =>
    callApi(stage.apiUrl, { method, path, body, session });

  await scene("Alice registers", async () => {
    const { email, password } = alice;
    if (alice.registered) return [`she already has an account, ${email}`];
    const answer = await api("POST", "/auth/register", { email, password, name: "Alice Smith" });
    // A story that was killed between the answer and our note of it finds her registered.
    if (answer.status !== 409) expectAnswer(answer, 201);
    rememberAlice(stage.dataDir, { ...alice, registered: true });
    return [email];
  });

  await scene("She logs in", async () => {
    const { email, password } = alice;
    const answer = expectAnswer(await api("POST", "/auth/login", { email, password }), 200);
    session = String(answer["sessionId"]);
    return [`session ${session.slice(0, 8)}...`];
  });

  await scene("She links her wallet", () => linkWallet(api, wallet));

  let entry: WalletEntry | undefined;
  await scene("The relayer anchors her DID on the chain", async () => {
    entry = await untilAnchored(api, wallet.address);
    const { transactionHash, blockNumber } = entry.anchoring;
    return [`transaction ${transactionHash ?? "(unknown)"}`, `block ${blockNumber ?? "(unknown)"}`];
  });

  await scene("Anyone asks the chain itself", async () => {
    const provider = new JsonRpcProvider(stage.rpcUrl, stage.chainId, { staticNetwork: true });
    try {
      const registry = DIDRegistry__factory.connect(stage.didRegistryAddress, provider);
      const record = await untilReachable("The chain", () => registry.resolveDID(wallet.address));
      return [`resolveDID says ${record.did}`, `version ${record.version}, ${record.active ? "active" : "not active"}`];
    } finally {
      provider.destroy();
    }
  });

  await scene("The index resolves her DID", async () => {
    const did = entry?.did ?? "";
    const resolution = expectAnswer(await api("GET", `/1.0/identifiers/${did}`), 200);
    const document = (resolution["didDocument"] ?? resolution) as { id?: string };
    return [`GET /1.0/identifiers/${did}`, `document of ${document.id ?? "(no id)"}`];
  });
  await playCredentials(stage, { session, wallet, did: entry?.did ?? "" }, tell);
  forgetAlice(stage.dataDir);
}

async function linkWallet(
  api: (method: string, path: string, body?: unknown) => Promise<ApiAnswer>,
  wallet: Wallet | HDNodeWallet,
): Promise<string[]> {
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
  const body = { walletAddress, signature, registrationSignature };
  const answer = await api("POST", "/auth/wallet/link", body);
  // Where the first answer was lost to a killed process, the second try finds its challenge consumed by the first.
  const linked = (await findWallet(api, walletAddress)) ?? expectAnswer(answer, 201, 200);
  return [`wallet ${walletAddress}`, `DID    ${String(linked.did)}`];
}

interface TypedData {
  domain: Record<string, string | number>;
  types: Record<string, { name: string; type: string }[]>;
  message: Record<string, unknown>;
}

async function untilAnchored(
  api: (method: string, path: string) => Promise<ApiAnswer>,
  walletAddress: string,
): Promise<WalletEntry> {
  const deadline = performance.now() + ANCHORING_DEADLINE_MS;
  for (;;) {
    const entry = await findWallet(api, walletAddress);
    if (entry?.anchoring.status === "anchored") return entry;
    if (entry?.anchoring.status === "failed") {
      throw new Error(`Anchoring failed: ${entry.anchoring.error?.message ?? "no reason given"}`);
    }
    if (performance.now() > deadline) {
      throw new Error(`Alice's DID was not anchored within 60 s; it is ${entry?.anchoring.status ?? "not linked"}.`);
    }
    await delay(50);
  }
}

async function findWallet(
  api: (method: string, path: string) => Promise<ApiAnswer>,
  walletAddress: string,
): Promise<WalletEntry | undefined> {
  const { wallets } = expectAnswer(await api("GET", "/auth/wallets"), 200) as unknown as { wallets: WalletEntry[] };
  return wallets.find((entry) => entry.walletAddress.toLowerCase() === walletAddress.toLowerCase());
}

function memoryOf(dataDir: string): string {
  return join(dataDir, "alice.json");
}

function recallAlice(dataDir: string): Alice {
  if (existsSync(memoryOf(dataDir))) return JSON.parse(readFileSync(memoryOf(dataDir), "utf8")) as Alice;
  const alice: Alice = {
    email: `alice-${randomBytes(4).toString("hex")}@example.com`,
    password: randomBytes(18).toString("base64url"),
    privateKey: Wallet.createRandom().privateKey,
    registered: false,
  };
  rememberAlice(dataDir, alice);
  return alice;
}

function rememberAlice(dataDir: string, alice: Alice): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(memoryOf(dataDir), JSON.stringify(alice), { mode: 0o600 });
}

function forgetAlice(dataDir: string): void {
  rmSync(memoryOf(dataDir), { force: true });
}
