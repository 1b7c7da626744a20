import { z } from "zod";
import { configPart } from "./part";
import { port, protocolOf, urlWith } from "./variables";

export const httpPart = configPart({
  environment: {
    HOST: z.string().min(1).default("127.0.0.1"),
    PORT: port.default(3000),
    PUBLIC_URL: urlWith("http:", "https:").optional(),
    TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
    BODY_LIMIT_BYTES: z.coerce.number().int().positive().default(65_536),
  },
  requiredInProduction: [
    {
      variable: "PUBLIC_URL",
      // The worker writes addresses below it on the chain and into mail.
      only: ["api", "worker"],
      fix: "give the https origin under which wallets and people reach the API",
    },
  ],
  problems(given, { production }) {
    if (!production || protocolOf(given["PUBLIC_URL"]) !== "http:") return [];
    const fix = "serve the API behind TLS and give its https origin";
    return [{ subject: "PUBLIC_URL", problem: "is not https", fix }];
  },
  shape: (env): { http: HttpConfig } => ({
    http: {
      host: env.HOST,
      port: env.PORT,
      publicUrl: new URL(env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).href.replace(/\/+$/, ""),
      trustProxy: env.TRUST_PROXY,
      bodyLimitBytes: env.BODY_LIMIT_BYTES,
    },
  }),
});

interface HttpConfig {
  host: string;
  port: number;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  /** How many proxies in front are trusted to name the caller's address. */
  trustProxy: number;
  bodyLimitBytes: number;
}
