import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type ClientRegistration, registerClient, replaceSecret } from "../api/oauth/clients";
import { openClientStore } from "../api/oauth/clientStore";
import type { ScopeDefinition } from "../api/oauth/rules";
import { oauthSealer, oauthWebhookSecret } from "../api/oauthWiring";
import { systemClock } from "../core/clock";
import { loadConfig } from "../core/config";
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
    --notification-key-file FILE holds what the verifier sends as x-api-key with its notifications
    --webhook-url URL           told of every outcome
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
  "failures-as-code": { type: "boolean" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>["values"];

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Registers and lists the relying parties of the OAuth gateway. */
async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [command, clientId] = positionals;
  const config = loadConfig("api");
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "client" });
  try {
    const clients = openClientStore(mongo);
    const openKeys = () => openFileKeyStore(config.keys);
    if (command === "add") {
      const keys = await openKeys();
      const parts = { clients, sealer: oauthSealer(keys), clock: systemClock };
      const { client, secret } = await registerClient(parts, registrationOf(values));
      say(`client_id      ${client.clientId}`);
      say(`client_secret  ${secret}    shown this once; only its hash is kept`);
      if (client.webhookUrl !== null) say(`webhook secret ${await oauthWebhookSecret(keys, client.clientId)}`);
      say(`The verifier sends its notifications to ${config.http.publicUrl}/notification`);
    } else if (command === "list") {
      const all = await clients.list();
      for (const { clientId: id, name, redirectUris, scopes } of all) {
        say(`${id}  ${name}  ${scopes.map((scope) => scope.name).join(" ")}  ${redirectUris.join(" ")}`);
      }
      if (all.length === 0) say("there is no client");
    } else if (command === "new-secret" && clientId !== undefined) {
      say(
        `client_secret  ${await replaceSecret({ clients }, clientId)}    shown this once; the one before stays valid until the next`,
      );
    } else if (command === "remove" && clientId !== undefined) {
      say((await clients.remove(clientId)) ? `${clientId} is forgotten` : `there is no client ${clientId}`);
    } else {
      say(USAGE);
      process.exitCode = 2;
    }
  } finally {
    await mongo.close();
  }
}

function registrationOf(values: Values): ClientRegistration {
  const needed = (option: "name" | "verifier-url" | "scopes"): string => {
    const value = values[option];
    if (value === undefined) throw new Error(`--${option} is missing.\n\n${USAGE}`);
    return value;
  };
  return {
    name: needed("name"),
    verifierUrl: needed("verifier-url"),
    scopes: readScopes(needed("scopes")),
    clientId: values.id,
    redirectUris: values["redirect-uri"] ?? [],
    managementPath: values["management-path"],
    verifierHeader: readSecret(values["verifier-header-file"]),
    acceptedIssuers: values["accepted-issuer"],
    webhookUrl: values["webhook-url"],
    notificationKey: readSecret(values["notification-key-file"]),
    failuresAsCode: values["failures-as-code"],
  };
}

function readScopes(path: string): ScopeDefinition[] {
  const scopes = JSON.parse(readFileSync(path, "utf8")) as ScopeDefinition[];
  const sound =
    Array.isArray(scopes) &&
    scopes.every(({ name, description, dcql }) => {
      return (
        typeof name === "string" &&
        typeof description === "string" &&
        Array.isArray((dcql as Partial<typeof dcql> | undefined)?.credentials)
      );
    });
  if (!sound) throw new Error(`${path} does not hold a list of scopes.\n\n${USAGE}`);
  return scopes;
}

/** Secrets come in files: an argument can be read by everyone on the machine. */
function readSecret(path: string | undefined): string | undefined {
  return path === undefined ? undefined : readFileSync(path, "utf8").trim();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
});
