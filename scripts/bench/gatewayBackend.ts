import type { Redis } from "ioredis";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the gateways of the bench ask: the API's internal port, answered from memory. */
export interface GatewayBackend {
  url: string;
  /** @param publicKey raw Ed25519 key, base64url @returns the id of the session */
  addSession(userId: string, publicKey: string): string;
  /** Stores an event and announces it, as the API does. @param onStored is told its id before anybody else */
  append(userId: string, onStored: (eventId: string) => void): Promise<void>;
  close(): void;
}

interface Session {
  userId: string;
  publicKey: string;
}

const EXPIRES_AT = "2999-01-01T00:00:00.000Z";

/** Starts answering in this process: its processor time is not the gateway's. */
export async function startGatewayBackend(redis: Redis, streamKey: string): Promise<GatewayBackend> {
  const sessions = new Map<string, Session>();
  const events = new Map<string, object[]>();
  const headOf = (userId: string) => String(events.get(userId)?.length ?? 0);

  function answer(path: string, query: URLSearchParams, body: string): object {
    const id = path.split("/")[5] ?? "";
    const session = sessions.get(id);
    if (session !== undefined) {
      const { userId, publicKey } = session;
      return { deviceSessionId: id, userId, publicKey, state: "active", expiresAt: EXPIRES_AT, head: headOf(userId) };
    }
    if (path.endsWith("/sessions/check")) {
      const { ids } = JSON.parse(body) as { ids: string[] };
      return {
        sessions: ids.map((one) => ({ id: one, state: "active", head: headOf(sessions.get(one)?.userId ?? "") })),
      };
    }
    if (path.includes("/internal/users/")) {
      const after = Number(query.get("after"));
      const page = (events.get(id) ?? []).slice(after, after + Number(query.get("limit")));
      return { events: page, head: headOf(id) };
    }
    return { items: [] };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    let body = "";
    for await (const chunk of request) body += String(chunk);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(answer(pathname, searchParams, body)));
  }

  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    addSession(userId, publicKey) {
      const id = randomUUID();
      sessions.set(id, { userId, publicKey });
      return id;
    },
    async append(userId, onStored) {
      const own = events.get(userId) ?? [];
      events.set(userId, own);
      const now = new Date();
      const event = { seq: String(own.length + 1), id: randomUUID(), type: "credential.used" };
      own.push({ ...event, at: now.toISOString(), payload: {} });
      onStored(event.id);
      const fields = { ...event, userId, at: String(now.getTime()), payload: "{}" };
      await redis.xadd(streamKey, "MAXLEN", "~", 100_000, "*", ...Object.entries(fields).flat());
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
