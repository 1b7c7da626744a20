import { randomBytes } from "node:crypto";
import { type HDNodeWallet, Wallet } from "ethers";
import { type ApiClient, createAdminClient, createApiClient, expectAnswer } from "./callApi";
import { createDemoDevice, type DeviceStream } from "./device";
import { type DemoTarget, type ReportStep, runStep, runStepWithResult } from "./demo";
import { poll } from "./poll";
import { addUniversity, issueCredential } from "./university";

/** Dana's account, as her browser uses it. */
interface Account {
  browser: ApiClient;
  email: string;
  password: string;
}

/** Dana's phone with its session. */
interface Phone {
  stream: DeviceStream;
  command(messageType: string, payload: object): Promise<Record<string, unknown>>;
  deviceSessionId: string;
}

interface WalletChallenge {
  message: string;
  typedData: {
    domain: Record<string, string | number>;
    types: Record<string, { name: string; type: string }[]>;
    message: Record<string, unknown>;
  };
}

const MAIL_DEADLINE_MS = 30_000;
const ANCHORING_DEADLINE_MS = 60_000;
/** A user may ask for 60 of a type a minute. */
const ASK_INTERVAL_MS = 1_500;

/**
 * Dana's phone registers its key by a mailed code, and from then on signs every command: it links her wallet, hears of
 * her credential and of an employer who wants to verify it, and confirms that. Then Dana loses the phone and ends its
 * session in her browser: its stream is closed, and its commands are refused.
 *
 * @throws Error naming what failed
 */
export async function runGatewayDemo(target: DemoTarget, reportStep: ReportStep): Promise<void> {
  const account = await registerDana(target, reportStep);
  const phone = await registerPhone(target, account, reportStep);
  const wallet = Wallet.createRandom();
  const did = await linkWallet(phone, wallet, reportStep);
  await verifyCredential(target, { phone, wallet, did }, reportStep);
  await losePhone(account, phone, reportStep);
}

function registerDana({ apiUrl }: DemoTarget, reportStep: ReportStep): Promise<Account> {
  return runStepWithResult(reportStep, "Dana registers in her browser", async () => {
    const email = `dana-${randomBytes(4).toString("hex")}@example.com`;
    const password = randomBytes(18).toString("base64url");
    const body = { email, password, name: "Dana Reed" };
    const answer = expectAnswer(await createApiClient(apiUrl, "")("POST", "/auth/register", body), 201);
    const browser = createApiClient(apiUrl, String(answer["sessionId"]));
    return { outcome: [email], result: { browser, email, password } };
  });
}

async function registerPhone({ gateway }: DemoTarget, account: Account, reportStep: ReportStep): Promise<Phone> {
  const { browser, email, password } = account;
  const device = await createDemoDevice(gateway);
  const challengeId = await runStepWithResult(reportStep, "Her phone asks the gateway for a code", async () => {
    const { challenge_id: id } = await post(gateway.httpUrl, "send-email-code", { email });
    return { outcome: [`challenge ${String(id)}`], result: String(id) };
  });
  const deviceSessionId = await runStepWithResult(reportStep, "It registers its key by the code", async () => {
    const code = await readCode(browser, email);
    const { device_session_id: id } = await post(gateway.httpUrl, "confirm-email-code", {
      challenge_id: challengeId,
      code,
      public_key: device.publicKey,
      proof: device.proveFor(challengeId),
      device_name: "Dana's phone",
      // Nobody ever confirmed her address: without the password, a code alone would not do.
      password,
    });
    return { outcome: [`Ed25519 key ${device.publicKey}`, `session ${String(id)}`], result: String(id) };
  });
  const stream = device.subscribe(deviceSessionId);
  await runStep(reportStep, "It subscribes to her events by a signed request", async () => {
    const { payload } = await stream.next("gateway.server_time");
    return [`the server's time is ${new Date(Number(payload["server_time_ms"])).toISOString()}, signed by the gateway`];
  });
  return { stream, deviceSessionId, command: (type, payload) => device.command(deviceSessionId, type, payload) };
}

/** @returns the DID */
async function linkWallet({ command }: Phone, wallet: HDNodeWallet, reportStep: ReportStep): Promise<string> {
  const did = await runStepWithResult(reportStep, "It links her wallet by signed commands", async () => {
    const walletAddress = wallet.address;
    const challenge = await command("wallet.challenge", { walletAddress, purpose: "link" });
    const { message, typedData } = challenge as unknown as WalletChallenge;
    const { EIP712Domain, ...types } = typedData.types;
    const signature = await wallet.signMessage(message);
    const registrationSignature = await wallet.signTypedData(typedData.domain, types, typedData.message);
    const linked = await command("wallet.link", { walletAddress, signature, registrationSignature });
    return { outcome: [`wallet ${walletAddress}`, `DID    ${String(linked["did"])}`], result: String(linked["did"]) };
  });
  await runStep(reportStep, "It asks until her DID is anchored", async () => {
    const probe = async () => {
      const { wallets } = (await command("wallet.list", {})) as { wallets: { anchoring: { status: string } }[] };
      return wallets.find(({ anchoring }) => anchoring.status === "anchored");
    };
    await poll("anchored DID of Dana's", probe, { deadlineMs: ANCHORING_DEADLINE_MS, intervalMs: ASK_INTERVAL_MS });
    return ["anchored"];
  });
  return did;
}

async function verifyCredential(
  { apiUrl }: DemoTarget,
  { phone, wallet, did }: { phone: Phone; wallet: HDNodeWallet; did: string },
  reportStep: ReportStep,
): Promise<void> {
  const { command, stream } = phone;
  const admin = createAdminClient(apiUrl);
  const university = await addUniversity({ admin, anyone: createApiClient(apiUrl, ""), apiUrl }, reportStep);
  const { credentialId } = await issueCredential(university, did);
  await runStep(reportStep, "It is told of a credential", () => toldOf(stream, "credential.issued"));

  const added = expectAnswer(await admin("POST", "/verifiers", { name: "ACME Employer" }), 201);
  const employer = createApiClient(apiUrl, String(added["apiKey"]));
  const opened = expectAnswer(await employer("POST", "/verify", { credential: { credentialId } }), 201);
  await runStep(reportStep, "It is told that an employer wants to verify it", () =>
    toldOf(stream, "verification.requested"),
  );
  await runStep(reportStep, "It signs with the wallet, and confirms by a signed command", async () => {
    const { requests } = (await command("verification.requests.list", {})) as {
      requests: { verificationId: string; verifier: { name: string }; challenge: { message: string } }[];
    };
    const asked = requests.find(({ verificationId }) => verificationId === opened["verificationId"]);
    if (asked === undefined) throw new Error("The employer's request is not among hers.");
    const { verificationId, verifier, challenge } = asked;
    const signature = await wallet.signMessage(challenge.message);
    await command("verification.confirm", { verificationId, signature, presenterDid: did });
    const seen = expectAnswer(await employer("GET", `/verify/${verificationId}`), 200);
    return [`${verifier.name} asked; its answer is ${String(seen["status"])}`];
  });
  await runStep(reportStep, "It is told how that was decided", () => toldOf(stream, "verification.decided"));
}

async function losePhone({ browser }: Account, phone: Phone, reportStep: ReportStep): Promise<void> {
  await runStep(reportStep, "Dana loses the phone and ends its session in her browser", async () => {
    expectAnswer(await browser("DELETE", `/auth/sessions/${phone.deviceSessionId}`), 200, 204);
    return [`its stream is closed: ${await phone.stream.ended}`];
  });
  await runStep(reportStep, "Whoever finds the phone commands nothing", async () => {
    const refusal = await phone.command("credentials.list", {}).then(
      () => "executed",
      (error: unknown) => (error as Error).message,
    );
    return [`credentials.list: ${refusal}`];
  });
}

/** Waits for an event and says what is in it. */
async function toldOf(stream: DeviceStream, type: string): Promise<string[]> {
  const { cursor, payload } = await stream.next(type);
  return [`event ${cursor}, ${type}`, JSON.stringify(payload)];
}

/** Sends a request before login to the gateway. */
async function post(httpUrl: string, path: string, body: object): Promise<Record<string, unknown>> {
  const client = createApiClient(httpUrl, "");
  return expectAnswer(await client("POST", `/api/v1/public/auth/${path}`, body), 200);
}

function readCode(browser: ApiClient, email: string): Promise<string> {
  return poll(
    "mail with a code",
    async () => {
      const answer = expectAnswer(await browser("GET", "/dev/mailbox/messages"), 200);
      const mails = answer["messages"] as { to: string; text: string }[];
      const mail = mails.find(({ to, text }) => to.includes(email) && /\b\d{6}\b/.test(text));
      return /\b(\d{6})\b/.exec(mail?.text ?? "")?.[1];
    },
    { deadlineMs: MAIL_DEADLINE_MS },
  );
}
