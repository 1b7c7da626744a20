import { parseArgs } from "node:util";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { createDataKeyStore } from "../../core/keys/dataKeys";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import {
  countUses,
  reencryptFields,
  requireDataKeys,
  retireDataKey,
  rotateDataKey,
  type RotationDeps,
} from "../../core/keys/rotateDataKeys";
import { connectMongo } from "../../core/mongo";
import { type Command, type CommandContext, runCommand, UsageError } from "./command";
import { ENCRYPTED_FIELDS } from "./encryptedFields";
import { runGatewayKeys } from "./gatewayKeys";

const usage = `npm run keys -- list             the keys that encrypt personal data, and how many documents need each
npm run keys -- rotate           a new key encrypts from now on, and everything is re-encrypted with it
npm run keys -- reencrypt        goes on where a rotation was stopped
npm run keys -- retire <id>      destroys a key that nothing is encrypted with any more; backups from before its
                                 rotation cannot be read then
npm run keys -- gateway list     the keys with which gateways sign, with a gateway's configuration
npm run keys -- gateway rotate   the next key is published from now on and signs a day later`;

interface Deps extends CommandContext, RotationDeps {}

async function run(args: string[], context: CommandContext): Promise<void> {
  const { positionals } = parseArgs({ args, options: {}, allowPositionals: true });
  if (positionals[0] === "gateway") {
    const action = gatewayActionOf(positionals.slice(1));
    await runGatewayKeys(action, context);
    return;
  }
  const act = actionOf(positionals);
  const config = loadConfig("api", context.env);
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "keys" });
  try {
    const keys = await openFileKeyStore(config.keys);
    const dataKeys = createDataKeyStore(mongo);
    await act({ ...context, keys, dataKeys, mongo, clock: systemClock, encrypted: ENCRYPTED_FIELDS });
  } finally {
    await mongo.close();
  }
}

/** What the arguments ask for. Nothing is connected before they are known to be right. */
function actionOf([command, argument, ...others]: string[]): (deps: Deps) => Promise<void> {
  if (others.length > 0) throw new UsageError(`Unexpected argument: ${others.join(" ")}.`);
  if (command === "list" && argument === undefined) return list;
  if (command === "rotate" && argument === undefined) return rotate;
  if (command === "reencrypt" && argument === undefined) return reencrypt;
  if (command === "retire" && argument !== undefined) return (deps) => retire(deps, argument);
  throw new UsageError("Give one of the commands below.");
}

function gatewayActionOf([command, ...others]: string[]): "list" | "rotate" {
  if (others.length > 0) throw new UsageError(`Unexpected argument: ${others.join(" ")}.`);
  if (command === "list" || command === "rotate") return command;
  throw new UsageError("Give one of the commands below.");
}

async function list(deps: Deps): Promise<void> {
  const { primary, keys } = await requireDataKeys(deps.dataKeys);
  for (const { keyId, createdAt } of keys) {
    const uses = Object.entries(await countUses(deps, keyId)).filter(([, count]) => count > 0);
    const where = uses.map(([collection, count]) => `${count} in ${collection}`).join(", ");
    const role = keyId === primary ? "encrypts" : "decrypts";
    deps.print(`${keyId}  ${role}  since ${createdAt.toISOString()}  ${where === "" ? "in no document" : where}`);
  }
}

async function rotate(deps: Deps): Promise<void> {
  const { from, to } = await rotateDataKey(deps);
  deps.print(`${to} encrypts from now on; ${from} still decrypts`);
  await reencrypt(deps);
}

async function reencrypt(deps: Deps): Promise<void> {
  const { documents, unreadable } = await reencryptFields(deps);
  deps.print(`${documents} documents were re-encrypted`);
  if (unreadable.length === 0) return;
  throw new Error(`These cannot be decrypted, and stay as they are: ${unreadable.join("; ")}`);
}

async function retire(deps: Deps, keyId: string): Promise<void> {
  await retireDataKey(deps, keyId);
  deps.print(`${keyId} is destroyed`);
}

/** Shows, rotates and retires the keys that encrypt personal data, and those with which gateways sign. */
export const keysCommand: Command = { usage, run };

if (require.main === module) void runCommand(keysCommand);
