import { createPublicKey, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createPublicApp } from "../../api/http/publicApp";
import { type HttpServer, listen } from "../../api/http/server";
import { callersOf, createModules, listOf } from "../../api/modules";
import { issueCertificate } from "../../api/presentations/certificates/issueCertificate";
import type { CreateRequestDeps } from "../../api/presentations/requests/actions";
import { createPresentationStore } from "../../api/presentations/store";
import { addVerifier } from "../../api/verification/verifiers/actions";
import { createVerifierStore } from "../../api/verification/verifiers/store";
import { deployContracts } from "../../chain/deploy";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { DEVELOPMENT_RELAYER_KEY } from "../../core/config/relayer";
import { createLogger } from "../../core/logger";
import { ensureIndexes } from "../../core/mongo";
import type { LocalServices } from "../../embedded/services";
import { openConnections } from "../../process/connections";
import { createContext } from "../../process/context";
import { createProcessMetrics } from "../../process/metrics";
import type { BenchSigner } from "./presentationsWallet";

const CHAIN_ID = 31337;
const DAY_MS = 86_400_000;

/** Cairn's API as production runs it, in this process, and what makes requests without HTTP. */
export interface BenchServer {
  port: number;
  createDeps: CreateRequestDeps;
  verifierId: string;
  signer: BenchSigner;
  close(): Promise<void>;
}

/** @param folder for keys, contracts, the authority's certificate and the log, which is written as production writes it */
export async function startBenchServer(services: LocalServices, folder: string): Promise<BenchServer> {
  await deployContracts({
    rpcUrl: services.rpcUrl,
    chainId: CHAIN_ID,
    deployerPrivateKey: DEVELOPMENT_RELAYER_KEY,
    didMethod: "mychain",
    deploymentsDir: folder,
    report: () => undefined,
  });
  const signer = await createSigner(join(folder, "anchors.pem"));
  const config = loadConfig("api", environmentOf(services, folder));
  const log = openSync(join(folder, "log"), "a");
  const logger = createLogger(config, { write: (line) => void writeSync(log, line) });
  const closers: (() => Promise<unknown>)[] = [];
  const onClose = (_name: string, close: () => Promise<unknown>) => void closers.unshift(close);
  const connections = await openConnections(config, { logger, onClose });
  const context = await createContext(config, { ...connections, logger });
  const modules = createModules(context);
  const list = listOf(modules);
  onClose("modules", () => Promise.all(list.map((module) => module.close())));
  await ensureIndexes(context.mongo);
  createProcessMetrics([], context.metrics);
  const readiness = () => Promise.reject(new Error("nobody asks"));
  const { app } = createPublicApp(context, list, { ...callersOf(modules), readiness });
  const server: HttpServer = await listen(app, { host: "127.0.0.1", port: 0 });
  onClose("http server", () => server.close(1000));

  const verifiers = createVerifierStore(context.mongo);
  const secretOf = () => Promise.reject(new Error("it has no webhook"));
  const { account } = await addVerifier(
    { verifiers, clock: systemClock, secretOf },
    { name: "ACME", webhookUrl: null, redirectUris: [] },
  );
  return {
    port: server.port,
    createDeps: {
      ...context,
      presentations: createPresentationStore(context),
      isAnnounced: () => Promise.resolve(false),
      signer: { clientId: "x509_san_dns:verifier.example" },
    },
    verifierId: account.verifierId,
    signer,
    async close() {
      await context.mongo.dropDatabase();
      for (const close of closers) await close();
    },
  };
}

function environmentOf({ mongodbUri, redisUrl, rpcUrl }: LocalServices, folder: string): NodeJS.ProcessEnv {
  const database = new URL(mongodbUri);
  database.pathname = `/bench_${process.pid}`;
  return {
    NODE_ENV: "production",
    MONGODB_URI: database.href,
    MONGODB_UNAUTHENTICATED: "true",
    REDIS_URL: redisUrl,
    REDIS_UNAUTHENTICATED: "true",
    REDIS_PREFIX: `bench-${process.pid}`,
    RPC_URL: rpcUrl,
    CHAIN_ID: String(CHAIN_ID),
    DEPLOYMENTS_DIR: folder,
    KEYSTORE_DIR: join(folder, "keys"),
    KEYSTORE_PASSPHRASE: "Jx2vQm8TzR4kWn6Y",
    PUBLIC_URL: "https://verifier.example",
    PRESENTATION_TRUST_ANCHORS_FILE: join(folder, "anchors.pem"),
    // Each wallet has an address of its own, as behind a load balancer.
    TRUST_PROXY: "1",
  };
}

/** An issuer whose certificate an authority issued; the authority's goes into the file. */
async function createSigner(anchorsFile: string): Promise<BenchSigner> {
  const host = "issuer.example";
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = {
    name: "Authority",
    publicKey: createPublicKey(authority.privateKey),
    sign: (data: Uint8Array) =>
      Promise.resolve(sign("sha256", data, { key: authority.privateKey, dsaEncoding: "ieee-p1363" })),
  };
  const times = { validFrom: new Date(Date.now() - DAY_MS), validUntil: new Date(Date.now() + DAY_MS) };
  const root = await issueCertificate(
    { subject: "Authority", publicKey: issuer.publicKey, kind: { authority: true }, ...times },
    issuer,
  );
  const leaf = await issueCertificate({ subject: host, publicKey, kind: { authority: false, host }, ...times }, issuer);
  writeFileSync(anchorsFile, new X509Certificate(root).toString());
  return { issuer: `https://${host}`, privateKey, certificate: new X509Certificate(leaf) };
}
