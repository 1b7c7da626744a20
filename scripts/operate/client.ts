import { parseArgs } from "node:util";
import { registerClient, replaceKeys, replaceSecret } from "../../api/oauth/clients/actions";
import type { ClientRegistration } from "../../api/oauth/clients/rules";
import { type ClientStore, createClientStore } from "../../api/oauth/clients/store";
import { createCredentialsSealer } from "../../api/oauth/clients/sealer";
import { queryProblems } from "../../api/presentations/dcql/query";
import { secretOwnerOf } from "../../api/oauth/outcomeWebhook";
import { webhookSecretOf } from "../../api/webhooks/delivery/signing";
import { systemClock } from "../../core/clock";
import { type Config, loadConfig } from "../../core/config/config";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { connectMongo } from "../../core/mongo";
import {
  REGISTRATION_OPTIONS,
  REGISTRATION_USAGE,
  readKeys,
  registrationOf,
  type RegistrationValues,
} from "./clientRegistration";
import { type Command, type CommandContext, runCommand, UsageError } from "./command";

const usage = `npm run client -- add --name NAME --redirect-uri URI --scopes FILE [options]
${REGISTRATION_USAGE}
npm run client -- list                  the clients
npm run client -- new-secret ID         a new secret; the previous one stays valid until the next time
npm run client -- new-keys ID --jwks-file FILE  other keys, for a client that authenticates by keys
npm run client -- remove ID             delete one; its sessions end with it`;

interface Deps extends CommandContext {
  clients: ClientStore;
  config: Config;
}

async function run(args: string[], context: CommandContext): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: REGISTRATION_OPTIONS, allowPositionals: true });
  const act = actionOf(positionals, values);
  const config = loadConfig("api", context.env);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "client" });
  try {
    await act({ ...context, clients: createClientStore(mongo), config });
  } finally {
    await mongo.close();
  }
}

/** What the arguments ask for. Nothing is connected before they are known to be right. */
function actionOf(words: string[], values: RegistrationValues): (deps: Deps) => Promise<void> {
  const [command, clientId, ...others] = words;
  if (others.length > 0) throw new UsageError(`${others.join(" ")} is too much: one client at a time.`);
  if (command === "add" && clientId === undefined) {
    const registration = registrationOf(values);
    return (deps) => add(deps, registration);
  }
  if (command === "list" && clientId === undefined) return list;
  if (command === "new-secret" && clientId !== undefined) return (deps) => renewSecret(deps, clientId);
  const jwks = readKeys(values);
  if (command === "new-keys" && clientId !== undefined) {
    if (jwks === undefined) throw new UsageError("Give --jwks-file too.");
    return (deps) => renewKeys(deps, { clientId, jwks });
  }
  if (command === "remove" && clientId !== undefined) return (deps) => remove(deps, clientId);
  throw new UsageError("Give one of the commands below.");
}

async function add({ clients, config, print }: Deps, registration: ClientRegistration): Promise<void> {
  const keys = await openFileKeyStore(config.keys);
  const deps = { clients, sealer: createCredentialsSealer(keys), clock: systemClock, queryProblems };
  const { client, secret } = await registerClient(deps, registration);
  print(`client_id      ${client.clientId}`);
  if (secret === null) print("It authenticates by its keys (private_key_jwt).");
  else print(`client_secret  ${secret}    shown this once; only its hash is stored`);
  if (client.webhookUrl !== null)
    print(`webhook secret ${await webhookSecretOf(keys, secretOwnerOf(client.clientId))}`);
  if (client.verifierUrl === null) print("This installation's own verifier serves the client.");
  else print(`The verifier sends its notifications to ${config.http.publicUrl}/notification`);
}

async function list({ clients, print }: Deps): Promise<void> {
  const all = await clients.list();
  for (const { clientId, name, redirectUris, scopes } of all) {
    print(`${clientId}  ${name}  ${scopes.map((scope) => scope.name).join(" ")}  ${redirectUris.join(" ")}`);
  }
  if (all.length === 0) print("there is no client");
}

async function renewSecret({ clients, print }: Deps, clientId: string): Promise<void> {
  const secret = await replaceSecret({ clients }, clientId);
  print(`client_secret  ${secret}    shown this once; the previous one stays valid until the next`);
}

async function renewKeys({ clients, print }: Deps, given: Parameters<typeof replaceKeys>[1]): Promise<void> {
  await replaceKeys({ clients }, given);
  print(`${given.clientId} authenticates by its new keys alone`);
}

async function remove({ clients, print }: Deps, clientId: string): Promise<void> {
  if (!(await clients.remove(clientId))) throw new Error(`There is no client ${clientId}; list them first.`);
  print(`${clientId} is removed`);
}

/** Registers, lists and removes the relying parties of the OAuth gateway. */
export const clientCommand: Command = { usage, run };

if (require.main === module) void runCommand(clientCommand);
