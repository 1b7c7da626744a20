import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Redis } from "ioredis";
import type { Device } from "./device";

type State = "active" | "expired" | "revoked";

interface StoredEvent {
  seq: number;
  id: string;
  type: string;
  at: string;
  payload: object;
}

interface User {
  events: StoredEvent[];
  /** The first event that was not deleted. */
  oldest: number;
}

/** The API's internal port over memory: sessions and events as the test has them, announced in the test's Redis. */
export interface InternalPort {
  url: string;
  /** Registers a device's session. @returns its id */
  addDevice(device: Device, userId: string): string;
  /** Opens a browser's session. */
  addBrowser(userId: string): { sessionId: string; token: string };
  /** Stores an event, and announces it unless told otherwise. @returns its number */
  append(userId: string, type: string, payload: object, isAnnounced?: boolean): Promise<number>;
  /** Announces a stored event, again or for the first time. */
  announce(userId: string, seq: number): Promise<void>;
  /** Ends a session, without an event. */
  setState(sessionId: string, state: State): void;
  /** Ends sessions as the API does: the state first, then the event. */
  revoke(userId: string, ...sessionIds: string[]): Promise<void>;
  deleteEventsBefore(userId: string, seq: number): void;
  /** Called before each answer, with the path: may wait, or throw to have it answered by 503. */
  onRequest: (path: string) => Promise<void> | void;
  /** Called once an answer is known and before it is sent. */
  onAnswer: (path: string) => Promise<void> | void;
  /** Requests so far, by the first part of their path. */
  count(what: "sessions" | "users" | "browser-sessions"): number;
  close(): Promise<void>;
}

const LATER = "2999-01-01T00:00:00.000Z";

export async function startInternalPort(redis: Redis, prefix: string): Promise<InternalPort> {
  const sessions = new Map<string, { userId: string; publicKey: string; state: State }>();
  const tokens = new Map<string, string>();
  const users = new Map<string, User>();
  const counts = new Map<string, number>();

  const userOf = (userId: string): User => {
    const user = users.get(userId) ?? { events: [], oldest: 1 };
    users.set(userId, user);
    return user;
  };
  const headOf = (userId: string) => String(userOf(userId).events.length);

  function readSession(id: string) {
    const session = sessions.get(id);
    if (session === undefined) return undefined;
    return { deviceSessionId: id, ...session, expiresAt: LATER, head: headOf(session.userId) };
  }

  function eventsOf(userId: string, query: URLSearchParams) {
    const { events, oldest } = userOf(userId);
    const after = Number(query.get("after"));
    const from = Math.max(after + 1, oldest);
    const page = events.slice(from - 1, from - 1 + Number(query.get("limit")));
    return { events: page, head: headOf(userId), ...(from > after + 1 ? { oldest: String(from) } : {}) };
  }

  async function answer(path: string, query: URLSearchParams, body: string): Promise<[status: number, reply: object]> {
    const [, , , , what = "", id = ""] = path.split("/");
    counts.set(what, (counts.get(what) ?? 0) + 1);
    if (path === "/api/v1/internal/sessions/check") {
      const { ids } = JSON.parse(body) as { ids: string[] };
      const checked = ids.map((one) => {
        const session = sessions.get(one);
        if (session === undefined) return { id: one, state: "unknown" };
        return { id: one, state: session.state, userId: session.userId, head: headOf(session.userId) };
      });
      return [200, { sessions: checked }];
    }
    if (path === "/api/v1/internal/browser-sessions/check") {
      const sessionId = tokens.get((JSON.parse(body) as { token: string }).token) ?? "";
      const { userId, state, expiresAt, head } = readSession(sessionId) ?? {};
      if (userId === undefined) return [401, { code: "session.unknown", status: 401, title: "Unauthorized" }];
      return [200, { state, sessionId, userId, expiresAt, head }];
    }
    if (what === "sessions") {
      const session = readSession(id);
      return session === undefined
        ? [404, { code: "session.unknown", status: 404, title: "Not Found" }]
        : [200, session];
    }
    if (what === "users") {
      const page = eventsOf(id, query);
      return [200, { ...page, events: page.events.map((event) => ({ ...event, seq: String(event.seq) })) }];
    }
    return [404, { code: "request.unknown_path", status: 404, title: "Not Found" }];
  }

  const port: InternalPort = {
    url: "",
    addDevice(device, userId) {
      const id = randomUUID();
      sessions.set(id, { userId, publicKey: device.publicKey.toString("base64url"), state: "active" });
      return id;
    },
    addBrowser(userId) {
      const sessionId = randomUUID();
      const token = `SES-${sessionId}`;
      sessions.set(sessionId, { userId, publicKey: "", state: "active" });
      tokens.set(token, sessionId);
      return { sessionId, token };
    },
    async append(userId, type, payload, isAnnounced = true) {
      const { events } = userOf(userId);
      const seq = events.length + 1;
      events.push({ seq, id: randomUUID(), type, at: new Date().toISOString(), payload });
      if (isAnnounced) await port.announce(userId, seq);
      return seq;
    },
    async announce(userId, seq) {
      const { id, type, at, payload } = userOf(userId).events[seq - 1]!;
      const fields = {
        userId,
        seq: String(seq),
        id,
        type,
        at: String(Date.parse(at)),
        payload: JSON.stringify(payload),
      };
      await redis.xadd(`${prefix}:events`, "MAXLEN", "~", 100_000, "*", ...Object.entries(fields).flat());
    },
    setState(sessionId, state) {
      sessions.get(sessionId)!.state = state;
    },
    async revoke(userId, ...sessionIds) {
      for (const id of sessionIds) port.setState(id, "revoked");
      await port.append(userId, "session.invalidated", { sessionIds });
    },
    deleteEventsBefore(userId, seq) {
      userOf(userId).oldest = seq;
    },
    onRequest: () => undefined,
    onAnswer: () => undefined,
    count: (what) => counts.get(what) ?? 0,
    async close() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://api");
    let body = "";
    for await (const chunk of request) body += String(chunk);
    let status = 503;
    let reply: object = { code: "mongo.unavailable", status, title: "Service Unavailable" };
    try {
      await port.onRequest(pathname);
      [status, reply] = await answer(pathname, searchParams, body);
      await port.onAnswer(pathname);
    } catch {
      // As the test wants it.
    }
    const type = status === 200 ? "application/json" : "application/problem+json";
    response.writeHead(status, { "content-type": type }).end(JSON.stringify(reply));
  }
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return port;
}
