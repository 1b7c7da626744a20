import { expect } from "chai";
import { randomBytes, randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { z } from "zod";
import { defineEndpoint } from "../../../api/http/endpoint";
import { createInternalApp } from "../../../api/http/internalApp";
import { defineModule } from "../../../api/http/module";
import { createPublicApp } from "../../../api/http/publicApp";
import { type HttpServer, listen } from "../../../api/http/server";
import { systemClock } from "../../../core/clock";
import { loadConfig } from "../../../core/config/config";
import { DomainError } from "../../../core/errors";
import { createLogger } from "../../../core/logger";
import { connectRedis } from "../../../core/redis";
import { ask } from "../../support/ask";
import { testRedisUrl } from "../../support/servers";
import { askAsGateway, newServiceKey, signServiceToken } from "../../support/serviceTokens";

const base = { tag: "Test", summary: "test", replies: { 200: { description: "ok" } } };
const revoked = randomUUID();

const MODULE = defineModule({
  name: "test",
  ports: {},
  endpoints: [
    defineEndpoint({
      ...base,
      method: "get",
      path: "/for-everybody",
      auth: "none",
      handle: () => Promise.resolve({ status: 200, body: {} }),
    }),
    defineEndpoint({
      ...base,
      port: "internal",
      method: "get",
      path: "/api/v1/internal/where",
      auth: "none",
      handle: (_input, { ip }) => Promise.resolve({ status: 200, body: { ip } }),
    }),
    defineEndpoint({
      ...base,
      port: "internal",
      method: "post",
      path: "/api/v1/public/auth/knock",
      auth: "none",
      body: z.strictObject({ name: z.string() }),
      limit: { name: "test-knock", limit: 2, windowSeconds: 60, by: "address" },
      handle: ({ body }, { ip }) => Promise.resolve({ status: 200, body: { ...body, ip } }),
    }),
    defineEndpoint({
      ...base,
      port: "internal",
      method: "patch",
      path: "/api/v1/user/who",
      auth: "command",
      limit: { name: "test-who", limit: 2, windowSeconds: 60, by: "user" },
      handle: ({ caller }, { ip }) => Promise.resolve({ status: 200, body: { ...caller, ip } }),
    }),
  ],
});

describe("the internal port", () => {
  const key = newServiceKey();
  const other = newServiceKey();
  const undeclared: string[] = [];
  const asked: unknown[] = [];
  let redis: Redis;
  let servers: HttpServer[];
  let url: string;
  let publicUrl: string;

  before(async () => {
    const prefix = `test-internal-${randomBytes(4).toString("hex")}`;
    redis = connectRedis({ url: testRedisUrl(), name: prefix });
    await redis.ping();
    const config = loadConfig("api", { NODE_ENV: "test", REDIS_PREFIX: prefix });
    const logger = createLogger({ processName: "api", logLevel: "silent" });
    const context = { config, clock: systemClock, logger, redis, metrics: new Registry() };
    const onUndeclared = (what: string) => void undeclared.push(what);
    const internal = createInternalApp(context, [MODULE], {
      publicKeys: [key.publicKey],
      authenticateDevice(device) {
        asked.push(device);
        if (device.deviceSessionId !== revoked) return Promise.resolve();
        return Promise.reject(new DomainError("session.revoked", "unauthenticated", "It was ended."));
      },
      onUndeclared,
    });
    const unused = () => Promise.reject(new Error("nothing of this is read here"));
    const published = createPublicApp(context, [MODULE], {
      readSession: unused,
      readApiKey: unused,
      readiness: () => Promise.resolve({ status: "ready", dependencies: {} }),
      onUndeclared,
    });
    const at = { host: "127.0.0.1", port: 0 };
    servers = await Promise.all([listen(internal.app, at), listen(published.app, at)]);
    [url = "", publicUrl = ""] = servers.map(({ port }) => `http://127.0.0.1:${port}`);
  });

  after(async () => {
    await Promise.all(servers.map((server) => server.close(1_000)));
    redis.disconnect();
    expect(undeclared).to.deep.equal([]);
  });

  it("answers nobody without a token of a known gateway, whatever the path", async () => {
    for (const path of ["/api/v1/internal/where", "/api/v1/user/who", "/nowhere", "/for-everybody"]) {
      expect((await ask(`${url}${path}`, "GET")).body.code).to.equal("service_token.missing");
      const basic = await ask(`${url}${path}`, "GET", { headers: { authorization: "Basic YTpi" } });
      expect(basic.body.code).to.equal("service_token.missing");
      const foreign = await askAsGateway({ url, key: other }, "GET", path);
      expect([foreign.status, foreign.body.code]).to.deep.equal([401, "service_token.invalid"]);
    }
    const old = await askAsGateway({ url, key }, "GET", "/nowhere", { issuedAt: new Date(Date.now() - 90_000) });
    expect([old.status, old.body.code]).to.deep.equal([401, "service_token.expired"]);
  });

  it("serves its own operations alone, and the public port none of them", async () => {
    expect((await askAsGateway({ url, key }, "GET", "/api/v1/internal/where")).status).to.equal(200);
    expect((await askAsGateway({ url, key }, "GET", "/for-everybody")).body.code).to.equal("request.unknown_path");
    const token = await signServiceToken(key);
    expect((await ask(`${publicUrl}/for-everybody`, "GET")).status).to.equal(200);
    for (const [method, path] of [
      ["GET", "/api/v1/internal/where"],
      ["PATCH", "/api/v1/user/who"],
    ] as const) {
      expect((await ask(`${publicUrl}${path}`, method, { token })).body.code).to.equal("request.unknown_path");
    }
  });

  it("believes the gateway whose address its caller has, and nobody else", async () => {
    const knock = (clientAddress: string | null, headers = {}) =>
      askAsGateway({ url, key }, "POST", "/api/v1/public/auth/knock", { clientAddress, headers, body: { name: "a" } });
    expect((await knock("2001:db8::7")).body).to.deep.equal({ name: "a", ip: "2001:db8::7" });
    expect((await knock("192.0.2.7", { "x-forwarded-for": "203.0.113.9" })).body["ip"]).to.equal("192.0.2.7");
    for (const wrong of [null, "", "here", "192.0.2.7, 192.0.2.8", "192.0.2.256"]) {
      const answer = await knock(wrong);
      expect([answer.status, answer.body.code], String(wrong)).to.deep.equal([400, "client_address.invalid"]);
    }
    const forged = await ask(`${publicUrl}/for-everybody`, "GET", { headers: { "x-cairn-client-address": "here" } });
    expect(forged.status).to.equal(200);
  });

  it("needs no address where the gateway asks for itself", async () => {
    const answer = await askAsGateway({ url, key }, "GET", "/api/v1/internal/where", { clientAddress: null });
    expect(answer.status).to.equal(200);
  });

  it("counts budgets by the address of the gateway's caller, and by the user", async () => {
    const knock = (clientAddress: string) =>
      askAsGateway({ url, key }, "POST", "/api/v1/public/auth/knock", { clientAddress, body: { name: "a" } });
    for (const clientAddress of ["198.51.100.1", "198.51.100.2"]) {
      const statuses = [await knock(clientAddress), await knock(clientAddress), await knock(clientAddress)];
      expect(statuses.map(({ status }) => status)).to.deep.equal([200, 200, 429]);
    }
    const [userId, deviceSessionId] = [randomUUID(), randomUUID()];
    const who = () => askAsGateway({ url, key }, "PATCH", "/api/v1/user/who", { userId, deviceSessionId });
    expect([await who(), await who(), await who()].map(({ status }) => status)).to.deep.equal([200, 200, 429]);
  });

  it("hands a command the user and session of the token, once the session was read anew", async () => {
    const [userId, deviceSessionId, requestId] = [randomUUID(), randomUUID(), randomUUID()];
    const before = asked.length;
    const as = { userId, deviceSessionId, requestId };
    const answer = await askAsGateway({ url, key }, "PATCH", "/api/v1/user/who", as);
    expect(answer.body).to.deep.equal({
      userId,
      sessionId: deviceSessionId,
      via: "bearer",
      commandId: requestId,
      ip: "192.0.2.1",
    });
    expect(asked.slice(before)).to.deep.equal([{ deviceSessionId, userId }]);
  });

  it("refuses a command without a user, and one of a session that is over", async () => {
    const nobody = await askAsGateway({ url, key }, "PATCH", "/api/v1/user/who");
    expect([nobody.status, nobody.body.code]).to.deep.equal([401, "service_token.no_user"]);
    const as = { userId: randomUUID(), deviceSessionId: revoked };
    const over = await askAsGateway({ url, key }, "PATCH", "/api/v1/user/who", as);
    expect([over.status, over.body.code]).to.deep.equal([401, "session.revoked"]);
  });

  it("describes itself to gateways, and the public description names nothing of it but its codes", async () => {
    const described = await askAsGateway({ url, key }, "GET", "/api/v1/internal/openapi.json");
    expect(Object.keys(described.body["paths"] as object)).to.deep.equal([
      "/api/v1/internal/where",
      "/api/v1/public/auth/knock",
      "/api/v1/user/who",
      "/api/v1/internal/openapi.json",
    ]);
    expect(described.body["paths"]["/api/v1/user/who"].patch.security).to.deep.equal([{ service: [] }]);
    const published = await ask(`${publicUrl}/openapi.json`, "GET");
    expect(published.text).not.to.match(/api\/v1|service/);
    for (const code of ["service_token.invalid", "client_address.invalid"]) {
      expect((await ask(`${publicUrl}/problems/${code}`, "GET")).status).to.equal(200);
    }
  });

  it("is for commands alone: a command on the public port is refused when it is declared", () => {
    const command = MODULE.endpoints.find(({ auth }) => auth === "command")!;
    const { port: _port, ...onPublicPort } = command;
    const wrong = { ...MODULE, endpoints: [onPublicPort] };
    const context = {
      config: loadConfig("api", { NODE_ENV: "test" }),
      clock: systemClock,
      logger: createLogger({ processName: "api", logLevel: "silent" }),
      redis,
      metrics: new Registry(),
    };
    const unused = () => Promise.reject(new Error("nothing of this is read here"));
    const readiness = () => Promise.resolve({ status: "ready" as const, dependencies: {} });
    expect(() => createPublicApp(context, [wrong], { readSession: unused, readApiKey: unused, readiness })).to.throw(
      "is a command, which the internal port alone may serve",
    );
  });
});
