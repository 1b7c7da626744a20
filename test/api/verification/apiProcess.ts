import { openCredentialApp } from "../../../api/credentialApp";
import { createHttpApp } from "../../../api/http/httpApp";
import { openBudgets } from "../../../api/http/rateLimit";
import { listen } from "../../../api/http/server";
import { createChain } from "../../../chain/client";
import { systemClock } from "../../../core/clock";
import { loadConfig } from "../../../core/config/config";
import { openFileKeyStore } from "../../../core/keys/fileKeyStore";
import { createLogger } from "../../../core/logger";
import { connectMongo } from "../../../core/mongo";
import { connectRedis } from "../../../core/redis";
import { createProjection } from "../../../projection/queries";

const PUBLIC_URL = "https://cairn.example";

/**
 * An API process of its own that verifies: says `{"port":n}` on standard output, ends with its standard input. With
 * `KILL_AT` it kills itself, as hard as the system can, when a confirmation reaches that step.
 */
async function main(): Promise<void> {
  const config = loadConfig("api");
  const logger = createLogger({ processName: "api", logLevel: config.logLevel });
  const mongo = await connectMongo({ uri: config.mongodbUri, name: "api-process", maxPoolSize: 64 });
  const redis = connectRedis({ url: config.redis.url, name: "api-process" });
  const chain = createChain(config.chain);
  const killAt = process.env["KILL_AT"];
  const app = openCredentialApp({
    config: { publicUrl: PUBLIC_URL, prefix: config.redis.prefix, verification: config.verification },
    ...{
      limited: process.env["LIMITED"] === "true",
      allowHttpWebhooks: true,
      clock: systemClock,
      logger,
      mongo,
      redis,
      chain,
    },
    index: createProjection(mongo),
    keys: await openFileKeyStore(config.keys),
    didsOf: () => Promise.resolve([]),
    onStep(step) {
      if (step === killAt) process.kill(process.pid, "SIGKILL");
    },
  });
  const express = createHttpApp(app.endpoints, {
    readSession: () => Promise.reject(new Error("nobody has a session here")),
    readApiKey: app.readApiKey,
    budgets: openBudgets({ redis, prefix: config.redis.prefix }),
    ...{ bodyLimitBytes: 65_536, publicUrl: PUBLIC_URL, logger, trustProxy: 1, onFinished: () => undefined },
  });
  const server = await listen(express, { host: "127.0.0.1", port: 0 });
  process.stdout.write(`${JSON.stringify({ port: server.port })}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
});
