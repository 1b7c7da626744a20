import { z } from "zod";
import type { BootProblem } from "../errors";
import { DEVELOPMENT_CHAIN_ID } from "./chain";
import { configPart, type Given, type ProcessKind } from "./part";
import { isLocalUrl, isLoopback, port, protocolOf, urlWith } from "./variables";

const LOCAL_ORIGIN = "http://localhost";

/** Comma-separated origins, each exactly as a browser sends it. */
const originList = z
  .string()
  .transform((text) => text.split(",").map((origin) => origin.trim()))
  .refine((origins) => origins.every(isOrigin), {
    message: "must be origins with commas between them, such as https://app.example.com: scheme, host and port alone",
  });

/** Whether a text is what a browser sends in `Origin`: lower case, no path, no default port. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol) && new URL(text).origin === text;
}

export const httpPart = configPart({
  environment: {
    HOST: z.string().min(1).default("127.0.0.1"),
    PORT: port.default(3000),
    PUBLIC_URL: urlWith("http:", "https:").optional(),
    TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
    CORS_ORIGINS: originList.optional(),
    BODY_LIMIT_BYTES: z.coerce.number().int().positive().default(65_536),
    MAX_CONNECTIONS: z.coerce.number().int().min(10).default(4_000),
    MAX_LONG_POLLS: z.coerce.number().int().min(4).default(400),
  },
  requiredInProduction: [
    {
      variable: "PUBLIC_URL",
      // The worker writes addresses below it on the chain and into mail, the gateway into the types of its problems.
      only: ["api", "worker", "gateway"],
      fix: "give the https origin under which wallets and people reach the API",
    },
  ],
  problems(given, kind) {
    const origins = kind.production ? insecureOriginProblems(given) : [];
    if (kind.production && protocolOf(given["PUBLIC_URL"]) === "http:") {
      const fix = "serve the API behind TLS and give its https origin";
      return [...origins, { subject: "PUBLIC_URL", problem: "is not https", fix }];
    }
    return [...origins, ...localUrlProblems(given, kind)];
  },
  shape: (env, { production }): { http: HttpConfig } => ({
    http: {
      host: env.HOST,
      port: env.PORT,
      publicUrl: new URL(env.PUBLIC_URL ?? `${LOCAL_ORIGIN}:${env.PORT}`).href.replace(/\/+$/, ""),
      trustProxy: env.TRUST_PROXY,
      corsOrigins: env.CORS_ORIGINS ?? [],
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
      onOwnMachine:
        !production && env.TRUST_PROXY === 0 && isLoopback(env.HOST) && isLocalUrl(env.PUBLIC_URL ?? LOCAL_ORIGIN),
      maxConnections: env.MAX_CONNECTIONS,
      // Behind a proxy all connections are the proxy's.
      maxConnectionsPerAddress: env.TRUST_PROXY > 0 ? env.MAX_CONNECTIONS : Math.ceil(env.MAX_CONNECTIONS / 8),
      maxPolls: env.MAX_LONG_POLLS,
    },
  }),
});

/** Pages that came without TLS may be anybody's, and would call with the cookies of who looks at them. */
function insecureOriginProblems(given: Given): BootProblem[] {
  const insecure = (given["CORS_ORIGINS"] ?? "").split(",").filter((origin) => protocolOf(origin.trim()) === "http:");
  const fix = "give https origins alone";
  return insecure.map((origin) => ({ subject: "CORS_ORIGINS", problem: `names ${origin.trim()}, not https`, fix }));
}

/** On a chain that others read, nothing may be anchored that names an address which only this machine reaches. */
function localUrlProblems(given: Given, { processName, production }: ProcessKind): BootProblem[] {
  const chainId = Number(given["CHAIN_ID"] ?? DEVELOPMENT_CHAIN_ID);
  const publicUrl = given["PUBLIC_URL"] ?? (production ? undefined : LOCAL_ORIGIN);
  if (processName !== "api" && processName !== "worker") return [];
  if (!Number.isInteger(chainId) || chainId === DEVELOPMENT_CHAIN_ID || publicUrl === undefined) return [];
  if (protocolOf(publicUrl) === undefined || !isLocalUrl(publicUrl)) return [];
  const problem = `is of this machine alone, and would be anchored on chain ${chainId} for everybody`;
  return [{ subject: "PUBLIC_URL", problem, fix: "give the origin under which others reach this API" }];
}

interface HttpConfig {
  host: string;
  port: number;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  /** How many proxies in front are trusted to name the caller's address. */
  trustProxy: number;
  /** Origins whose pages may call every operation, as browsers send them; public data is for every origin. */
  corsOrigins: string[];
  bodyLimitBytes: number;
  /** A developer's: not production, and reached by nobody but who sits at this machine. */
  onOwnMachine: boolean;
  /** Connections at once, all together and of one address. */
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Requests that may wait for an event at once; a quarter of them for one address or account. */
  maxPolls: number;
}
