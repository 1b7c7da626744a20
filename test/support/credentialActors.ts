import { PURPOSE } from "../../chain/registry/statusPurpose";
import { expect } from "chai";
import {
  hashMessage,
  type HDNodeWallet,
  JsonRpcSigner,
  type TransactionReceipt,
  type TransactionResponse,
  Wallet,
} from "ethers";
import { listMailbox, type MailboxMessage } from "../../api/notifications/mailbox";
import { ContractWallet__factory, type DIDRegistry } from "../../typechain-types";
import type { Answer } from "./ask";
import { eventually } from "./eventually";
import { ADMIN_KEY, type Fixture, fund, type TestUser } from "./fixture";

/** A user with a session and a linked wallet. */
export interface TestHolder extends TestUser {
  wallet: HDNodeWallet;
  did: string;
}

/** An issuer that the chain knows and accredits, with the credential type `EducationCredential`. */
export interface TestIssuer {
  address: string;
  did: string;
  apiKey: string;
}

export interface TestVerifier {
  verifierId: string;
  apiKey: string;
  webhookSecret: string | null;
}

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, degree: { type: "string" } },
  required: ["name", "degree"],
  additionalProperties: false,
};

export async function newHolder(on: Fixture): Promise<TestHolder> {
  const wallet = Wallet.createRandom();
  const user = await on.newUser();
  const did = await on.linkWallet(user.userId, wallet.address);
  return { ...user, wallet, did };
}

/** Onboards an issuer and waits until the chain has its document and its accreditation. The workers must run. */
export async function newIssuer(on: Fixture, algorithm: "EdDSA" | "ES256" = "EdDSA"): Promise<TestIssuer> {
  const added = await on.ask("POST", "/issuers", { token: ADMIN_KEY, body: { name: "State University", algorithm } });
  expect(added.status, added.text).to.equal(201);
  const { address, did, apiKey } = added.body as unknown as TestIssuer;
  await accredit(on, address);
  await eventually("the issuer's document to be anchored", async () => {
    const { body } = await on.ask("GET", `/issuers/${address}`);
    return body["anchored"] === true && body["accredited"] === true;
  });
  const put = await on.ask("PUT", "/credential-types/EducationCredential", { token: apiKey, body: { schema: SCHEMA } });
  expect(put.status, put.text).to.equal(200);
  return { address, did, apiKey };
}

export async function newVerifier(on: Fixture, name = "ACME", webhookUrl?: string): Promise<TestVerifier> {
  const body = { name, ...(webhookUrl !== undefined && { webhookUrl }) };
  const added = await on.ask("POST", "/verifiers", { token: ADMIN_KEY, body });
  expect(added.status, added.text).to.equal(201);
  return added.body as unknown as TestVerifier;
}

/** Issues an `EducationCredential`; `over` replaces parts of the request. */
export async function issue(
  on: Fixture,
  issuer: TestIssuer,
  holder: TestHolder,
  over: Record<string, unknown> = {},
): Promise<Answer["body"]> {
  const claims = { name: "Alice Smith", degree: "BS Computer Science" };
  const body = { subjectDid: holder.did, type: "EducationCredential", claims, ...over };
  const issued = await on.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
  expect(issued.status, issued.text).to.equal(201);
  return issued.body;
}

/** Has a verifier ask for a credential's verification; what it answers holds the challenge for the holder. */
export async function requestVerification(
  on: Fixture,
  verifier: TestVerifier,
  credentialId: string,
): Promise<Answer["body"]> {
  const answered = await on.ask("POST", "/verify", { token: verifier.apiKey, body: { credentialId } });
  expect(answered.status, answered.text).to.equal(201);
  return answered.body;
}

/** What a holder's wallet answers to a requested verification. */
export function answerChallenge(
  requested: Answer["body"],
  holder: TestHolder,
  signer = holder,
): { verificationId: string; signature: string; presenterDid: string } {
  const signature = signer.wallet.signingKey.sign(hashMessage(requested["challenge"].message)).serialized;
  return { verificationId: requested["verificationId"], signature, presenterDid: holder.did };
}

export function confirm(on: Fixture, body: object): Promise<Answer> {
  return on.ask("POST", "/verify/confirm", { body });
}

/** A whole presentation: the verifier asks, the holder's wallet signs, the answer is confirmed. */
export async function present(
  on: Fixture,
  verifier: TestVerifier,
  credentialId: string,
  holder: TestHolder,
): Promise<Answer> {
  return confirm(on, answerChallenge(await requestVerification(on, verifier, credentialId), holder));
}

export async function accredit(on: Fixture, address: string): Promise<void> {
  await (await issuerRegistryOf(on).accredit(address, "")).wait();
}

export async function discredit(on: Fixture, address: string): Promise<void> {
  await (await issuerRegistryOf(on).discredit(address, "")).wait();
}

/** Revokes in the issuer's name, past the API. */
export async function revokeDirectly(on: Fixture, issuer: TestIssuer, credId: string): Promise<TransactionReceipt> {
  return writeAs(on, issuer.address, (registry) => registry.setCredentialStatus(credId, true));
}

/** Suspends in the issuer's name, past the API, or lifts the suspension. */
export async function suspendDirectly(
  on: Fixture,
  issuer: TestIssuer,
  { credId, suspended }: { credId: string; suspended: boolean },
): Promise<void> {
  await writeAs(on, issuer.address, (registry) => registry.setStatus(credId, PURPOSE.suspension, suspended));
}

/** Deactivates the issuer's DID, past the API. */
export async function deactivate(on: Fixture, issuer: TestIssuer): Promise<void> {
  await writeAs(on, issuer.address, (registry) => registry.deactivateDID(issuer.address));
}

/** Registers a holder's DID and makes another holder's account its controller. */
export async function registerAndHandOver(on: Fixture, { wallet, did }: TestHolder, heir: TestHolder): Promise<void> {
  await writeAs(on, wallet.address, (registry) => registry.registerDID(did, "https://holder.example/did.json"));
  await writeAs(on, wallet.address, (registry) => registry.changeController(wallet.address, heir.wallet.address));
}

/** Deploys a contract wallet that approves its owner's signatures; its address in lower case. */
export async function deployContractWallet(on: Fixture, owner: string): Promise<string> {
  const wallet = await new ContractWallet__factory(deployerOf(on)).deploy(owner);
  await wallet.waitForDeployment();
  return (await wallet.getAddress()).toLowerCase();
}

/** What the administrator was written, the newest first. */
export async function adminMail({ context }: Fixture): Promise<MailboxMessage[]> {
  const { mail, adminEmail } = context.config;
  if (mail === undefined || !("mailboxDir" in mail)) throw new Error("no mailbox folder is configured");
  return (await listMailbox(mail.mailboxDir)).filter(({ to }) => to.includes(`<${adminEmail}>`));
}

function deployerOf({ chain, context }: Fixture): Wallet {
  return new Wallet(chain.deployerPrivateKey, context.chain.provider);
}

function issuerRegistryOf(on: Fixture) {
  return on.context.chain.issuerRegistry.connect(deployerOf(on));
}

/** A development chain sends in anybody's name. */
async function writeAs(
  { chain, context }: Fixture,
  address: string,
  write: (registry: DIDRegistry) => Promise<TransactionResponse>,
): Promise<TransactionReceipt> {
  const { provider, didRegistry } = context.chain;
  await provider.send("hardhat_impersonateAccount", [address]);
  await fund(chain.rpcUrl, address);
  const receipt = await (await write(didRegistry.connect(new JsonRpcSigner(provider, address)))).wait();
  return receipt!;
}
