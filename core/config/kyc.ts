import { z } from "zod";
import type { BootProblem } from "../errors";
import { configPart, type Given, type ProcessName } from "./part";
import { protocolOf } from "./variables";

/** The KYC providers Cairn speaks with. */
export const KYC_PROVIDERS = ["sandbox", "persona", "veriff", "onfido", "sumsub", "stripe"] as const;
export type KycProviderName = (typeof KYC_PROVIDERS)[number];

/** The sandbox signs with this where nothing else is given; anyone can read it here, and production has no sandbox. */
export const DEVELOPMENT_SANDBOX_SECRET = "whsec_Y2Fpcm4gc2FuZGJveCBzZWNyZXQsIGtub3duIHRvIGFsbA==";

const text = z.string().min(1);
const url = z
  .string()
  .refine(
    (given) => /^https?:\/\//.test(given) && URL.canParse(given),
    "must be a URL that starts with https:// or http://",
  )
  .transform((given) => given.replace(/\/+$/, ""));

/** One secret, or during a rotation two separated by a comma: the one to sign with first. Both are accepted. */
const secrets = z
  .string()
  .transform((given) => given.split(",").map((part) => part.trim()))
  .pipe(z.array(text.min(8, "is too short to be a secret")).min(1).max(2, "holds more than two secrets"));

const whsec = /^whsec_[A-Za-z0-9+/]{32,}={0,2}$/;
const paths = z
  .string()
  .transform((given) => given.split(",").map((part) => part.trim()))
  .pipe(z.array(z.string().regex(/^(GET|POST|PUT|DELETE) \/\S*$/, "must be such as `POST /auth/wallet/link`")));

const environment = {
  KYC_PROVIDER: z.enum(KYC_PROVIDERS).optional(),
  KYC_RETURN_URL: url.optional(),
  KYC_REQUIRED_FOR: paths.optional(),
  KYC_RECHECK_SECONDS: z.coerce.number().int().positive().default(600),
  KYC_SANDBOX_WEBHOOK_SECRETS: secrets
    .pipe(z.array(z.string().regex(whsec, "must be whsec_ and at least 24 bytes in base64")))
    .default([DEVELOPMENT_SANDBOX_SECRET]),
  KYC_SANDBOX_WEBHOOK_URL: url.optional(),
  KYC_PERSONA_API_KEY: text.optional(),
  KYC_PERSONA_TEMPLATE_ID: text.optional(),
  KYC_PERSONA_WEBHOOK_SECRETS: secrets.optional(),
  KYC_PERSONA_API_URL: url.default("https://api.withpersona.com"),
  KYC_VERIFF_API_KEY: text.optional(),
  KYC_VERIFF_SHARED_SECRETS: secrets.optional(),
  KYC_VERIFF_API_URL: url.default("https://stationapi.veriff.com"),
  KYC_ONFIDO_API_TOKEN: text.optional(),
  KYC_ONFIDO_WORKFLOW_ID: text.optional(),
  KYC_ONFIDO_WEBHOOK_SECRETS: secrets.optional(),
  KYC_ONFIDO_API_URL: url.default("https://api.eu.onfido.com"),
  KYC_SUMSUB_APP_TOKEN: text.optional(),
  KYC_SUMSUB_SECRET_KEY: text.optional(),
  KYC_SUMSUB_LEVEL: text.optional(),
  KYC_SUMSUB_WEBHOOK_SECRETS: secrets.optional(),
  KYC_SUMSUB_API_URL: url.default("https://api.sumsub.com"),
  KYC_STRIPE_API_KEY: text.optional(),
  KYC_STRIPE_WEBHOOK_SECRETS: secrets.optional(),
  KYC_STRIPE_API_URL: url.default("https://api.stripe.com"),
};

type KycEnvironment = z.infer<z.ZodObject<typeof environment>>;
type Complete<Names extends keyof KycEnvironment> = { [Name in Names]: NonNullable<KycEnvironment[Name]> };

/** What must be given together for a provider to be spoken with. */
const NEEDED = {
  persona: ["KYC_PERSONA_API_KEY", "KYC_PERSONA_TEMPLATE_ID", "KYC_PERSONA_WEBHOOK_SECRETS"],
  veriff: ["KYC_VERIFF_API_KEY", "KYC_VERIFF_SHARED_SECRETS"],
  onfido: ["KYC_ONFIDO_API_TOKEN", "KYC_ONFIDO_WORKFLOW_ID", "KYC_ONFIDO_WEBHOOK_SECRETS"],
  sumsub: ["KYC_SUMSUB_APP_TOKEN", "KYC_SUMSUB_SECRET_KEY", "KYC_SUMSUB_LEVEL", "KYC_SUMSUB_WEBHOOK_SECRETS"],
  stripe: ["KYC_STRIPE_API_KEY", "KYC_STRIPE_WEBHOOK_SECRETS"],
} as const satisfies Record<Exclude<KycProviderName, "sandbox">, (keyof KycEnvironment)[]>;

/** How KYC is done; present in the api and the worker, unless production chose no provider. Providers beside the chosen one may be configured: their webhooks are still accepted. */
export interface KycConfig {
  /** Who verifies new users. */
  provider: KycProviderName;
  /** Where people return to from a provider's page; the public origin when absent. */
  returnUrl: string | undefined;
  /** Operations that ask for a verified holder, such as `POST /auth/wallet/link`. */
  requiredFor: string[];
  /** How long a pending verification may be silent before its provider is asked. */
  recheckSeconds: number;
  sandbox?: { webhookSecrets: string[]; webhookUrl: string | undefined };
  persona?: { apiUrl: string; apiKey: string; templateId: string; webhookSecrets: string[] };
  veriff?: { apiUrl: string; apiKey: string; sharedSecrets: string[] };
  onfido?: { apiUrl: string; apiToken: string; workflowId: string; webhookSecrets: string[] };
  sumsub?: { apiUrl: string; appToken: string; secretKey: string; level: string; webhookSecrets: string[] };
  stripe?: { apiUrl: string; apiKey: string; webhookSecrets: string[] };
}

const SECRETS = [
  "KYC_PERSONA_API_KEY",
  "KYC_PERSONA_WEBHOOK_SECRETS",
  "KYC_VERIFF_SHARED_SECRETS",
  "KYC_ONFIDO_API_TOKEN",
  "KYC_ONFIDO_WEBHOOK_SECRETS",
  "KYC_SUMSUB_SECRET_KEY",
  "KYC_SUMSUB_WEBHOOK_SECRETS",
  "KYC_STRIPE_API_KEY",
  "KYC_STRIPE_WEBHOOK_SECRETS",
] as const;

/** Addresses that get people's data or a provider's key. */
const URLS = Object.keys(environment).filter((variable) => variable.endsWith("_URL"));

export const kycPart = configPart({
  environment,
  secrets: SECRETS.map((variable) => ({ variable })),
  problems: (given, { processName, production }) => (isUsedBy(processName) ? problemsOf(given, production) : []),
  shape(env, { processName, production }): { kyc?: KycConfig } {
    if (!isUsedBy(processName) || (production && env.KYC_PROVIDER === undefined)) return {};
    return { kyc: shapeOf(env, production) };
  },
});

function isUsedBy(processName: ProcessName): boolean {
  return processName === "api" || processName === "worker";
}

function problemsOf(given: Given, production: boolean): BootProblem[] {
  const problems: BootProblem[] = [];
  const chosen = given["KYC_PROVIDER"];
  if (production && chosen === "sandbox") {
    const fix = "choose persona, veriff, onfido, sumsub or stripe, or leave it unset to do without KYC";
    problems.push({ subject: "KYC_PROVIDER", problem: "sandbox approves whoever asks", fix });
  }
  for (const subject of production ? URLS.filter((variable) => protocolOf(given[variable]) === "http:") : []) {
    problems.push({ subject, problem: "is not https", fix: "give an https address" });
  }
  for (const [provider, variables] of Object.entries(NEEDED)) {
    const missing = variables.filter((variable) => given[variable] === undefined);
    if (missing.length === 0 || (chosen !== provider && missing.length === variables.length)) continue;
    const fix = `give all of ${variables.join(", ")}, or none`;
    for (const subject of missing) problems.push({ subject, problem: `is missing for ${provider}`, fix });
  }
  return problems;
}

function shapeOf(env: KycEnvironment, production: boolean): KycConfig {
  return {
    provider: env.KYC_PROVIDER ?? "sandbox",
    returnUrl: env.KYC_RETURN_URL,
    requiredFor: env.KYC_REQUIRED_FOR ?? [],
    recheckSeconds: env.KYC_RECHECK_SECONDS,
    ...(!production && {
      sandbox: { webhookSecrets: env.KYC_SANDBOX_WEBHOOK_SECRETS, webhookUrl: env.KYC_SANDBOX_WEBHOOK_URL },
    }),
    ...(isGiven(env, NEEDED.persona) && {
      persona: {
        apiUrl: env.KYC_PERSONA_API_URL,
        apiKey: env.KYC_PERSONA_API_KEY,
        templateId: env.KYC_PERSONA_TEMPLATE_ID,
        webhookSecrets: env.KYC_PERSONA_WEBHOOK_SECRETS,
      },
    }),
    ...(isGiven(env, NEEDED.veriff) && {
      veriff: {
        apiUrl: env.KYC_VERIFF_API_URL,
        apiKey: env.KYC_VERIFF_API_KEY,
        sharedSecrets: env.KYC_VERIFF_SHARED_SECRETS,
      },
    }),
    ...(isGiven(env, NEEDED.onfido) && {
      onfido: {
        apiUrl: env.KYC_ONFIDO_API_URL,
        apiToken: env.KYC_ONFIDO_API_TOKEN,
        workflowId: env.KYC_ONFIDO_WORKFLOW_ID,
        webhookSecrets: env.KYC_ONFIDO_WEBHOOK_SECRETS,
      },
    }),
    ...(isGiven(env, NEEDED.sumsub) && {
      sumsub: {
        apiUrl: env.KYC_SUMSUB_API_URL,
        appToken: env.KYC_SUMSUB_APP_TOKEN,
        secretKey: env.KYC_SUMSUB_SECRET_KEY,
        level: env.KYC_SUMSUB_LEVEL,
        webhookSecrets: env.KYC_SUMSUB_WEBHOOK_SECRETS,
      },
    }),
    ...(isGiven(env, NEEDED.stripe) && {
      stripe: {
        apiUrl: env.KYC_STRIPE_API_URL,
        apiKey: env.KYC_STRIPE_API_KEY,
        webhookSecrets: env.KYC_STRIPE_WEBHOOK_SECRETS,
      },
    }),
  };
}

function isGiven<Names extends keyof KycEnvironment>(
  env: KycEnvironment,
  names: readonly Names[],
): env is KycEnvironment & Complete<Names> {
  return names.every((name) => env[name] !== undefined);
}
