import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { registerClient, replaceSecret } from "../api/oauth/clients/actions";
import type { ClientRegistration, ScopeDefinition } from "../api/oauth/clients/rules";
import { type ClientStore, createClientStore } from "../api/oauth/clients/store";
import { oauthSealer } from "../api/oauth/module";
import { secretOwnerOf } from "../api/oauth/outcomeWebhook";
import { webhookSecretOf } from "../api/webhooks/delivery/signing";
import { systemClock } from "../core/clock";
import { type Config, loadConfig } from "../core/config/config";
import { messageOf } from "../core/errors";
import { openFileKeyStore } from "../core/keys/fileKeyStore";
import { connectMongo } from "../core/mongo";

const USAGE = `npm run client -- add --name NAME --redirect-uri URI --verifier-url URL --scopes FILE [options]
    --redirect-uri URI          may be given several times; matched character for character
    --scopes FILE               JSON: [{"name": "age", "description": "that you are over 18", "dcql": {"credentials": [...]}}]
    --id ID                     3 to 64 letters, digits, _ or -; drawn when absent
    --management-path PATH      of the verifier; /management/api/verifications when absent
    --verifier-header-file FILE holds the header the verifier wants, for instance Authorization: Bearer ...
    --accepted-issuer DID       may be given several times; any the verifier trusts when absent
    --notification-key-file FILE holds the key the verifier sends with its notifications
    --notification-key-header NAME  the header it sends it in (swiyu: WEBHOOK_API_KEY_HEADER); x-api-key when absent
    --webhook-url URL           gets a webhook for every outcome
    --failures-as-code          hand out a code for failed verifications too
npm run client -- list                  the clients
npm run client -- new-secret ID         a new secret; the one before stays valid until the next time
npm run client -- remove ID             forget one; its sessions end with it`;

const OPTIONS = {
  name: { type: "string" },
  id: { type: "string" },
  "redirect-uri": { type: "string", multiple: true },
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

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>["values"];

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

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Registers and lists the relying parties of the OAuth gateway. */
async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const act = actionOf(positionals, values);
  if (act === undefined) {
    say(USAGE);
    process.exitCode = 2;
    return;
  }
  const config = loadConfig("api");
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "client" });
  try {
    await act({ clients: createClientStore(mongo), config });
  } finally {
    await mongo.close();
  }
}

interface Desk {
  clients: ClientStore;
  config: Config;
}

/** What the command line asks for; undefined when it asks for nothing there is. Its input is read before any door opens. */
function actionOf(words: string[], values: Values): ((desk: Desk) => Promise<void>) | undefined {
  const [command, clientId, ...others] = words;
  if (others.length > 0) throw new Error(`${others.join(" ")} is too much: one client at a time.`);
  if (command === "add" && clientId === undefined) {
    const registration = registrationOf(values);
    return (desk) => add(desk, registration);
  }
  if (command === "list" && clientId === undefined) return list;
  if (command === "new-secret" && clientId !== undefined) return (desk) => renew(desk, clientId);
  if (command === "remove" && clientId !== undefined) return (desk) => remove(desk, clientId);
  return undefined;
}

async function add({ clients, config }: Desk, registration: ClientRegistration): Promise<void> {
  const keys = await openFileKeyStore(config.keys);
  const { client, secret } = await registerClient(
    { clients, sealer: oauthSealer(keys), clock: systemClock },
    registration,
  );
  say(`client_id      ${client.clientId}`);
  say(`client_secret  ${secret}    shown this once; only its hash is kept`);
  if (client.webhookUrl !== null) say(`webhook secret ${await webhookSecretOf(keys, secretOwnerOf(client.clientId))}`);
  say(`The verifier sends its notifications to ${config.http.publicUrl}/notification`);
}

async function list({ clients }: Desk): Promise<void> {
  const all = await clients.list();
  for (const { clientId, name, redirectUris, scopes } of all) {
    say(`${clientId}  ${name}  ${scopes.map((scope) => scope.name).join(" ")}  ${redirectUris.join(" ")}`);
  }
  if (all.length === 0) say("there is no client");
}

async function renew({ clients }: Desk, clientId: string): Promise<void> {
  const secret = await replaceSecret({ clients }, clientId);
  say(`client_secret  ${secret}    shown this once; the one before stays valid until the next`);
}

async function remove({ clients }: Desk, clientId: string): Promise<void> {
  if (!(await clients.remove(clientId))) throw new Error(`There is no client ${clientId}; list them first.`);
  say(`${clientId} is forgotten`);
}

function registrationOf(values: Values): ClientRegistration {
  const { name, scopes, "verifier-url": verifierUrl, "redirect-uri": redirectUris } = values;
  if (name === undefined || scopes === undefined || verifierUrl === undefined || redirectUris === undefined) {
    const needed = { name, "redirect-uri": redirectUris, "verifier-url": verifierUrl, scopes };
    const missing = Object.entries(needed).flatMap(([option, value]) => (value === undefined ? [`--${option}`] : []));
    throw new Error(`Give ${missing.join(", ")} too.\n\n${USAGE}`);
  }
  return {
    ...{ name, verifierUrl, redirectUris, scopes: readScopes(scopes) },
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

function readScopes(path: string): ScopeDefinition[] {
  const text = readGiven("scopes", path);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`--scopes: ${path} is no JSON (${messageOf(error)}): correct its syntax.`, { cause: error });
  }
  const parsed = scopesFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path: where, message }) => `${where.join(".") || "the file"}: ${message}`,
  );
  throw new Error(`--scopes: ${path} is not a list of scopes. ${problems.join("; ")}.\n\n${USAGE}`);
}

/** Secrets come in files: an argument can be read by everyone on the machine. */
function readSecret(option: "verifier-header-file" | "notification-key-file", values: Values): string | undefined {
  const path = values[option];
  if (path === undefined) return undefined;
  const secret = readGiven(option, path).trim();
  if (secret === "") throw new Error(`--${option}: ${path} is empty: put the secret into it, or leave the option out.`);
  return secret;
}

function readGiven(option: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`--${option}: ${path} cannot be read (${messageOf(error)}): name a file that can.`, {
      cause: error,
    });
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
