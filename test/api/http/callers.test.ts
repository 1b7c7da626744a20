import { randomBytes } from "node:crypto";
import { expect } from "chai";
import type { Redis } from "ioredis";
import { z } from "zod";
import { defineEndpoint, type Endpoint } from "../../../api/http/endpoint";
import { createHttpApp, type HttpAppDeps } from "../../../api/http/httpApp";
import { describeApi } from "../../../api/http/openapi";
import { createBudgets } from "../../../core/budgets";
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
    method: "get",
    path: "/keys",
    auth: "verifier",
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
  const lookedAt = new Set<string>();
  const revoked = new Set<string>();

  before(async () => {
    const prefix = `test-callers-${randomBytes(4).toString("hex")}`;
    redis = connectRedis({ url: testRedisUrl(), name: prefix });
    await redis.ping();
    parts = {
      readSession: () => Promise.reject(new Error("no session is read here")),
      readApiKey: (kind, key) => {
        lookedAt.add(key);
        if (revoked.has(key)) return Promise.reject(new DomainError("api_key.revoked", "unauthenticated", "Revoked."));
        return key.endsWith("good")
          ? Promise.resolve({ accountId: `${kind}-1`, keyId: "key-1" })
          : Promise.reject(new DomainError("api_key.unknown", "unauthenticated", "Nobody has this key."));
      },
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

  it("of wrong keys that one address brings at once, 30 are looked at, all others answered 429 with Retry-After", async () => {
    const from = (address: string, token: string) =>
      call("GET", "/keys", { token, headers: { "x-forwarded-for": address } });
    lookedAt.clear();
    const answers = await Promise.all(
      Array.from({ length: 128 }, (_, index) => from("198.51.100.1", `CAIRN-VER-wrong-${index}`)),
    );
    const codes = answers.map(({ status, body }) => `${status} ${body.code}`);
    expect(codes.filter((code) => code === "401 api_key.unknown")).to.have.length(30);
    expect(codes.filter((code) => code === "429 request.too_many")).to.have.length(98);
    expect(lookedAt.size).to.equal(30);
    for (const { headers } of answers.filter(({ status }) => status === 429)) {
      expect(Number(headers.get("retry-after"))).to.be.within(1, 900);
    }
    // A right key would tell a guesser that it is right.
    expect((await from("198.51.100.1", "CAIRN-VER-2-good")).status).to.equal(429);
    expect((await from("198.51.100.2", "CAIRN-VER-2-good")).status).to.equal(200);
    expect((await from("198.51.100.1", "CAIRN-VER-2-good")).status).to.equal(200);
  });

  it("an IPv6 subscriber's /56 brings at most 120 wrong keys, from however many of its networks", async () => {
    const answers = await Promise.all(
      Array.from({ length: 160 }, (_, index) => {
        const address = `2001:db8:7:${(index % 16).toString(16)}::1`;
        return call("GET", "/keys", {
          token: `CAIRN-VER-wrong6-${index}`,
          headers: { "x-forwarded-for": address },
        });
      }),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).to.have.length(120);
    expect(statuses.filter((status) => status === 429)).to.have.length(40);
  });

  it("right keys cost nothing: 128 new ones in turn and one 128 times at once are all answered", async () => {
    const from = (token: string) => call("GET", "/keys", { token, headers: { "x-forwarded-for": "198.51.100.3" } });
    for (let index = 0; index < 128; index += 1) {
      expect((await from(`CAIRN-VER-${index}-good`)).status).to.equal(200);
    }
    const answers = await Promise.all(Array.from({ length: 128 }, () => from("CAIRN-VER-once-good")));
    expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200]));
  });

  it("a key that was right and is revoked counts as wrong from then on", async () => {
    const from = (token: string) => call("GET", "/keys", { token, headers: { "x-forwarded-for": "198.51.100.4" } });
    expect((await from("CAIRN-VER-revocable-good")).status).to.equal(200);
    revoked.add("CAIRN-VER-revocable-good");
    const codes = [];
    for (let index = 0; index < 32; index += 1) codes.push((await from("CAIRN-VER-revocable-good")).body.code);
    expect(codes.filter((code) => code === "api_key.revoked")).to.have.length(31);
    expect(codes[31]).to.equal("request.too_many");
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
