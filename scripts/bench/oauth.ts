/**
 * Compares `/token`: ours redeeming authorization codes with PKCE, oidc-provider doing the cheapest grant it has (client
 * credentials), each in a process of its own, on the same database and Redis, in alternating rounds. Prints throughput
 * and latency; asserts nothing.
 *
 * Usage: npm run bench:oauth -- [requests a round] [rounds] [connections]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { queryProblems } from "../../api/presentations/dcql/query";
import { registerClient } from "../../api/oauth/clients/actions";
import { createClientStore } from "../../api/oauth/clients/store";
import { createSealer } from "../../api/oauth/clients/sealer";
import { createOAuthSessionStore } from "../../api/oauth/store";
import { systemClock } from "../../core/clock";
import { randomId, randomToken } from "../../core/crypto";
import { sha256Hex } from "../../core/hash";
import { connectMongo, ensureIndexes, type Mongo } from "../../core/mongo";
import { startServices } from "../../embedded/services";
import type { ServerOptions } from "./oauthServer";

const [requestsText = "4000", roundsText = "5", connectionsText = "32"] = process.argv.slice(2);
const [requests, rounds, connections] = [Number(requestsText), Number(roundsText), Number(connectionsText)];
const REDIRECT_URI = "https://shop.example/callback";
const CODE_VERIFIER = "v".repeat(43);
const WARM_UP_REQUESTS = 1_000;
const print = (line: string) => process.stdout.write(`${line}\n`);

type ClientCredentials = Pick<ServerOptions, "clientId" | "clientSecret">;

interface Result {
  perSecond: number;
  times: number[];
}

/** What is measured: one server, and the requests it is sent. */
interface Contender {
  name: string;
  port: number;
  bodies(count: number): Promise<string[]> | string[];
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const services = await startServices({ dataDir, env: process.env, persistent: false, report: () => undefined });
  const mongodbUri = services.mongodbUri.replace(/\/[^/?]*(\?|$)/, "/bench_oauth$1");
  const mongo = await connectMongo({ uri: mongodbUri, name: "bench" });
  const children: ChildProcess[] = [];
  try {
    const client = await createClient(mongo);
    const common = { mongodbUri, redisUrl: services.redisUrl, keysDir: join(dataDir, "keys"), ...client };
    const cairn: Contender = {
      name: "Cairn, authorization_code with PKCE",
      port: await startServer({ ...common, kind: "cairn" }, children),
      bodies: (count) => codeBodies(mongo, client, count),
    };
    const oidcProvider: Contender = {
      name: "oidc-provider, client_credentials",
      port: await startServer({ ...common, kind: "oidc-provider" }, children),
      bodies: (count) => credentialBodies(client, count),
    };
    const place = `MongoDB ${services.byName.mongo.where}`;
    print(`${rounds} rounds of ${requests} requests over ${connections} connections, after a warm-up; ${place}`);
    await compare(cairn, oidcProvider);
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await mongo.dropDatabase();
    await mongo.close();
    await services.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** Prints the rates of both, measured in turns, and their ratio. */
async function compare(first: Contender, second: Contender): Promise<void> {
  for (const { port, bodies } of [first, second]) await run(port, await bodies(WARM_UP_REQUESTS));
  const results: { first: Result[]; second: Result[] } = { first: [], second: [] };
  for (let round = 0; round < rounds; round += 1) {
    results.first.push(await run(first.port, await first.bodies(requests)));
    results.second.push(await run(second.port, await second.bodies(requests)));
  }
  const ratio = report(first.name, results.first) / report(second.name, results.second);
  print(`Cairn / oidc-provider: ${ratio.toFixed(2)}`);
}

async function createClient(mongo: Mongo): Promise<ClientCredentials> {
  const clients = createClientStore(mongo);
  const nothing = () => Promise.reject(new Error("nothing is encrypted"));
  createOAuthSessionStore({ mongo, fields: { encrypt: nothing, decrypt: nothing } });
  await ensureIndexes(mongo);
  const sealer = createSealer(() => Promise.reject(new Error("nothing is sealed")));
  const { client, secret } = await registerClient(
    { clients, sealer, clock: systemClock, queryProblems },
    {
      name: "Bench",
      redirectUris: [REDIRECT_URI],
      verifierUrl: "http://localhost:9",
      scopes: [{ name: "age", description: "age", dcql: { credentials: [{ id: "a" }] } }],
    },
  );
  if (secret === null) throw new Error("a client without keys has a secret");
  return { clientId: client.clientId, clientSecret: secret };
}

/** Requests for tokens by codes, which are stored first. */
async function codeBodies(mongo: Mongo, client: ClientCredentials, count: number): Promise<string[]> {
  const codes = await seedCodes(mongo, client.clientId, count);
  return codes.map((code) =>
    form({
      client_id: client.clientId,
      client_secret: client.clientSecret,
      grant_type: "authorization_code",
      code,
      redirect_uri: REDIRECT_URI,
      code_verifier: CODE_VERIFIER,
    }),
  );
}

function credentialBodies({ clientId, clientSecret }: ClientCredentials, count: number): string[] {
  const body = form({ client_id: clientId, client_secret: clientSecret, grant_type: "client_credentials" });
  return Array<string>(count).fill(body);
}

async function startServer(options: ServerOptions, children: ChildProcess[]): Promise<number> {
  const child = spawn(
    process.execPath,
    ["--require", "./scripts/typescript.cjs", join(__dirname, "oauthServer.ts"), JSON.stringify(options)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  const ended = once(child, "exit").then(() => Promise.reject(new Error(`${options.kind} ended before it served`)));
  // The port is the last line: oidc-provider prints notices of its own first.
  let text = "";
  const port = (async () => {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      text += chunk.toString();
      const found = /^(\d+)$/m.exec(text)?.[1];
      if (found !== undefined) return Number(found);
    }
    throw new Error(`${options.kind} printed no port`);
  })();
  ended.catch(() => undefined);
  return Promise.race([port, ended]);
}

/** Stores sessions in the state they have when the browser has come back: verified, with a code to redeem. */
async function seedCodes(mongo: Mongo, clientId: string, count: number): Promise<string[]> {
  const now = new Date();
  const later = new Date(now.getTime() + 600_000);
  const codeChallenge = createHash("sha256").update(CODE_VERIFIER).digest("base64url");
  const codes = Array.from({ length: count }, () => randomToken("OAC-"));
  const sessions = codes.map((code) => ({
    _id: randomId(),
    clientId,
    handleHash: sha256Hex(randomToken()),
    status: "verified",
    createdAt: now,
    expiresAt: later,
    pushedRequest: null,
    claim: null,
    request: { redirectUri: REDIRECT_URI, state: "s", scope: "age", codeChallenge },
    verificationId: randomId(),
    deepLink: null,
    pendingCodeHash: sha256Hex(code),
    result: { status: "verified", claims: { age_over_18: true } },
    closedAt: now,
    codeHash: sha256Hex(code),
    codeExpiresAt: later,
    consumedAt: null,
    tokenExpiresAt: null,
    tokenRevokedAt: null,
    purgeAt: later,
  }));
  await mongo.collection<{ _id: string }>("oauth_sessions").insertMany(sessions);
  return codes;
}

async function run(port: number, bodies: string[]): Promise<Result> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let next = 0;
  const worker = async () => {
    for (let body = bodies[next++]; body !== undefined; body = bodies[next++]) {
      const startedMs = performance.now();
      const status = await post(agent, port, body);
      if (status !== 200) throw new Error(`/token answered ${status}`);
      times.push(performance.now() - startedMs);
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: connections }, worker));
  const seconds = (performance.now() - startedMs) / 1000;
  agent.destroy();
  return { perSecond: bodies.length / seconds, times };
}

function post(agent: Agent, port: number, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": body.length };
    const sent = request({ agent, host: "127.0.0.1", port, path: "/token", method: "POST", headers }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function form(fields: Record<string, string>): string {
  return new URLSearchParams(fields).toString();
}

function report(name: string, results: Result[]): number {
  const rates = results.map(({ perSecond }) => perSecond).sort((left, right) => left - right);
  const times = results.flatMap((result) => result.times).sort((left, right) => left - right);
  const at = (share: number) =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1);
  const median = rates[Math.floor(rates.length / 2)] ?? Number.NaN;
  print(
    `${name.padEnd(38)} ${median.toFixed(0)} /s (${rates.map((rate) => rate.toFixed(0)).join(", ")})  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms`,
  );
  return median;
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exit(1);
  },
);
