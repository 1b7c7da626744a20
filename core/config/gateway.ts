import { z } from "zod";
import type { BootProblem } from "../errors";
import { parseServiceKey } from "../keys/serviceKey";
import { configPart, type Given, type ProcessKind } from "./part";
import { flag, isLocalUrl, port, protocolOf, urlWith } from "./variables";

/** Protects the gateway's signing keys on a developer's machine; production asks for another. */
export const DEVELOPMENT_GATEWAY_PASSPHRASE = "development gateway keys";

const origins = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ""))
  .pipe(z.array(z.string().refine(isOrigin, "must be origins such as https://app.example.com, separated by commas")));

export const gatewayPart = configPart({
  environment: {
    GATEWAY_HTTP_HOST: z.string().min(1).default("127.0.0.1"),
    GATEWAY_HTTP_PORT: port.default(3002),
    GATEWAY_GRPC_HOST: z.string().min(1).default("127.0.0.1"),
    GATEWAY_GRPC_PORT: port.default(3003),
    GATEWAY_METRICS_PORT: port.default(9466),
    GATEWAY_TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
    GATEWAY_MAX_CONNECTIONS: z.coerce.number().int().min(10).default(10_000),
    GATEWAY_CORS_ORIGINS: origins.prefault(""),
    GATEWAY_API_URL: urlWith("http:", "https:").default("http://127.0.0.1:3001"),
    GATEWAY_API_UNENCRYPTED: flag.default(false),
    GATEWAY_API_TIMEOUT_MS: z.coerce.number().int().min(100).max(60_000).default(10_000),
    GATEWAY_SERVICE_KEY: z.string().optional(),
    GATEWAY_KEYS_DIR: z.string().min(1).default(".cairn/gateway-keys"),
    GATEWAY_KEYS_PASSPHRASE: z.string().min(8).default(DEVELOPMENT_GATEWAY_PASSPHRASE),
  },
  requiredInProduction: [
    { variable: "GATEWAY_API_URL", only: ["gateway"], fix: "give the address of the API's internal port" },
    {
      variable: "GATEWAY_KEYS_PASSPHRASE",
      only: ["gateway"],
      fix: "give the secret that encrypts the keys with which answers and events are signed",
    },
  ],
  secrets: [{ variable: "GATEWAY_KEYS_PASSPHRASE" }, { variable: "GATEWAY_SERVICE_KEY" }],
  problems: (given, kind) => [
    ...serviceKeyProblems(given, kind),
    ...unencryptedProblems(given, kind),
    ...originProblems(given, kind),
  ],
  shape: (env, { processName }): { gateway: GatewayConfig } => ({
    gateway: {
      httpHost: env.GATEWAY_HTTP_HOST,
      httpPort: env.GATEWAY_HTTP_PORT,
      grpcHost: env.GATEWAY_GRPC_HOST,
      grpcPort: env.GATEWAY_GRPC_PORT,
      metricsPort: env.GATEWAY_METRICS_PORT,
      trustProxy: env.GATEWAY_TRUST_PROXY,
      maxConnections: env.GATEWAY_MAX_CONNECTIONS,
      corsOrigins: env.GATEWAY_CORS_ORIGINS,
      apiUrl: new URL(env.GATEWAY_API_URL).href.replace(/\/+$/, ""),
      apiTimeoutMs: env.GATEWAY_API_TIMEOUT_MS,
      keysDirectory: env.GATEWAY_KEYS_DIR,
      // Secrets stay with the process that uses them.
      keysPassphrase: processName === "gateway" ? env.GATEWAY_KEYS_PASSPHRASE : "",
      serviceKey: processName === "gateway" ? (env.GATEWAY_SERVICE_KEY ?? "") : "",
    },
  }),
});

function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const SERVICE_KEY_FIX =
  "give the Ed25519 key as PEM or as the base64url of its seed of 32 bytes, for instance of `openssl genpkey -algorithm ed25519`";

/** Without this key the API answers nothing, in development as in production. */
function serviceKeyProblems(given: Given, { processName }: ProcessKind): BootProblem[] {
  const text = given["GATEWAY_SERVICE_KEY"];
  if (text === undefined) {
    if (processName !== "gateway") return [];
    const fix = `${SERVICE_KEY_FIX}; npm start draws one`;
    return [{ subject: "GATEWAY_SERVICE_KEY", problem: "is missing", fix }];
  }
  if (parseServiceKey(text) !== undefined) return [];
  return [{ subject: "GATEWAY_SERVICE_KEY", problem: "is no private Ed25519 key", fix: SERVICE_KEY_FIX }];
}

/** What passes between gateway and API are commands of holders, and tokens that speak for them. */
function unencryptedProblems(given: Given, { processName, production }: ProcessKind): BootProblem[] {
  const url = given["GATEWAY_API_URL"];
  if (!production || processName !== "gateway" || url === undefined || protocolOf(url) !== "http:") return [];
  if (isLocalUrl(url) || given["GATEWAY_API_UNENCRYPTED"] === "true") return [];
  const fix = "give an https URL, or say GATEWAY_API_UNENCRYPTED=true where the network itself encrypts";
  return [{ subject: "GATEWAY_API_URL", problem: "is neither https nor of this machine", fix }];
}

/** Whoever is between a page without https and its reader writes the page. */
function originProblems(given: Given, { production }: ProcessKind): BootProblem[] {
  const named = (given["GATEWAY_CORS_ORIGINS"] ?? "").split(",").map((origin) => origin.trim());
  if (!production || !named.some((origin) => protocolOf(origin) === "http:")) return [];
  const fix = "serve those pages by https and give their https origins";
  return [{ subject: "GATEWAY_CORS_ORIGINS", problem: "names an origin without https", fix }];
}

/** The process that takes signed commands and pushes events. */
interface GatewayConfig {
  /** gRPC-Web, Connect and HTTP over HTTP/1.1. */
  httpHost: string;
  httpPort: number;
  /** gRPC over HTTP/2 without TLS, which a proxy in front ends. */
  grpcHost: string;
  grpcPort: number;
  metricsPort: number;
  /** How many proxies in front are trusted to name the caller's address. */
  trustProxy: number;
  /** Connections at once to each of the two ports. */
  maxConnections: number;
  /** Origins whose pages may call the gateway. */
  corsOrigins: string[];
  /** The API's internal port, without a trailing slash. */
  apiUrl: string;
  /** How long the API may take to answer. */
  apiTimeoutMs: number;
  /** Where the keys that sign answers and events are stored, encrypted. */
  keysDirectory: string;
  keysPassphrase: string;
  /** Private Ed25519 key by which the API knows the gateway: PEM, or base64url of its seed. */
  serviceKey: string;
}
