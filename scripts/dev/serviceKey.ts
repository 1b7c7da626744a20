import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomToken } from "../../core/crypto";
import { BootError } from "../../core/errors";
import { parseServiceKey, publicKeyOf } from "../../core/keys/serviceKey";

/** The key by which the API knows the gateway: the private half for the one, the public half for the other. */
export interface ServiceKeyVariables {
  GATEWAY_SERVICE_KEY: string;
  GATEWAY_SERVICE_PUBLIC_KEYS: string;
}

/**
 * The service key that the environment gives; else the one of the data folder, which is drawn once.
 *
 * @throws BootError when it is no private Ed25519 key
 */
export function readServiceKey(dataDir: string, env: NodeJS.ProcessEnv): ServiceKeyVariables {
  const given = env["GATEWAY_SERVICE_KEY"] || undefined;
  const path = join(dataDir, "gateway-service.key");
  if (given === undefined && !existsSync(path)) writeFileSync(path, `${randomToken()}\n`, { mode: 0o600 });
  const text = given ?? readFileSync(path, "utf8").trim();
  const key = parseServiceKey(text);
  if (key === undefined) {
    const subject = given === undefined ? path : "GATEWAY_SERVICE_KEY";
    const fix = given === undefined ? "remove it: another is drawn" : "correct it, or give none: one is drawn";
    throw new BootError("local Cairn", [{ subject, problem: "holds no private Ed25519 key", fix }]);
  }
  return {
    GATEWAY_SERVICE_KEY: text,
    GATEWAY_SERVICE_PUBLIC_KEYS: env["GATEWAY_SERVICE_PUBLIC_KEYS"] || publicKeyOf(key),
  };
}
