import { type HDNodeWallet, JsonRpcSigner, type TransactionResponse, Wallet, hashMessage } from "ethers";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CredentialApp, openCredentialApp } from "../../../api/credentialApp";
import { type RunningCredentialWorkers, openCredentialWorkers } from "../../../api/credentialWorkers";
import { createHttpApp } from "../../../api/http/httpApp";
import { openBudgets } from "../../../api/http/rateLimit";
import { type HttpServer, listen } from "../../../api/http/server";
import type { FraudAlert } from "../../../api/verification/alerts/store";
import type { ConfirmStep } from "../../../api/verification/confirmation/actions";
import { type Clock, systemClock } from "../../../core/clock";
import { loadConfig } from "../../../core/config/config";
import { createDeadLetterStore } from "../../../core/jobs/deadLetters";
import { formatDid } from "../../../chain/did/did";
import { DomainError } from "../../../core/errors";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import type { KeyStore } from "../../../core/keys/keyStore";
import { ensureIndexes } from "../../../core/mongo";
import { type Projection, createProjection } from "../../../projection/queries";
import { createTransactionStore } from "../../../chain/relayer/transactions";
import { type Relayer, createRelayer } from "../../../chain/relayer/relayer";
import { createSigner } from "../../../chain/relayer/signer";
import { createMetrics } from "../../../indexer/metrics";
import { runIndexer } from "../../../indexer/sync/leader";
import { ContractWallet__factory } from "../../../typechain-types";
import { eventually } from "../../support/eventually";
import { type AskOptions, ask } from "../support/testApi";
import { type Stage, fund, openStage } from "../wallets/stage";

export const ADMIN_KEY = "CAIRN-ADM-test";
export const PUBLIC_URL = "https://cairn.example";

/** What the API answered. */
export interface Answer {
  status: number;
  headers: Headers;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into bodies of every shape
  body: any;
  text: string;
}

/** A person with a wallet and a session. */
export interface TestHolder {
  wallet: HDNodeWallet;
  did: string;
  userId: string;
  token: string;
}

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

/** The slices that issue and verify, over HTTP, with a chain, a database and keys of their own. */
export interface CredentialStage {
  stage: Stage;
  app: CredentialApp;
  keys: KeyStore;
  keysDir: string;
  index: Projection;
  url: string;
  /** Alerts the administrator was told of. */
  told: FraudAlert[];
  workers: RunningCredentialWorkers;
  relayer: Relayer;
  ask(method: string, path: string, options?: AskOptions): Promise<Answer>;
  newHolder(): TestHolder;
  newIssuer(algorithm?: "EdDSA" | "ES256"): Promise<TestIssuer>;
  newVerifier(name?: string, webhookUrl?: string): Promise<TestVerifier>;
  issue(issuer: TestIssuer, holder: TestHolder, over?: Record<string, unknown>): Promise<Answer["body"]>;
  open(verifier: TestVerifier, credentialId: string): Promise<Answer["body"]>;
  /** What the holder's wallet answers to an opened verification. */
  answer(
    opened: Answer["body"],
    holder: TestHolder,
    signer?: TestHolder,
  ): { verificationId: string; signature: string; presenterDid: string };
  confirm(body: object): Promise<Answer>;
  accredit(address: string): Promise<void>;
  discredit(address: string): Promise<void>;
  /** Revokes in the issuer's name, past the API. */
  revokeDirectly(issuer: TestIssuer, credId: string): Promise<void>;
  /** Deactivates the issuer's DID, past the API. */
  deactivate(issuer: TestIssuer): Promise<void>;
  /** Registers a holder's DID and gives it to another one's account. */
  registerAndHandOver(holder: TestHolder, heir: TestHolder): Promise<void>;
  /** A contract wallet whose owner's signatures it approves; its address in lower case. */
  deployContractWallet(owner: string): Promise<string>;
  /** Follows the chain into this stage's database from now on. */
  startIndexer(): Promise<void>;
  close(): Promise<void>;
}

export interface StageOptions {
  clock?: Clock;
  source?: "chain" | "index";
  rpcUrl?: string;
  onStep?: (step: ConfirmStep) => void | Promise<void>;
  limited?: boolean;
}

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string" }, degree: { type: "string" } },
  required: ["name", "degree"],
  additionalProperties: false,
};

/** Opens the stage. */
export async function openCredentialStage(name: string, options: StageOptions = {}): Promise<CredentialStage> {
  const stage = await openStage(name, options.rpcUrl === undefined ? {} : { rpcUrl: options.rpcUrl });
  const { mongo, chain, redisPrefix: prefix, logger } = stage;
  const clock = options.clock ?? systemClock;
  const keysDir = mkdtempSync(join(tmpdir(), `cairn-keys-${name}-`));
  const keys = await openFileKeyStore({ directory: keysDir, passphrase: "test passphrase" });
  const index = createProjection(mongo);
  const holders = new Map<string, TestHolder>();
  const undeclared: string[] = [];
  const told: FraudAlert[] = [];
  const redis = stage.connectRedis(false);

  const app = openCredentialApp({
    config: {
      publicUrl: PUBLIC_URL,
      prefix,
      adminApiKey: ADMIN_KEY,
      verification: { revocationSource: options.source ?? "chain", maxStalenessSeconds: 30, challengeSeconds: 300 },
    },
    limited: options.limited ?? false,
    allowHttpWebhooks: true,
    ...{ clock, logger, mongo, redis, chain, index, keys },
    didsOf: (userId) =>
      Promise.resolve([...holders.values()].filter((holder) => holder.userId === userId).map(({ did }) => did)),
    ...(options.onStep && { onStep: options.onStep }),
  });
  const express = createHttpApp(app.endpoints, {
    readSession(token) {
      const holder = holders.get(token);
      if (holder === undefined)
        return Promise.reject(new DomainError("session.unknown", "unauthenticated", "no such session"));
      return Promise.resolve({ userId: holder.userId, sessionId: randomUUID() });
    },
    readApiKey: app.readApiKey,
    budgets: openBudgets({ redis, prefix }),
    ...{ bodyLimitBytes: 65_536, publicUrl: PUBLIC_URL, logger, trustProxy: 1 },
    onUndeclared: (what) => void undeclared.push(what),
    onFinished: () => undefined,
  });
  const server: HttpServer = await listen(express, { host: "127.0.0.1", port: 0 });

  const assembled = openCredentialWorkers({
    config: { publicUrl: PUBLIC_URL, prefix, concurrency: 8 },
    allowPrivateWebhooks: true,
    ...{
      clock,
      logger,
      mongo,
      redis: stage.connectRedis(),
      chain,
      index,
      keys,
      deadLetters: createDeadLetterStore(mongo),
    },
    notifyAdmin: (alert) => Promise.resolve(void told.push(alert)),
    timing: { pollMs: 100, sweepSeconds: 1, unseenSeconds: 60 },
  });
  await ensureIndexes(mongo);
  const relayer = createRelayer({
    ...{ provider: chain.provider, chainId: chain.chainId, clock: systemClock, logger, stuckSeconds: 60, pollMs: 50 },
    signer: createSigner({ privateKey: stage.relayer.privateKey, chainId: chain.chainId, clock: systemClock }),
    transactions: createTransactionStore(mongo),
    handlers: assembled.handlers,
  });
  relayer.start();
  const workers = assembled.start(relayer);
  const owner = new Wallet(stage.deployerPrivateKey, chain.provider);
  const issuerRegistry = chain.issuerRegistry.connect(owner);
  const stopIndexer = new AbortController();
  let indexer: Promise<void> | undefined;
  const url = `http://127.0.0.1:${server.port}`;

  /** A development chain sends in anybody's name. */
  async function as(
    address: string,
    write: (registry: typeof chain.didRegistry) => Promise<TransactionResponse>,
  ): Promise<void> {
    await chain.provider.send("hardhat_impersonateAccount", [address]);
    await fund(chain, address);
    const signer = new JsonRpcSigner(chain.provider, address);
    await (await write(chain.didRegistry.connect(signer))).wait();
  }

  const opened: CredentialStage = {
    ...{ stage, app, keys, keysDir, index, url, told, workers, relayer },
    ask: (method, path, asked) => ask(`${url}${path}`, method, asked),
    newHolder() {
      const wallet = Wallet.createRandom();
      const did = formatDid(chain.deployment.didMethod, wallet.address);
      const holder = { wallet, did, userId: randomUUID(), token: `SES-${randomUUID()}` };
      holders.set(holder.token, holder);
      return holder;
    },
    async newIssuer(algorithm = "EdDSA") {
      const added = await opened.ask("POST", "/issuers", {
        token: ADMIN_KEY,
        body: { name: "State University", algorithm },
      });
      expect(added.status, added.text).to.equal(201);
      const { address, did, apiKey } = added.body;
      await opened.accredit(address);
      await eventually("the issuer's document to be anchored", async () => {
        const { body } = await opened.ask("GET", `/issuers/${address}`);
        return body.anchored === true && body.accredited === true;
      });
      const put = await opened.ask("PUT", "/credential-types/EducationCredential", {
        token: apiKey,
        body: { schema: SCHEMA },
      });
      expect(put.status, put.text).to.equal(200);
      return { address, did, apiKey };
    },
    async newVerifier(verifierName = "ACME", webhookUrl) {
      const body = { name: verifierName, ...(webhookUrl !== undefined && { webhookUrl }) };
      const added = await opened.ask("POST", "/verifiers", { token: ADMIN_KEY, body });
      expect(added.status, added.text).to.equal(201);
      return added.body;
    },
    async issue(issuer, holder, over = {}) {
      const claims = { name: "Alice Smith", degree: "BS Computer Science" };
      const body = { subjectDid: holder.did, type: "EducationCredential", claims, ...over };
      const issued = await opened.ask("POST", "/credentials/issue", { token: issuer.apiKey, body });
      expect(issued.status, issued.text).to.equal(201);
      return issued.body;
    },
    async open(verifier, credentialId) {
      const answered = await opened.ask("POST", "/verify", { token: verifier.apiKey, body: { credentialId } });
      expect(answered.status, answered.text).to.equal(201);
      return answered.body;
    },
    answer(request, holder, signer = holder) {
      const signature = signer.wallet.signingKey.sign(hashMessage(request.challenge.message)).serialized;
      return { verificationId: request.verificationId, signature, presenterDid: holder.did };
    },
    confirm: (body) => opened.ask("POST", "/verify/confirm", { body }),
    async accredit(address) {
      await (await issuerRegistry.accredit(address, "")).wait();
    },
    async discredit(address) {
      await (await issuerRegistry.discredit(address, "")).wait();
    },
    async revokeDirectly({ address }, credId) {
      await as(address, (registry) => registry.setCredentialStatus(credId, true));
    },
    async deactivate({ address }) {
      await as(address, (registry) => registry.deactivateDID(address));
    },
    async registerAndHandOver({ wallet, did }, heir) {
      await as(wallet.address, (registry) =>
        registry["registerDID(string,string)"](did, "https://holder.example/did.json"),
      );
      await as(wallet.address, (registry) => registry.changeController(wallet.address, heir.wallet.address));
    },
    async deployContractWallet(walletOwner) {
      const wallet = await new ContractWallet__factory(owner).deploy(walletOwner);
      await wallet.waitForDeployment();
      return (await wallet.getAddress()).toLowerCase();
    },
    async startIndexer() {
      const config = loadConfig("indexer", {
        RPC_URL: stage.rpcUrl,
        CHAIN_ID: String(chain.chainId),
        DEPLOYMENTS_DIR: stage.deploymentsDir,
        INDEXER_POLL_MS: "50",
      });
      await new Promise<void>((resolve, reject) => {
        indexer = runIndexer({
          ...{ mongo, config, clock: systemClock, logger, metrics: createMetrics(), stopping: stopIndexer.signal },
          readDeployment: () => chain.deployment,
          terminal: { write: () => true, isTTY: false },
          onReady: resolve,
        });
        indexer.catch(reject);
      });
    },
    async close() {
      await server.close(1_000);
      await workers.close(5_000);
      await relayer.close();
      stopIndexer.abort();
      await indexer;
      await app.close();
      await stage.close();
      rmSync(keysDir, { recursive: true, force: true });
      expect(undeclared, "answers the OpenAPI document does not foresee").to.deep.equal([]);
    },
  };
  return opened;
}
