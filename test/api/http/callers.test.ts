import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { Redis } from "ioredis";
import { z } from "zod";
import { defineEndpoint, type Endpoint } from "../../../api/http/endpoint";
import { createHttpApp, type HttpAppDeps } from "../../../api/http/httpApp";
import { describeApi } from "../../../api/http/openapi";
import { createBudgets } from "../../../api/http/rateLimit";
import { type HttpServer, listen } from "../../../api/http/server";
import { sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import { type Answer, ask, type AskOptions } from "../../support/ask";
import { testRedisUrl } from "../../support/servers";

const RAW_LIMIT = 64;
const base = { tag: "Test", summary: "test", replies: { 200: { description: "ok" } } };

const ENDPOINTS: Endpoint[] = [
  defineEndpoint({
    ...base,
    method: "get",
    path: "/verifier",
    auth: "verifier",
    limit: { name: "by-account", limit: 3, windowSeconds: 60, by: "user" },
    handle: ({ caller }) => Promise.resolve({ status: 200, body: caller }),
  }),
  defineEndpoint({
    ...base,
    method: "post",
    path: "/hook/:provider",
    auth: "none",
    params: z.strictObject({ provider: z.string() }),
    rawBody: { limitBytes: RAW_LIMIT },
    handle: ({ params, body }) =>
      Promise.resolve({ status: 200, body: { ...params, bytes: body.length, hash: sha256Hex(body) } }),
  }),
];

describe("callers and bodies of other kinds", () => {
  let server: HttpServer;
  let redis: Redis;
  let parts: HttpAppDeps;

  before(async () => {
    const prefix = `test-callers-${randomBytes(4).toString("hex")}`;
    redis = connectRedis({ url: testRedisUrl(), name: prefix });
    await redis.ping();
    parts = {
      readSession: () => Promise.reject(new Error("no session is read here")),
      readApiKey: (kind, key) =>
        key.endsWith("good")
          ? Promise.resolve({ accountId: `${kind}-1`, keyId: "key-1" })
          : Promise.reject(new DomainError("api_key.unknown", "unauthenticated", "Nobody has this key.")),
      createBudget: createBudgets({ redis, prefix }),
      bodyLimitBytes: 1_000,
      publicUrl: "https://cairn.example",
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      trustProxy: 1,
      onFinished: () => undefined,
      onUndeclared: (what) => expect.fail(what),
    };
    server = await listen(createHttpApp(ENDPOINTS, parts), { host: "127.0.0.1", port: 0 });
  });
  after(async () => {
    await server.close(500);
    await redis.quit();
  });

  const call = (method: string, path: string, options: AskOptions = {}): Promise<Answer> =>
    ask(`http://127.0.0.1:${server.port}${path}`, method, options);

  it("an API key names its account, and budgets count by that wherever it calls from", async () => {
    const statuses = [];
    for (const address of ["203.0.113.1", "203.0.113.2", "203.0.113.3", "203.0.113.4"]) {
      const options = { token: "CAIRN-VER-good", headers: { "x-forwarded-for": address } };
      const { status, body } = await call("GET", "/verifier", options);
      statuses.push(status);
      if (status === 200) expect(body).to.deep.equal({ accountId: "verifier-1", keyId: "key-1" });
    }
    expect(statuses).to.deep.equal([200, 200, 200, 429]);
  });

  it("no key, a session's token, another kind of key and an unknown key are each told apart", async () => {
    const cases: [AskOptions, number, string][] = [
      [{}, 401, "api_key.missing"],
      [{ cookie: "__Host-cairn-session=CAIRN-VER-good" }, 401, "api_key.missing"],
      [{ token: `SES-${"x".repeat(43)}` }, 401, "api_key.missing"],
      [{ token: "CAIRN-ISS-good" }, 403, "api_key.wrong_kind"],
      [{ token: "CAIRN-VER-bad" }, 401, "api_key.unknown"],
    ];
    for (const [options, status, code] of cases) {
      const answer = await call("GET", "/verifier", options);
      expect([answer.status, answer.body.code]).to.deep.equal([status, code]);
      expect(answer.text).not.to.include("good");
    }
  });

  it("an endpoint that needs keys is not mounted where nothing reads them", () => {
    const without = { ...parts };
    delete without.readApiKey;
    expect(() => createHttpApp(ENDPOINTS, without)).to.throw("GET /verifier needs API keys");
  });

  it("a raw body arrives byte for byte, whatever it claims to be, also when there is none", async () => {
    const text = '{"broken": \u0000 json';
    for (const type of ["application/json", "text/plain", "application/x-www-form-urlencoded"]) {
      const { body } = await call("POST", "/hook/acme", { body: text, headers: { "content-type": type } });
      expect(body).to.deep.equal({ provider: "acme", bytes: text.length, hash: sha256Hex(text) });
    }
    expect((await call("POST", "/hook/acme")).body["bytes"]).to.equal(0);
  });

  it("a raw body over its endpoint's own limit, or compressed, is refused", async () => {
    const large = await call("POST", "/hook/acme", { body: "x".repeat(RAW_LIMIT + 1) });
    expect([large.status, large.body.code, large.body["maxBytes"]]).to.deep.equal([
      413,
      "request.too_large",
      RAW_LIMIT,
    ]);
    const zipped = await call("POST", "/hook/acme", { body: "x", headers: { "content-encoding": "gzip" } });
    expect([zipped.status, zipped.body.code]).to.deep.equal([415, "request.unsupported_media_type"]);
  });

  it("are described: the scheme of the key, and a body of any type", () => {
    const { paths } = describeApi(ENDPOINTS, { version: "1", publicUrl: "https://cairn.example" });
    expect(paths["/verifier"]?.["get"]?.["security"]).to.deep.equal([{ verifierKey: [] }]);
    expect(paths["/hook/{provider}"]?.["post"]?.["requestBody"]).to.deep.equal({ content: { "*/*": {} } });
  });
});
