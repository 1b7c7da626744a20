import { z } from "zod";
import type { BootProblem } from "../errors";
import { assertAcceptableKey } from "../keys/ed25519";
import { configPart, type Given, type ProcessKind } from "./part";
import { port } from "./variables";

const PUBLIC_KEY = /^[A-Za-z0-9_-]{43}$/;

const publicKeys = z
  .string()
  .transform((text) => text.split(",").map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ""))
  .pipe(
    z.array(
      z.string().refine(isAcceptable, "must be raw Ed25519 public keys, base64url of 32 bytes, separated by commas"),
    ),
  );

/** The API's second port, on which gateways ask. */
export const internalPart = configPart({
  environment: {
    INTERNAL_HOST: z.string().min(1).default("127.0.0.1"),
    INTERNAL_PORT: port.optional(),
    GATEWAY_SERVICE_PUBLIC_KEYS: publicKeys.prefault(""),
  },
  problems: internalProblems,
  shape: (env): { internal: InternalConfig | null } => ({
    internal:
      env.INTERNAL_PORT === undefined
        ? null
        : { host: env.INTERNAL_HOST, port: env.INTERNAL_PORT, publicKeys: env.GATEWAY_SERVICE_PUBLIC_KEYS },
  }),
});

function isAcceptable(text: string): boolean {
  const bytes = Buffer.from(text, "base64url");
  if (!PUBLIC_KEY.test(text) || bytes.toString("base64url") !== text) return false;
  try {
    assertAcceptableKey(bytes);
    return true;
  } catch {
    // Weak, or no key: the message says what is expected.
    return false;
  }
}

/** In development as in production: a port that nobody can use, or keys that nothing reads, are a mistake. */
function internalProblems(given: Given, { processName }: ProcessKind): BootProblem[] {
  if (processName !== "api") return [];
  const { INTERNAL_PORT: internal, GATEWAY_SERVICE_PUBLIC_KEYS: keys } = given;
  if (internal === undefined) {
    if (keys === undefined) return [];
    const problem = "is given, but INTERNAL_PORT is not: gateways could not ask";
    const fix = "give the port that gateways reach, or neither";
    return [{ subject: "GATEWAY_SERVICE_PUBLIC_KEYS", problem, fix }];
  }
  const problems: BootProblem[] = [];
  if (keys === undefined) {
    const fix = "give the gateways' public keys, `npm start` draws one; or no INTERNAL_PORT";
    problems.push({ subject: "GATEWAY_SERVICE_PUBLIC_KEYS", problem: "is missing, and INTERNAL_PORT is given", fix });
  }
  if (internal !== "0" && internal === (given["PORT"] ?? "3000")) {
    const fix = "give another: the internal port serves what the public must not reach";
    problems.push({ subject: "INTERNAL_PORT", problem: "is PORT", fix });
  }
  return problems;
}

/** Where gateways ask, and whom the API takes for one. */
interface InternalConfig {
  host: string;
  port: number;
  /** Raw Ed25519 public keys of gateways, base64url of 32 bytes; several while one is replaced. */
  publicKeys: string[];
}
