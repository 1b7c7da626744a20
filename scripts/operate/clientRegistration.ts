import { readFileSync } from "node:fs";
import type { parseArgs } from "node:util";
import type { JSONWebKeySet } from "jose";
import { z } from "zod";
import type { ClientRegistration } from "../../api/oauth/clients/rules";
import type { ScopeDefinition } from "../../api/oauth/clients/rules";
import { messageOf } from "../../core/errors";
import { UsageError } from "./command";

/** Describes the options of {@link registrationOf} to people. */
export const REGISTRATION_USAGE = `    --redirect-uri URI          may be given several times; matched character for character
    --scopes FILE               JSON: [{"name": "age", "description": "that you are over 18", "dcql": {"credentials": [...]}}]
    --jwks-file FILE            public keys (a JWK Set) by which it authenticates, private_key_jwt, instead of a secret
    --without-pkce              for clients that cannot send a code_challenge; every other request needs one
    --verifier-url URL          a verifier elsewhere, as swiyu has them; this installation's own when absent
    --id ID                     3 to 64 letters, digits, _ or -; drawn when absent
    --management-path PATH      of the verifier; /management/api/verifications when absent
    --verifier-header-file FILE holds the header the verifier wants, for instance Authorization: Bearer ...
    --accepted-issuer DID       may be given several times; any the verifier trusts when absent
    --notification-key-file FILE holds the key the verifier sends with its notifications
    --notification-key-header NAME  the header it sends it in (swiyu: WEBHOOK_API_KEY_HEADER); x-api-key when absent
    --webhook-url URL           receives a webhook for every outcome
    --failures-as-code          hand out a code for failed verifications too`;

/** For `parseArgs`. */
export const REGISTRATION_OPTIONS = {
  name: { type: "string" },
  id: { type: "string" },
  "redirect-uri": { type: "string", multiple: true },
  "jwks-file": { type: "string" },
  "without-pkce": { type: "boolean" },
  "verifier-url": { type: "string" },
  "management-path": { type: "string" },
  "verifier-header-file": { type: "string" },
  "accepted-issuer": { type: "string", multiple: true },
  scopes: { type: "string" },
  "webhook-url": { type: "string" },
  "notification-key-file": { type: "string" },
  "notification-key-header": { type: "string" },
  "failures-as-code": { type: "boolean" },
} as const;

/** The values `parseArgs` reads for {@link REGISTRATION_OPTIONS}. */
export type RegistrationValues = ReturnType<
  typeof parseArgs<{ options: typeof REGISTRATION_OPTIONS; allowPositionals: true }>
>["values"];

const scopesFile = z
  .array(
    z.strictObject({
      name: z.string(),
      description: z.string(),
      dcql: z.strictObject({
        credentials: z.array(z.record(z.string(), z.unknown())),
        credential_sets: z.array(z.record(z.string(), z.unknown())).optional(),
      }),
    }),
  )
  .min(1);

const keysFile: z.ZodType<JSONWebKeySet> = z.strictObject({ keys: z.array(z.looseObject({ kty: z.string() })) });

/**
 * A client's registration, read from a command's options and the files they name.
 *
 * @throws UsageError when a required option is missing
 * @throws Error naming the option whose file cannot be used
 */
export function registrationOf(values: RegistrationValues): ClientRegistration {
  const { name, scopes, "verifier-url": verifierUrl, "redirect-uri": redirectUris } = values;
  if (name === undefined || scopes === undefined || redirectUris === undefined) {
    const required = { name, "redirect-uri": redirectUris, scopes };
    const missing = Object.entries(required).flatMap(([option, value]) => (value === undefined ? [`--${option}`] : []));
    throw new UsageError(`Give ${missing.join(", ")} too.`);
  }
  return {
    name,
    verifierUrl,
    redirectUris,
    scopes: readScopes(scopes),
    jwks: readKeys(values),
    withoutPkce: values["without-pkce"],
    clientId: values.id,
    managementPath: values["management-path"],
    verifierHeader: readSecret("verifier-header-file", values),
    acceptedIssuers: values["accepted-issuer"],
    webhookUrl: values["webhook-url"],
    notificationKey: readSecret("notification-key-file", values),
    notificationHeader: values["notification-key-header"],
    failuresAsCode: values["failures-as-code"],
  };
}

/**
 * The JWK Set in the file that `--jwks-file` names; undefined without that option.
 *
 * @throws Error naming the file when it is none
 */
export function readKeys(values: Pick<RegistrationValues, "jwks-file">): JSONWebKeySet | undefined {
  const path = values["jwks-file"];
  return path === undefined ? undefined : readJsonFile("jwks-file", path, keysFile, "a JWK Set");
}

function readScopes(path: string): ScopeDefinition[] {
  return readJsonFile("scopes", path, scopesFile, "a list of scopes");
}

function readJsonFile<T>(option: string, path: string, schema: z.ZodType<T>, what: string): T {
  const text = readFileOf(option, path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`--${option}: ${path} is no JSON (${messageOf(error)}): correct its syntax.`, { cause: error });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path: at, message }) => `${at.join(".") || "the file"}: ${message}`);
  throw new Error(`--${option}: ${path} is not ${what}. ${problems.join("; ")}.`);
}

/** Secrets come in files: an argument can be read by everyone on the machine. */
function readSecret(
  option: "verifier-header-file" | "notification-key-file",
  values: RegistrationValues,
): string | undefined {
  const path = values[option];
  if (path === undefined) return undefined;
  const secret = readFileOf(option, path).trim();
  if (secret === "") throw new Error(`--${option}: ${path} is empty: put the secret into it, or leave the option out.`);
  return secret;
}

function readFileOf(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = `--${option}: ${path} cannot be read (${messageOf(error)})`;
    throw new Error(`${reason}: name a file that can.`, { cause: error });
  }
}
