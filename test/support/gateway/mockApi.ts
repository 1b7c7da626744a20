import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Redis } from "ioredis";
import { jwtVerify } from "jose";
import {
  CLIENT_ADDRESS_HEADER,
  COMMAND_IN_PROGRESS,
  COMMANDS,
  IDEMPOTENCY_KEY_HEADER,
  SERVICE_TOKEN_AUDIENCE,
  SERVICE_TOKEN_ISSUER,
  ServiceClaims,
} from "../../../core/internalApi";
import { importPublicKey } from "../../../core/keys/ed25519";
import { parseServiceKey, publicKeyOf } from "../../../core/keys/serviceKey";
import type { Device } from "./device";

/** The service key of the gateways under test: the base64url of its seed. */
export const SERVICE_KEY = Buffer.alloc(32, 7).toString("base64url");

/** A request that the API received, past its service token. */
export interface ReceivedRequest {
  method: string;
  /** With its query. */
  path: string;
  body: string;
  claims: ServiceClaims;
  /** The caller's address as the gateway named it. */
  address: string | undefined;
  idempotencyKey: string | undefined;
  contentType: string | undefined;
}

export interface MockAnswer {
  status: number;
  /** An object goes out as JSON, or as problem details from 400 on; text as it is. */
  body?: object | string;
  headers?: Record<string, string>;
}

/** The API's internal port as the gateway sees it: service tokens, sessions, and commands that happen once. */
export interface MockApi {
  url: string;
  /** Commands and requests before login so far. */
  requests: ReceivedRequest[];
  /** How often a session was asked for. */
  lookups: number;
  addDevice(device: Pick<Device, "publicKey">, userId: string): Promise<string>;
  setState(deviceSessionId: string, state: "active" | "expired" | "revoked"): Promise<void>;
  /** Writes that happened, by their idempotency keys. */
  effects(): Promise<string[]>;
  /** Answers commands in place of the usual reply. */
  answer: ((request: ReceivedRequest) => Promise<MockAnswer> | MockAnswer) | undefined;
  close(): Promise<void>;
}

export interface MockApiOptions {
  /** Holds what outlives the process. */
  redis: Redis;
  prefix: string;
  port?: number;
  /** Called before and after a write happens. */
  onStep?(step: "before_effect" | "after_effect"): void;
}

/** How long the first run of a write counts as unfinished. Milliseconds. */
const RERUN_MS = 1_000;

const LATER = "2999-01-01T00:00:00.000Z";

/** Starts one. State that must survive it lies in Redis, so that another can be started in its place. */
export async function startMockApi({ redis, prefix, port = 0, onStep }: MockApiOptions): Promise<MockApi> {
  const serviceKey = parseServiceKey(SERVICE_KEY);
  if (serviceKey === undefined) throw new Error("the service key is none");
  const publicKey = importPublicKey(Buffer.from(publicKeyOf(serviceKey), "base64url"));
  const sessions = `${prefix}:mock:sessions`;
  const effects = `${prefix}:mock:effects`;

  async function claimsOf(request: IncomingMessage): Promise<ServiceClaims | undefined> {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        issuer: SERVICE_TOKEN_ISSUER,
        audience: SERVICE_TOKEN_AUDIENCE,
        algorithms: ["EdDSA"],
        maxTokenAge: 60,
      });
      return ServiceClaims.parse(payload);
    } catch {
      return undefined;
    }
  }

  async function readSession(id: string): Promise<MockAnswer> {
    api.lookups += 1;
    const stored = await redis.hget(sessions, id);
    if (stored === null) return problem(404, "session.unknown");
    const session = JSON.parse(stored) as object;
    return { status: 200, body: { deviceSessionId: id, ...session, expiresAt: LATER, head: "0" } };
  }

  /** As the API does it: the first run is recorded, then the write and its answer; a retry gets the answer. */
  async function write(request: ReceivedRequest, key: string): Promise<MockAnswer> {
    const record = `${prefix}:mock:command:${key}`;
    const isFirst = (await redis.set(record, "open", "PX", RERUN_MS, "NX")) === "OK";
    const known = isFirst ? null : await redis.get(record);
    if (known !== null && known !== "open") return JSON.parse(known) as MockAnswer;
    if (known === "open") return problem(409, COMMAND_IN_PROGRESS);
    onStep?.("before_effect");
    const answer: MockAnswer = { status: 200, body: { done: request.path } };
    await redis.multi().rpush(effects, key).set(record, JSON.stringify(answer)).exec();
    onStep?.("after_effect");
    return answer;
  }

  async function answerTo(request: IncomingMessage, body: string): Promise<MockAnswer> {
    const claims = await claimsOf(request);
    if (claims === undefined) return problem(401, "service.unauthenticated");
    const path = request.url ?? "";
    const session = /^\/api\/v1\/internal\/sessions\/([^/]+)$/.exec(path)?.[1];
    if (path === "/api/v1/internal/sessions/check") return { status: 200, body: { sessions: [] } };
    if (session !== undefined) return readSession(session);
    const header = (name: string) => request.headers[name] as string | undefined;
    const received: ReceivedRequest = {
      method: request.method ?? "",
      path,
      body,
      claims,
      address: header(CLIENT_ADDRESS_HEADER),
      idempotencyKey: header(IDEMPOTENCY_KEY_HEADER),
      contentType: header("content-type"),
    };
    api.requests.push(received);
    if (api.answer !== undefined) return api.answer(received);
    if (received.idempotencyKey !== undefined) return write(received, received.idempotencyKey);
    if (path.endsWith("/send-email-code")) return { status: 200, body: { challenge_id: claims.rid } };
    if (path.endsWith("/confirm-email-code")) return { status: 200, body: { device_session_id: claims.rid } };
    const isCommand = Object.values(COMMANDS).some((command) => command.path === path.split("?")[0]);
    return isCommand ? { status: 200, body: { items: [] } } : problem(404, "request.unknown_path");
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { status, body: reply, headers } = await answerTo(request, body);
    const type = status >= 400 ? "application/problem+json" : "application/json";
    response.writeHead(status, { "content-type": type, ...headers });
    response.end(typeof reply === "object" ? JSON.stringify(reply) : reply);
  }

  const server = createServer((request, response) => void handle(request, response));
  const api: MockApi = {
    url: "",
    requests: [],
    lookups: 0,
    answer: undefined,
    async addDevice(device, userId) {
      const id = crypto.randomUUID();
      const session = { userId, publicKey: device.publicKey.toString("base64url"), state: "active" };
      await redis.hset(sessions, id, JSON.stringify(session));
      return id;
    },
    async setState(id, state) {
      const session = JSON.parse((await redis.hget(sessions, id)) ?? "{}") as object;
      await redis.hset(sessions, id, JSON.stringify({ ...session, state }));
    },
    effects: () => redis.lrange(effects, 0, -1),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}

/** Problem details as the API writes them. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): MockAnswer {
  return {
    status,
    body: { type: "about:blank", title: "Error", status, code, detail: "As the test wants it." },
    headers,
  };
}
