import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createHttpApp } from "../../api/http/httpApp";
import { createBudgets } from "../../core/budgets";
import { listen } from "../../api/http/server";
import { createOAuth } from "../../api/oauth/module";
import { systemClock } from "../../core/clock";
import { loadConfig } from "../../core/config/config";
import { createDeadLetterStore } from "../../core/jobs/deadLetters";
import { createDataKeyStore } from "../../core/keys/dataKeys";
import { createFieldCipher } from "../../core/keys/fieldCipher";
import { openFileKeyStore } from "../../core/keys/fileKeyStore";
import { createLogger } from "../../core/logger";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { connectRedis } from "../../core/redis";
import { DEFAULT_TIMING } from "../../process/context";

/** The first argument of a server that is compared, as JSON. */
export interface ServerOptions {
  kind: "cairn" | "oidc-provider";
  mongodbUri: string;
  redisUrl: string;
  keysDir: string;
  clientId: string;
  clientSecret: string;
}

/** Serves one of the two in a process of its own and prints its port. Neither counts nor logs requests. */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? "") as ServerOptions;
  const mongo = await connectMongo({ uri: options.mongodbUri, name: options.kind });
  const port = options.kind === "cairn" ? await serveCairn(mongo, options) : await serveOidcProvider(mongo, options);
  process.stdout.write(`${port}\n`);
}

async function serveCairn(mongo: Mongo, { redisUrl, keysDir }: ServerOptions): Promise<number> {
  const redis = connectRedis({ url: redisUrl, name: "bench" });
  const logger = createLogger({ processName: "api", logLevel: "warn" }, { write: () => undefined });
  const keys = await openFileKeyStore({ directory: keysDir, passphrase: "passphrase of a bench" });
  const publicUrl = "http://localhost";
  const environment = { REDIS_URL: redisUrl, REDIS_PREFIX: "bench", PUBLIC_URL: publicUrl, LOGIN_LIMITS: "false" };
  const { endpoints } = createOAuth(
    {
      config: loadConfig("api", environment),
      clock: systemClock,
      logger,
      mongo,
      redis,
      keys,
      fields: createFieldCipher({ keys, dataKeys: createDataKeyStore(mongo), clock: systemClock }),
      deadLetters: createDeadLetterStore(mongo),
      timing: DEFAULT_TIMING,
    },
    {
      receive: () => Promise.resolve(true),
      deliver: () => Promise.resolve(),
      count: () => undefined,
      verifications: {
        create: () => Promise.reject(new Error("Nothing is verified here.")),
        read: () => Promise.reject(new Error("Nothing is verified here.")),
        release: () => Promise.reject(new Error("Nothing is verified here.")),
      },
    },
  );
  await ensureIndexes(mongo);
  const app = createHttpApp(endpoints, {
    readSession: () => Promise.reject(new Error("There are no sessions here.")),
    createBudget: createBudgets({ redis, prefix: "bench" }),
    bodyLimitBytes: 65_536,
    publicUrl,
    logger,
    trustProxy: 0,
    onFinished: () => undefined,
  });
  return (await listen(app, { host: "127.0.0.1", port: 0 })).port;
}

/** oidc-provider with the grant that costs it least: client credentials, one write of an opaque token. */
async function serveOidcProvider(mongo: Mongo, { clientId, clientSecret }: ServerOptions): Promise<number> {
  const { Provider } = await import("oidc-provider");
  const collection = mongo.collection<{ _id: string }>("oidc_tokens");
  class MongoAdapter {
    constructor(readonly name: string) {}
    async upsert(id: string, payload: object, expiresIn: number): Promise<void> {
      const expiresAt = new Date(Date.now() + expiresIn * 1000);
      await collection.updateOne({ _id: `${this.name}:${id}` }, { $set: { payload, expiresAt } }, { upsert: true });
    }
    find(): Promise<undefined> {
      return Promise.resolve(undefined);
    }
    findByUid(): Promise<undefined> {
      return Promise.resolve(undefined);
    }
    findByUserCode(): Promise<undefined> {
      return Promise.resolve(undefined);
    }
    consume(): Promise<void> {
      return Promise.resolve();
    }
    destroy(): Promise<void> {
      return Promise.resolve();
    }
    revokeByGrantId(): Promise<void> {
      return Promise.resolve();
    }
  }
  const provider = new Provider("http://localhost", {
    adapter: MongoAdapter,
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [],
        response_types: [],
        grant_types: ["client_credentials"],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    ttl: { ClientCredentials: 3_600 },
  });
  const server = createServer((request, response) => void provider.callback()(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

void main();
