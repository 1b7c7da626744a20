import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { thumbprintOf } from "../../core/keys/jws";
import {
  publishedKeysAt,
  readSchedule,
  rotateSchedule,
  type ScheduledKey,
  schedulePathOf,
  signingKeyAt,
} from "../../core/keys/keySchedule";
import type { KeyStore } from "../../core/keys/keyStore";
import type { CommandContext } from "./command";

interface Deps extends CommandContext {
  keys: KeyStore;
  path: string;
}

/**
 * Shows or rotates the keys with which gateways sign. They lie in a folder that the gateways share, so that this needs no
 * database but the gateway's configuration.
 *
 * @throws DomainError `key.rotation_pending` when the last rotation is less than a day old
 */
export async function runGatewayKeys(action: "list" | "rotate", context: CommandContext): Promise<void> {
  const { keysDirectory: directory, keysPassphrase: passphrase } = loadConfig("gateway", context.env).gateway;
  const deps: Deps = {
    ...context,
    keys: await openFileKeyStore({ directory, passphrase }),
    path: schedulePathOf(directory),
  };
  if (action === "rotate") await rotate(deps);
  else await list(deps);
}

async function list(deps: Deps): Promise<void> {
  const schedule = (await readSchedule(deps.path)) ?? [];
  if (schedule.length === 0) deps.print("there is no key yet: npm run keys -- gateway rotate makes the first one");
  const now = systemClock.now();
  const published = publishedKeysAt(schedule, now);
  for (const key of schedule) {
    const role = signingKeyAt(schedule, now) === key ? "signs" : key.signsFrom > now ? "will sign" : "signed";
    const shown = published.includes(key) ? "published" : "no longer published";
    deps.print(`${await kidOf(deps, key)}  ${role}  from ${key.signsFrom.toISOString()}  ${shown}`);
  }
}

async function rotate(deps: Deps): Promise<void> {
  const next = (await rotateSchedule(deps, systemClock.now())).at(-1);
  if (next === undefined) throw new Error("the rotation made no key");
  deps.print(`${await kidOf(deps, next)} is published from now on and signs from ${next.signsFrom.toISOString()}`);
}

async function kidOf({ keys }: Deps, { keyId }: ScheduledKey): Promise<string> {
  const { publicJwk } = await keys.describe(keyId);
  if (publicJwk === null) throw new Error(`the key ${keyId} has no public half`);
  return thumbprintOf(publicJwk);
}
