import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Redis } from "ioredis";
import { z } from "zod";
import { defineEndpoint, type Endpoint } from "../../../api/http/endpoint";
import { createHttpApp } from "../../../api/http/httpApp";
import { createBudgets } from "../../../core/budgets";
import { mountEndpoints, type RouterDeps } from "../../../api/http/router";
import { type HttpServer, listen } from "../../../api/http/server";
import type { FinishedRequest } from "../../../api/http/tracking";
import { DomainError, TransientError } from "../../../core/errors";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import { type Answer, ask } from "../../support/ask";
import { eventually } from "../../support/eventually";
import { testRedisUrl } from "../../support/servers";

const BODY_LIMIT = 2_000;
const ok = { 200: { description: "ok" } };
const base = { tag: "Test", summary: "test", auth: "none" as const, replies: ok };

let aborted = 0;
const waiting: (() => void)[] = [];
let release: () => void = () => undefined;

const ENDPOINTS: Endpoint[] = [
  defineEndpoint({
    ...base,
    method: "post",
    path: "/echo/:id",
    params: z.strictObject({ id: z.string().max(10) }),
    query: z.strictObject({ limit: z.coerce.number().int().max(50).default(10) }),
    body: z.strictObject({ email: z.email(), nested: z.strictObject({ count: z.number() }).optional() }),
    handle: ({ params, query, body }) => Promise.resolve({ status: 200, body: { params, query, body } }),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/text",
    handle: () => Promise.resolve({ status: 200, body: "plain" }),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/bytes",
    handle: () =>
      Promise.resolve({ status: 200, body: new Uint8Array([1, 2, 3]), headers: { "content-type": "image/png" } }),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/conflict",
    rejections: [{ code: "thing.taken", kind: "conflict", meaning: "Taken." }],
    handle: () => Promise.reject(new DomainError("thing.taken", "conflict", "It is taken.", { details: { thing: 7 } })),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/transient",
    handle: () => Promise.reject(new TransientError("rpc.timeout", "The chain does not answer.")),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/bug",
    handle: () => Promise.reject(new Error("mongodb://admin:hunter2@db.internal is at fault")),
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/slow",
    handle: async (_input, { signal }) => {
      signal.addEventListener("abort", () => (aborted += 1));
      await new Promise<void>((resolve) => (release = resolve));
      return { status: 200, body: { done: true } };
    },
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/wait",
    query: z.strictObject({ known: z.string().optional() }),
    waits: ({ query }) => query.known !== undefined,
    handle: async ({ query }) => {
      if (query.known !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
      return { status: 200, body: {} };
    },
  }),
  defineEndpoint({
    ...base,
    method: "get",
    path: "/limited",
    limit: { name: "test", limit: 2, windowSeconds: 60, by: "address" },
    handle: (_input, { ip }) => Promise.resolve({ status: 200, body: { ip } }),
  }),
];

describe("http", () => {
  let server: HttpServer;
  let redis: Redis;
  let parts: RouterDeps;
  const lines: string[] = [];
  const finished: FinishedRequest[] = [];

  before(async () => {
    const prefix = `test-http-${randomBytes(4).toString("hex")}`;
    redis = connectRedis({ url: testRedisUrl(), name: prefix });
    await redis.ping();
    parts = {
      readSession: () => Promise.reject(new Error("no sessions here")),
      createBudget: createBudgets({ redis, prefix }),
      bodyLimitBytes: BODY_LIMIT,
      maxPolls: 8,
      publicUrl: "https://cairn.example",
      logger: createLogger({ processName: "api", logLevel: "trace" }, { write: (line) => void lines.push(line) }),
    };
    const app = createHttpApp(ENDPOINTS, {
      ...parts,
      trustProxy: 1,
      onFinished: (request) => void finished.push(request),
    });
    server = await listen(app, { host: "127.0.0.1", port: 0 });
  });

  after(async () => {
    await server.close(500);
    await redis.quit();
  });

  const call = (method: string, path: string, options = {}): Promise<Answer> =>
    ask(`http://127.0.0.1:${server.port}${path}`, method, options);

  function expectProblem(answer: Answer, status: number, code: string): void {
    expect(answer.status, answer.text).to.equal(status);
    expect(answer.headers.get("content-type")).to.match(/^application\/problem\+json/);
    expect(answer.body).to.include({ status, code, type: `https://cairn.example/problems/${code}` });
    expect(answer.body.requestId).to.equal(answer.headers.get("x-request-id"));
    expect(answer.body.title).to.be.a("string");
    expect(answer.body.detail).to.be.a("string");
  }

  describe("parsing", () => {
    it("hands the handler typed input, defaults filled in", async () => {
      const { body } = await call("POST", "/echo/7?limit=5", { body: { email: "a@b.example" } });
      expect(body).to.deep.equal({ params: { id: "7" }, query: { limit: 5 }, body: { email: "a@b.example" } });
    });

    it("names every invalid field at once and how to fix it, and repeats no value", async () => {
      const body = { email: "hunter2", nested: { count: "x" }, extra: "hunter3" };
      const answer = await call("POST", "/echo/12345678901?limit=900&page=2", { body });
      expectProblem(answer, 400, "request.invalid");
      const fields = answer.body.errors.map(({ field }: { field: string }) => field);
      expect(fields).to.have.members([
        "params.id",
        "query.limit",
        "query.page",
        "body.email",
        "body.nested.count",
        "body.extra",
      ]);
      expect(answer.text).not.to.match(/hunter/);
    });

    it("says of an absent field that it is required", async () => {
      const answer = await call("POST", "/echo/7", { body: {} });
      expect(answer.body.errors).to.deep.equal([{ field: "body.email", message: "is required: give a string" }]);
    });

    it("refuses unknown fields, __proto__ among them", async () => {
      const answer = await call("POST", "/echo/7", { body: '{"email":"a@b.example","__proto__":{"admin":true}}' });
      expectProblem(answer, 400, "request.invalid");
      expect(answer.body.errors[0]!.field).to.equal("body.__proto__");
    });

    it("refuses a parameter given twice where one is expected", async () => {
      expectProblem(
        await call("POST", "/echo/7?limit=1&limit=2", { body: { email: "a@b.example" } }),
        400,
        "request.invalid",
      );
    });

    it("refuses broken JSON without repeating it", async () => {
      const answer = await call("POST", "/echo/7", { body: '{"email": "hunter2' });
      expectProblem(answer, 400, "request.malformed");
      expect(answer.text + lines.join("")).not.to.match(/hunter2/);
    });

    it("refuses by name what JSON would silently change, and takes UTF-8 alone", async () => {
      const refused = await call("POST", "/echo/a", {
        body: '{"email":"a@example.com\\u0000","nested":{"count":1e400,"count":9007199254740993,"__proto__":{}}}',
      });
      expect(refused.status).to.equal(400);
      expect(refused.body.code).to.equal("request.invalid");
      expect(refused.body.errors.map(({ field }) => field)).to.deep.equal([
        "body.email",
        "body.nested.count",
        "body.nested.count",
        "body.nested.count",
        "body.nested.__proto__",
      ]);
      const bytes = Buffer.from('{"email":"a\xff@example.com"}', "latin1");
      expect((await call("POST", "/echo/a", { body: bytes })).body.code).to.equal("request.malformed");
      const body = JSON.stringify({ email: "a@example.com" });
      for (const [charset, status] of [
        ["utf-8", 200],
        ['"UTF-8"', 200],
        ["utf-16le", 415],
        ["latin1", 415],
      ] as const) {
        const headers = { "content-type": `application/json; charset=${charset}` };
        expect((await call("POST", "/echo/a", { body, headers })).status, charset).to.equal(status);
      }
    });

    it("refuses a missing body, another media type, a compressed body and one over the limit", async () => {
      expectProblem(await call("POST", "/echo/7"), 400, "request.invalid");
      const form = { body: "email=a", headers: { "content-type": "application/x-www-form-urlencoded" } };
      expectProblem(await call("POST", "/echo/7", form), 415, "request.unsupported_media_type");
      const zipped = { body: "zip", headers: { "content-encoding": "gzip", "content-type": "application/json" } };
      expectProblem(await call("POST", "/echo/7", zipped), 415, "request.unsupported_media_type");
      const large = await call("POST", "/echo/7", { body: { email: "x".repeat(BODY_LIMIT) } });
      expectProblem(large, 413, "request.too_large");
      expect(large.body.maxBytes).to.equal(BODY_LIMIT);
    });

    it("refuses at the start a schema that would let unknown fields pass", () => {
      const lax = defineEndpoint({
        ...base,
        method: "post",
        path: "/lax",
        body: z.object({}),
        handle: () => Promise.reject(new Error()),
      });
      expect(() => mountEndpoints([lax], parts)).to.throw("POST /lax: its body schema lets unknown fields pass");
    });
  });

  describe("answers", () => {
    it("sends text and bytes as they are", async () => {
      expect((await call("GET", "/text")).text).to.equal("plain");
      const bytes = await call("GET", "/bytes");
      expect(bytes.headers.get("content-type")).to.equal("image/png");
      expect(bytes.text).to.equal("\u0001\u0002\u0003");
    });

    it("turns a refusal of the domain into problem details with its facts", async () => {
      const answer = await call("GET", "/conflict");
      expectProblem(answer, 409, "thing.taken");
      expect(answer.body).to.include({ detail: "It is taken.", thing: 7, title: "Conflict" });
    });

    it("answers 503 with Retry-After when something outside fails", async () => {
      const answer = await call("GET", "/transient");
      expectProblem(answer, 503, "rpc.timeout");
      expect(Number(answer.headers.get("retry-after"))).to.be.greaterThan(0);
    });

    it("answers 500 without details when nobody foresaw the error, and logs it whole", async () => {
      const answer = await call("GET", "/bug", { headers: { "x-request-id": "report-me-1" } });
      expectProblem(answer, 500, "internal.error");
      expect(answer.text).not.to.match(/hunter2|mongodb/);
      const entry = await eventually("the log line", () =>
        lines.find((line) => line.includes("report-me-1") && line.includes("request failed")),
      );
      expect(entry).to.include("is at fault");
    });

    it("answers 404 for an unknown path, 405 with Allow for another method, 204 for OPTIONS", async () => {
      expectProblem(await call("GET", "/nowhere"), 404, "request.unknown_path");
      const wrong = await call("DELETE", "/text");
      expectProblem(wrong, 405, "request.method_not_allowed");
      expect(wrong.headers.get("allow")).to.equal("GET, HEAD, OPTIONS");
      const options = await call("OPTIONS", "/echo/7");
      expect([options.status, options.headers.get("allow")]).to.deep.equal([204, "POST, OPTIONS"]);
      expect(options.headers.get("access-control-allow-origin")).to.equal(null);
    });

    it("answers 400 for a path that cannot be decoded", async () => {
      expectProblem(await call("POST", "/echo/%E0%A4%A", { body: {} }), 400, "request.malformed");
    });

    it("may neither be cached, sniffed nor framed, and does not tell what serves it", async () => {
      const { headers } = await call("GET", "/text");
      expect(headers.get("cache-control")).to.equal("no-store");
      expect(headers.get("x-content-type-options")).to.equal("nosniff");
      expect(headers.get("content-security-policy"))
        .to.include("default-src 'none'")
        .and.include("frame-ancestors 'none'");
      expect(headers.get("strict-transport-security")).to.match(/max-age=31536000/);
      expect(headers.get("x-powered-by")).to.equal(null);
    });
  });

  describe("request ids and logs", () => {
    it("takes a well-formed request id over, and makes one otherwise", async () => {
      expect(
        (await call("GET", "/text", { headers: { "x-request-id": "abc-12345" } })).headers.get("x-request-id"),
      ).to.equal("abc-12345");
      for (const bad of ["short", "x".repeat(65), "semi;colon-123"]) {
        expect(
          (await call("GET", "/text", { headers: { "x-request-id": bad } })).headers.get("x-request-id"),
        ).not.to.equal(bad);
      }
    });

    it("logs the path as declared, never the one that was asked for, and tells the metrics", async () => {
      await call("POST", "/echo/secret-id?limit=1", {
        body: { email: "a@b.example" },
        headers: { "x-request-id": "log-test-1" },
      });
      const line = await eventually("the log line", () => lines.find((entry) => entry.includes("log-test-1")));
      expect(JSON.parse(line)).to.include({ method: "POST", route: "/echo/:id", status: 200 });
      expect(lines.join("")).not.to.match(/secret-id/);
      expect(finished.some(({ route, status }) => route === "/echo/:id" && status === 200)).to.equal(true);
    });
  });

  describe("budgets", () => {
    it("count by address, show what is left, and refuse beyond with the time to wait", async () => {
      const from = (ip: string) => call("GET", "/limited", { headers: { "x-forwarded-for": ip } });
      const first = await from("203.0.113.5");
      expect(first.body.ip).to.equal("203.0.113.5");
      expect(first.headers.get("ratelimit-policy")).to.equal('"test";q=2;w=60');
      expect(first.headers.get("ratelimit")).to.match(/^"test";r=1;t=\d+$/);
      await from("203.0.113.5");
      const third = await from("203.0.113.5");
      expectProblem(third, 429, "request.too_many");
      expect(Number(third.headers.get("retry-after"))).to.be.within(1, 60);
      expect((await from("203.0.113.6")).status).to.equal(200);
    });

    it("take the addresses of one IPv6 subscriber for one", async () => {
      const statuses = [];
      for (const suffix of ["1", "2:3", "ffff"]) {
        statuses.push(
          (await call("GET", "/limited", { headers: { "x-forwarded-for": `2001:db8:0:7::${suffix}` } })).status,
        );
      }
      expect(statuses).to.deep.equal([200, 200, 429]);
    });

    it("count a subscriber's /56 and /48 too, at four and sixteen times the budget of a /64", async () => {
      const attempt = async (ip: string) =>
        (await call("GET", "/limited", { headers: { "x-forwarded-for": ip } })).status;
      const statuses = [];
      // Two requests from each of five networks of one /56: the budget of a network is 2, of the /56 8.
      for (let network = 0; network < 5; network += 1) {
        for (let count = 0; count < 2; count += 1) statuses.push(await attempt(`2001:db8:56:10${network}::1`));
      }
      expect(statuses).to.deep.equal([...Array<number>(8).fill(200), 429, 429]);
      expect(await attempt("2001:db8:56:200::1"), "another /56 of the same /48").to.equal(200);
      // One request from each of 40 networks of one /48, each of a /56 of its own: the budget of the /48 is 32.
      const wide = await Promise.all(
        Array.from({ length: 40 }, (_, at) => attempt(`2001:db8:48:${(at * 256).toString(16)}::1`)),
      );
      expect(wide.filter((status) => status === 200)).to.have.length(32);
      expect(await attempt("2001:db8:49::1"), "another /48").to.equal(200);
    });

    it("let exactly the budget through when 64 callers race", async () => {
      const race = Array.from({ length: 64 }, () =>
        call("GET", "/limited", { headers: { "x-forwarded-for": "203.0.113.9" } }),
      );
      const statuses = (await Promise.all(race)).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200)).to.have.length(2);
      expect(statuses.filter((status) => status === 429)).to.have.length(62);
    });

    it("go on in memory while Redis does not answer", async () => {
      const gone = connectRedis({ url: "redis://127.0.0.1:1", name: "gone" });
      const budget = createBudgets({ redis: gone, prefix: "gone" })({ name: "gone", limit: 2, windowSeconds: 60 });
      const allowed = [];
      for (let taking = 0; taking < 3; taking += 1) allowed.push((await budget.take("key")).allowed);
      expect(allowed).to.deep.equal([true, true, false]);
      gone.disconnect();
    });
  });

  describe("requests that wait", () => {
    const from = (ip: string, known = "?known=x") =>
      call("GET", `/wait${known}`, { headers: { "x-forwarded-for": ip } });

    it("are rejected beyond a quarter of all for one address, and beyond all; those that ask without waiting are not", async () => {
      const held = [from("198.51.100.1"), from("198.51.100.1")];
      await eventually("two to wait", () => waiting.length === 2);
      const rejected = await from("198.51.100.1");
      expect([rejected.status, rejected.body.code, rejected.headers.get("retry-after")]).to.deep.equal([
        429,
        "request.too_many",
        "2",
      ]);
      expect((await from("198.51.100.1", "")).status).to.equal(200);
      for (let network = 2; network < 8; network += 1) held.push(from(`198.51.100.${network}`));
      await eventually("eight to wait", () => waiting.length === 8);
      expect((await from("198.51.100.99")).status).to.equal(429);
      for (const release of waiting.splice(0)) release();
      expect((await Promise.all(held)).map(({ status }) => status)).to.deep.equal(Array(8).fill(200));
      const again = from("198.51.100.1");
      await eventually("one to wait again", () => waiting.length === 1);
      waiting.pop()?.();
      expect((await again).status).to.equal(200);
    });
  });

  describe("the server", () => {
    it("cuts connections beyond its number, and beyond that of one address", async () => {
      const app = createHttpApp(ENDPOINTS, { ...parts, trustProxy: 0, onFinished: () => undefined });
      for (const limit of [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }]) {
        const small = await listen(app, { host: "127.0.0.1", port: 0, ...limit });
        const sockets = Array.from({ length: 5 }, () => connect(small.port, "127.0.0.1").on("error", () => undefined));
        let cut = 0;
        for (const socket of sockets) socket.on("close", () => (cut += 1));
        await eventually("three to be cut", () => cut === 3);
        for (const socket of sockets) socket.destroy();
        await eventually("a place to be free", async () => {
          const { status } = await ask(`http://127.0.0.1:${small.port}/text`, "GET").catch(() => ({ status: 0 }));
          return status === 200;
        });
        await small.close(500);
      }
    });

    it("tells the handler when its caller has gone away", async () => {
      const socket = connect(server.port, "127.0.0.1");
      socket.write("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
      await delay(100);
      socket.destroy();
      await eventually("the abort", () => aborted === 1);
      release();
    });

    it("stops accepting, finishes what is in hand and closes", async () => {
      const own = await listen(createHttpApp(ENDPOINTS, { ...parts, trustProxy: 0, onFinished: () => undefined }), {
        host: "127.0.0.1",
        port: 0,
      });
      const url = `http://127.0.0.1:${own.port}`;
      const slow = ask(`${url}/slow`, "GET");
      await delay(100);
      const closed = own.close(5_000);
      await delay(50);
      await ask(`${url}/text`, "GET").then(
        () => expect.fail("a closing server accepted a connection"),
        () => undefined,
      );
      release();
      expect((await slow).body).to.deep.equal({ done: true });
      expect(await closed).to.equal(true);
    });

    it("cuts at the deadline what does not finish", async () => {
      const own = await listen(createHttpApp(ENDPOINTS, { ...parts, trustProxy: 0, onFinished: () => undefined }), {
        host: "127.0.0.1",
        port: 0,
      });
      const slow = ask(`http://127.0.0.1:${own.port}/slow`, "GET").then(
        () => "answered",
        () => "cut",
      );
      await delay(100);
      expect(await own.close(100)).to.equal(false);
      expect(await slow).to.equal("cut");
      release();
    });
  });
});
