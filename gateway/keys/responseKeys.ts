import type { Clock } from "../../core/clock";
import type { Config } from "../../core/config/config";
import { BootError, messageOf } from "../../core/errors";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { thumbprintOf } from "../../core/keys/jws";
import {
  createSchedule,
  publishedKeysAt,
  readSchedule,
  type ScheduledKey,
  schedulePathOf,
  signingKeyAt,
} from "../../core/keys/keySchedule";
import type { KeyStore, PublicJwk } from "../../core/keys/keyStore";
import type { Logger } from "../../core/logger";

/** The key that signs answers and events at this moment. */
export interface ResponseKey {
  /** RFC 7638 thumbprint, base64url: the `key_id` of envelopes. */
  kid: string;
  /** @returns Ed25519 signature, 64 bytes */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** A public key as the gateway publishes it (RFC 7517, RFC 8037). */
export type PublishedJwk = PublicJwk & { kid: string; alg: "EdDSA"; use: "sig" };

/** The keys with which the gateway signs. */
export interface ResponseKeys {
  /** To be asked for each signature: it changes when the next key's time comes. */
  current(): ResponseKey;
  /** What `/.well-known/cairn-gateway-keys` answers. */
  jwks(): { keys: PublishedJwk[] };
  close(): void;
}

interface LoadedKey extends ScheduledKey {
  jwk: PublishedJwk;
}

/** How often the schedule is read again: rotation needs no restart. Milliseconds. */
const RELOAD_INTERVAL_MS = 60_000;

/**
 * Opens the keys of the configured folder. A developer's machine without one gets one; several gateways that share the
 * folder sign with the same key.
 *
 * @throws BootError when there is no key in production, or what is there cannot be opened
 */
export async function openResponseKeys(
  config: Pick<Config, "production" | "gateway">,
  deps: { clock: Clock; logger: Logger; reloadIntervalMs?: number },
): Promise<ResponseKeys> {
  const { keysDirectory: directory, keysPassphrase: passphrase } = config.gateway;
  const { clock, logger } = deps;
  const path = schedulePathOf(directory);
  try {
    const keys = await openFileKeyStore({ directory, passphrase });
    if (config.production && (await readSchedule(path)) === undefined) {
      throw new Error("there is no key in it: make one with `npm run keys -- gateway rotate`");
    }
    await createSchedule({ keys, path }, clock.now());
    const read = async () => loadKeys(keys, (await readSchedule(path)) ?? []);
    return createResponseKeys({ keys, clock, logger, loaded: await read(), read, intervalMs: deps.reloadIntervalMs });
  } catch (error) {
    const fix = "give the folder and the passphrase of the gateway's keys, the same to every gateway";
    throw new BootError("gateway", [{ subject: "GATEWAY_KEYS_DIR", problem: messageOf(error), fix }]);
  }
}

function createResponseKeys(deps: {
  keys: KeyStore;
  clock: Clock;
  logger: Logger;
  loaded: LoadedKey[];
  read(): Promise<LoadedKey[]>;
  intervalMs: number | undefined;
}): ResponseKeys {
  const { keys, clock, logger, read } = deps;
  let { loaded } = deps;
  let isFailing = false;

  async function reload(): Promise<void> {
    try {
      loaded = await read();
      isFailing = false;
    } catch (error) {
      // Once in a row: the keys that were read go on.
      if (!isFailing) logger.error({ err: error }, "the schedule of the signing keys cannot be read again");
      isFailing = true;
    }
  }
  const timer = setInterval(() => void reload(), deps.intervalMs ?? RELOAD_INTERVAL_MS).unref();

  return {
    current() {
      const now = clock.now();
      const scheduled = signingKeyAt(loaded, now) ?? loaded[0];
      const key = loaded.find(({ keyId }) => keyId === scheduled?.keyId);
      if (key === undefined) throw new Error("the gateway has no signing key");
      return { kid: key.jwk.kid, sign: (data) => keys.sign(key.keyId, data) };
    },
    jwks() {
      const published = new Set(publishedKeysAt(loaded, clock.now()).map(({ keyId }) => keyId));
      return { keys: loaded.filter(({ keyId }) => published.has(keyId)).map(({ jwk }) => jwk) };
    },
    close: () => clearInterval(timer),
  };
}

function loadKeys(keys: KeyStore, schedule: ScheduledKey[]): Promise<LoadedKey[]> {
  return Promise.all(
    schedule.map(async ({ keyId, signsFrom }) => {
      const { publicJwk } = await keys.describe(keyId);
      if (publicJwk === null) throw new Error(`the key ${keyId} has no public half`);
      return { keyId, signsFrom, jwk: { ...publicJwk, kid: thumbprintOf(publicJwk), alg: "EdDSA", use: "sig" } };
    }),
  );
}
