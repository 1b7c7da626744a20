import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { type LocalServices, startServices } from "../../embedded/services";

/**
 * Mocha's global set-up: starts the servers that `MONGODB_URI`, `REDIS_URL` and `RPC_URL` do not name, in a folder of
 * their own, and names them there for the tests, as it does the folder of bundle.ts; ends them when all tests are done.
 */
let services: LocalServices | undefined;
let dataDir: string | undefined;

export async function mochaGlobalSetup(): Promise<void> {
  dataDir = mkdtempSync(join(tmpdir(), "cairn-test-"));
  services = await startServices({ dataDir, env: process.env, persistent: false, report: () => undefined });
  process.env["MONGODB_URI"] = services.mongodbUri;
  process.env["REDIS_URL"] = services.redisUrl;
  process.env["RPC_URL"] = services.rpcUrl;
  process.env["CAIRN_TEST_BUNDLES"] = join(dataDir, "bundles");
}

export async function mochaGlobalTeardown(): Promise<void> {
  await services?.stop();
  if (dataDir !== undefined) rmSync(dataDir, { recursive: true, force: true });
}

/**
 * Before each file: libraries that only tests use (@openid4vc) replace zod's messages for the whole process, in which
 * other files' tests read ours.
 */
export const mochaHooks = {
  beforeAll: () => void z.config({ customError: undefined }),
};
