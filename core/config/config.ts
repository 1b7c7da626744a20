import { existsSync, readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { z } from "zod";
import { BootError, type BootProblem } from "../errors";
import { kycEnvironment, kycProblems, type KycConfig, shapeKyc } from "./kyc";

/** The processes that read a configuration. */
export type ProcessName = "api" | "worker" | "indexer";

/**
 * Hardhat's first well-known account. Convenient on a developer's chain; anyone in the world can spend its money,
 * so production refuses it.
 */
export const DEVELOPMENT_RELAYER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/** Protects the file keystore of a developer's machine; production refuses it. */
export const DEVELOPMENT_KEYSTORE_PASSPHRASE = "development keystore";

/** The admin's API key of a developer's machine; production refuses it. */
export const DEVELOPMENT_ADMIN_API_KEY = "CAIRN-ADM-development-only";

const seconds = z.coerce.number().int().positive();
const hexKey = z.string().regex(/^0x[0-9a-fA-F]{64}$/, "must be 0x and 64 hexadecimal digits");
const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x and 40 hexadecimal digits");
const flag = z.enum(["true", "false"]).transform((text) => text === "true");

function urlWith(...protocols: string[]) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  });
}

const rpcUrls = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .pipe(z.array(urlWith("http:", "https:", "ws:", "wss:")).min(1));

/** Every variable Cairn reads, its form and its default for development. `.env.example` explains each. */
const environment = z.object({
  NODE_ENV: z.enum(["development", "test", "production"]).default("development"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),

  MONGODB_URI: urlWith("mongodb:", "mongodb+srv:").default("mongodb://127.0.0.1:27017/cairn"),
  REDIS_URL: urlWith("redis:", "rediss:").default("redis://127.0.0.1:6379"),
  REDIS_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/, "must be 1 to 32 lower-case letters, digits or hyphens")
    .default("cairn"),

  RPC_URL: rpcUrls.default(["http://127.0.0.1:8545"]),
  CHAIN_ID: z.coerce.number().int().positive().default(31337),
  DEPLOYMENTS_DIR: z.string().min(1).default("deployments"),
  DID_REGISTRY_ADDRESS: address.optional(),
  ISSUER_REGISTRY_ADDRESS: address.optional(),
  DEPLOYMENT_BLOCK: z.coerce.number().int().nonnegative().optional(),
  CONFIRMATIONS: z.coerce.number().int().min(0).max(10_000).optional(),

  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  PUBLIC_URL: urlWith("http:", "https:").optional(),
  TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
  BODY_LIMIT_BYTES: z.coerce.number().int().positive().default(65_536),

  SESSION_IDLE_SECONDS: seconds.default(15 * 60),
  SESSION_EXTENSION_SECONDS: seconds.default(60 * 60),
  SESSION_ABSOLUTE_SECONDS: seconds.default(12 * 60 * 60),
  LOGIN_LIMITS: flag.default(true),
  CHALLENGE_SECONDS: seconds.default(5 * 60),

  KEYSTORE_DIR: z.string().min(1).default(".cairn/keys"),
  KEYSTORE_PASSPHRASE: z.string().min(8).default(DEVELOPMENT_KEYSTORE_PASSPHRASE),
  ADMIN_API_KEY: z
    .string()
    .regex(/^CAIRN-ADM-[A-Za-z0-9_-]{16,}$/, "must be CAIRN-ADM- and at least 16 letters, digits, _ or -")
    .optional(),
  ADMIN_EMAIL: z.email("must be an e-mail address").optional(),
  REVOCATION_SOURCE: z.enum(["chain", "index"]).default("chain"),
  REVOCATION_MAX_STALENESS_SECONDS: seconds.default(30),
  VERIFICATION_SECONDS: seconds.default(5 * 60),

  OAUTH_RECHECK_SECONDS: seconds.default(60),
  OAUTH_VERIFIER_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000),

  RELAYER_PRIVATE_KEY: hexKey.default(DEVELOPMENT_RELAYER_KEY),
  ANCHORING_STUCK_SECONDS: seconds.default(60),
  ANCHORING_CONCURRENCY: z.coerce.number().int().min(1).max(64).default(8),

  ...kycEnvironment,
  SMTP_URL: urlWith("smtp:", "smtps:").optional(),
  MAIL_FROM: z.string().min(3).default("Cairn <no-reply@localhost>"),
  MAILBOX_DIR: z.string().min(1).default(".cairn/mailbox"),

  METRICS_HOST: z.string().min(1).default("127.0.0.1"),
  API_METRICS_PORT: z.coerce.number().int().min(0).max(65_535).default(9463),
  INDEXER_PORT: z.coerce.number().int().min(0).max(65_535).default(9464),
  INDEXER_POLL_MS: z.coerce.number().int().min(50).max(60_000).default(1_000),
  INDEXER_LEASE_SECONDS: seconds.default(10),
  INDEXER_RPC_TIMEOUT_MS: z.coerce.number().int().min(100).default(10_000),
  READY_MAX_LAG_SECONDS: seconds.default(60),
  WORKER_PORT: z.coerce.number().int().min(0).max(65_535).default(9465),
  SHUTDOWN_SECONDS: seconds.default(20),
  CAIRN_SUPERVISED: flag.default(false),
});

type Environment = z.infer<typeof environment>;

/** The configuration of one process: parsed, typed and frozen. Secrets stay in here and are never logged. */
export type Config = Readonly<{
  processName: ProcessName;
  production: boolean;
  logLevel: Environment["LOG_LEVEL"];
  mongodbUri: string;
  redis: { url: string; prefix: string };
  chain: {
    /** One or more endpoints of the same chain, the preferred one first. */
    rpcUrls: string[];
    chainId: number;
    deploymentsDir: string;
    didRegistryAddress?: string;
    issuerRegistryAddress?: string;
    deploymentBlock?: number;
    /** Blocks after which one counts as finalized; undefined follows the chain's own `finalized` tag. */
    confirmations?: number;
  };
  http: {
    host: string;
    port: number;
    /** Origin under which people reach the API, without a trailing slash. */
    publicUrl: string;
    /** How many proxies in front are trusted to name the caller's address. */
    trustProxy: number;
    bodyLimitBytes: number;
  };
  sessions: { idleSeconds: number; extensionSeconds: number; absoluteSeconds: number; limitLogins: boolean };
  wallets: { challengeSeconds: number };
  /** Where issuers' signing keys are kept, encrypted, when no key management service is used. */
  keys: { directory: string; passphrase: string };
  /** Without one nobody is admin. */
  adminApiKey?: string;
  /** Who is told of possible fraud. */
  adminEmail?: string;
  verification: { revocationSource: "chain" | "index"; maxStalenessSeconds: number; challengeSeconds: number };
  oauth: { recheckSeconds: number; verifierTimeoutMs: number };
  /** Present in the worker alone: no other process holds the key that pays. */
  anchoring?: { relayerPrivateKey: string; stuckSeconds: number; concurrency: number };
  /** Absent in the indexer, and where production chose no provider. */
  kyc?: KycConfig;
  /** Mail goes to an SMTP server, or in development to a folder; absent in production without SMTP_URL. */
  mail?: { from: string } & ({ smtpUrl: string } | { mailboxDir: string });
  indexer: { port: number; pollMs: number; leaseSeconds: number; rpcTimeoutMs: number };
  workerPort: number;
  /** Where health and metrics listen, apart from the API: they are not for the public. */
  metricsHost: string;
  metricsPort: number;
  readyMaxLagSeconds: number;
  shutdownSeconds: number;
  /** Started by a supervisor that holds our standard input: its end is ours. */
  supervised: boolean;
}>;

/**
 * Variables that have a default for development and must be given in production, each with its fix; with `only`, to
 * these processes alone: a secret is asked for where it is used and nowhere else.
 */
const REQUIRED_IN_PRODUCTION: { variable: keyof Environment; only?: ProcessName[]; fix: string }[] = [
  { variable: "MONGODB_URI", fix: "point it at your replica set, mongodb://user:password@host/cairn?replicaSet=..." },
  { variable: "REDIS_URL", only: ["api", "worker"], fix: "point it at your Redis, rediss://user:password@host:6379" },
  { variable: "RPC_URL", fix: "give one or more JSON-RPC endpoints of the chain, separated by commas" },
  { variable: "CHAIN_ID", fix: "give the id of the chain the contracts are deployed on" },
  { variable: "PUBLIC_URL", only: ["api"], fix: "give the https origin under which wallets and people reach the API" },
  {
    variable: "KEYSTORE_PASSPHRASE",
    only: ["api", "worker"],
    fix: "give the secret that encrypts the issuers' signing keys",
  },
  { variable: "RELAYER_PRIVATE_KEY", only: ["worker"], fix: "give the key of a funded account of your own" },
];

/** The process's environment, completed by the file `.env` of the working directory where there is one. */
export function readEnvironment(): NodeJS.ProcessEnv {
  const file = existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {};
  return { ...file, ...process.env };
}

/** Where `npm start` notes its servers while it runs, so that commands beside it find them. */
export const RUNNING_ENVIRONMENT_FILE = ".cairn/running.env";

/**
 * {@link readEnvironment}, completed by the servers of the Cairn that `npm start` runs in this folder, if it does: so
 * `npm run indexer -- audit` and the like need no variables on a developer's machine. Never in production.
 */
export function readEnvironmentBesideRunning(): NodeJS.ProcessEnv {
  const env = readEnvironment();
  if (env["NODE_ENV"] === "production" || !existsSync(RUNNING_ENVIRONMENT_FILE)) return env;
  const { CAIRN_PID, ...running } = parseEnv(readFileSync(RUNNING_ENVIRONMENT_FILE, "utf8"));
  return isAlive(Number(CAIRN_PID)) ? { ...running, ...env } : env;
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    // ESRCH: that Cairn was killed and could not remove its note.
    return false;
  }
}

/**
 * Reads a process's configuration from its environment.
 *
 * @param source an empty variable counts as absent
 * @throws BootError naming every wrong variable and how to fix it, without printing the values of secrets
 */
export function loadConfig(
  processName: ProcessName,
  source: NodeJS.ProcessEnv = readEnvironmentBesideRunning(),
): Config {
  const given = Object.fromEntries(Object.entries(source).filter(([, value]) => value !== undefined && value !== ""));
  const parsed = environment.safeParse(given);
  const problems: BootProblem[] = parsed.success ? [] : parsed.error.issues.map(problemOfIssue);
  const production = given["NODE_ENV"] === "production";
  if (processName !== "indexer") problems.push(...kycProblems(given, production));
  if (production) problems.push(...productionProblems(processName, given));
  if (!parsed.success || problems.length > 0) throw new BootError(processName, problems);
  return freeze(shape(processName, parsed.data));
}

function problemOfIssue(issue: z.core.$ZodIssue): BootProblem {
  const subject = String(issue.path[0] ?? "environment");
  return { subject, problem: issue.message, fix: `correct ${subject}; .env.example shows its form and default` };
}

function productionProblems(processName: ProcessName, given: Record<string, string | undefined>): BootProblem[] {
  const problems: BootProblem[] = [];
  for (const { variable, only, fix } of REQUIRED_IN_PRODUCTION) {
    if (only !== undefined && !only.includes(processName)) continue;
    if (given[variable] === undefined) {
      problems.push({ subject: variable, problem: "has no default in production", fix });
    }
  }
  if (given["PUBLIC_URL"]?.startsWith("http:")) {
    problems.push({
      subject: "PUBLIC_URL",
      problem: "is not https",
      fix: "serve the API behind TLS and give its https origin",
    });
  }
  if (processName === "worker" && given["KYC_PROVIDER"] !== undefined) problems.push(...mailProblems(given));
  if (given["RELAYER_PRIVATE_KEY"]?.toLowerCase() === DEVELOPMENT_RELAYER_KEY) {
    const fix = "give the key of a funded account of your own";
    problems.push({ subject: "RELAYER_PRIVATE_KEY", problem: "is a development key that everyone knows", fix });
  }
  return problems;
}

/** People are told of KYC decisions by mail, with a link. */
function mailProblems(given: Record<string, string | undefined>): BootProblem[] {
  const fixes = {
    SMTP_URL: "give the server that takes mail, smtps://user:password@host:465",
    MAIL_FROM: "give the sender, Name <address@your.domain>",
    PUBLIC_URL: "give the https origin that links in mail lead to",
  };
  const missing = Object.entries(fixes).filter(([variable]) => given[variable] === undefined);
  return missing.map(([subject, fix]) => ({ subject, problem: "has no default in production", fix }));
}

function shape(processName: ProcessName, env: Environment): Config {
  const production = env.NODE_ENV === "production";
  const kyc = processName === "indexer" ? undefined : shapeKyc(env, production);
  const mail = processName === "indexer" ? undefined : shapeMail(env, production);
  return {
    processName,
    production,
    logLevel: env.LOG_LEVEL,
    mongodbUri: env.MONGODB_URI,
    redis: { url: env.REDIS_URL, prefix: env.REDIS_PREFIX },
    chain: {
      rpcUrls: env.RPC_URL,
      chainId: env.CHAIN_ID,
      deploymentsDir: env.DEPLOYMENTS_DIR,
      ...(env.DID_REGISTRY_ADDRESS !== undefined && { didRegistryAddress: env.DID_REGISTRY_ADDRESS }),
      ...(env.ISSUER_REGISTRY_ADDRESS !== undefined && { issuerRegistryAddress: env.ISSUER_REGISTRY_ADDRESS }),
      ...(env.DEPLOYMENT_BLOCK !== undefined && { deploymentBlock: env.DEPLOYMENT_BLOCK }),
      ...(env.CONFIRMATIONS !== undefined && { confirmations: env.CONFIRMATIONS }),
    },
    http: {
      host: env.HOST,
      port: env.PORT,
      publicUrl: (env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).replace(/\/+$/, ""),
      trustProxy: env.TRUST_PROXY,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
    },
    sessions: {
      idleSeconds: env.SESSION_IDLE_SECONDS,
      extensionSeconds: env.SESSION_EXTENSION_SECONDS,
      absoluteSeconds: env.SESSION_ABSOLUTE_SECONDS,
      limitLogins: env.LOGIN_LIMITS,
    },
    wallets: { challengeSeconds: env.CHALLENGE_SECONDS },
    keys: { directory: env.KEYSTORE_DIR, passphrase: env.KEYSTORE_PASSPHRASE },
    ...adminOf(env),
    verification: {
      revocationSource: env.REVOCATION_SOURCE,
      maxStalenessSeconds: env.REVOCATION_MAX_STALENESS_SECONDS,
      challengeSeconds: env.VERIFICATION_SECONDS,
    },
    oauth: { recheckSeconds: env.OAUTH_RECHECK_SECONDS, verifierTimeoutMs: env.OAUTH_VERIFIER_TIMEOUT_MS },
    ...(processName === "worker" && {
      anchoring: {
        relayerPrivateKey: env.RELAYER_PRIVATE_KEY,
        stuckSeconds: env.ANCHORING_STUCK_SECONDS,
        concurrency: env.ANCHORING_CONCURRENCY,
      },
    }),
    ...(kyc !== undefined && { kyc }),
    ...(mail !== undefined && { mail }),
    indexer: {
      port: env.INDEXER_PORT,
      pollMs: env.INDEXER_POLL_MS,
      leaseSeconds: env.INDEXER_LEASE_SECONDS,
      rpcTimeoutMs: env.INDEXER_RPC_TIMEOUT_MS,
    },
    workerPort: env.WORKER_PORT,
    metricsHost: env.METRICS_HOST,
    metricsPort: env.API_METRICS_PORT,
    readyMaxLagSeconds: env.READY_MAX_LAG_SECONDS,
    shutdownSeconds: env.SHUTDOWN_SECONDS,
    supervised: env.CAIRN_SUPERVISED,
  };
}

function shapeMail(env: Environment, production: boolean): Config["mail"] {
  if (env.SMTP_URL !== undefined) return { from: env.MAIL_FROM, smtpUrl: env.SMTP_URL };
  return production ? undefined : { from: env.MAIL_FROM, mailboxDir: env.MAILBOX_DIR };
}

function adminOf({ ADMIN_API_KEY, ADMIN_EMAIL, NODE_ENV }: Environment): { adminApiKey?: string; adminEmail?: string } {
  const production = NODE_ENV === "production";
  const adminApiKey = ADMIN_API_KEY ?? (production ? undefined : DEVELOPMENT_ADMIN_API_KEY);
  const adminEmail = ADMIN_EMAIL ?? (production ? undefined : "admin@cairn.example");
  return { ...(adminApiKey !== undefined && { adminApiKey }), ...(adminEmail !== undefined && { adminEmail }) };
}

function freeze<T extends object>(value: T): Readonly<T> {
  for (const part of Object.values(value) as unknown[]) if (typeof part === "object" && part !== null) freeze(part);
  return Object.freeze(value);
}
