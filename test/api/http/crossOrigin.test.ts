import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { defineEndpoint } from "../../../api/http/endpoint";
import { mountEndpoints, type RouterDeps } from "../../../api/http/router";
import { chromiumPath, startChromium } from "../../support/chromium";
import { type Fixture, fixture } from "../../support/fixture";

const STRANGER = "https://stranger.example";

describe("pages of other origins", () => {
  let pages: Server;
  let friend: string;
  let api: Fixture;
  before(async () => {
    pages = createServer((_request, response) => {
      response.setHeader("content-type", "text/html").end("<title>elsewhere</title>");
    });
    await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
    friend = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    api = await fixture("cross-origin", { config: { http: { corsOrigins: [friend] } } });
  });
  after(async () => {
    await api.close();
    pages.close();
  });

  const from = (origin: string, headers: Record<string, string> = {}) => ({ headers: { origin, ...headers } });
  const allowed = (answer: { headers: Headers }) => answer.headers.get("access-control-allow-origin");

  it("read public data, its refusals too, from wherever they are", async () => {
    for (const path of [
      "/openapi.json",
      "/problems",
      "/problems/did.unknown",
      "/1.0/identifiers/did:mychain:nobody",
      "/audit/events?limit=none",
      "/.well-known/oauth-authorization-server",
    ]) {
      const answer = await api.ask("GET", path, from(STRANGER));
      expect(allowed(answer), path).to.equal("*");
      expect(answer.headers.get("cross-origin-resource-policy"), path).to.equal("cross-origin");
      expect(answer.headers.get("access-control-allow-credentials"), path).to.equal(null);
    }
  });

  it("are let in for every public read there is, and for nothing that asks who calls", () => {
    const open = api.endpoints.filter(({ forEveryOrigin }) => forEveryOrigin === true);
    expect(open.every(({ method, auth }) => method === "get" && auth === "none")).to.equal(true);
    const paths = new Set(open.map(({ path }) => path));
    const areas = ["/1.0/", "/status-lists/", "/audit/", "/openapi.json", "/problems", "/.well-known/"];
    const forgotten = api.endpoints.filter(
      ({ method, path }) => method === "get" && areas.some((area) => path.startsWith(area)) && !paths.has(path),
    );
    expect(forgotten.map(({ path }) => path)).to.deep.equal([]);
  });

  it("of unknown origins read nothing else, and of configured ones everything, with cookies", async () => {
    const stranger = await api.ask("GET", "/auth/session", from(STRANGER));
    expect(allowed(stranger)).to.equal(null);
    expect(stranger.headers.get("cross-origin-resource-policy")).to.equal("same-origin");
    expect(stranger.headers.get("vary")).to.match(/Origin/);
    const own = await api.ask("GET", "/auth/session", from(friend));
    expect(own.status).to.equal(401);
    expect(allowed(own)).to.equal(friend);
    expect(own.headers.get("access-control-allow-credentials")).to.equal("true");
  });

  it("ask before a POST what is allowed", async () => {
    const preflight = {
      "access-control-request-method": "POST",
      "access-control-request-headers": "content-type,x-csrf-token",
    };
    const own = await api.ask("OPTIONS", "/auth/login", from(friend, preflight));
    expect(own.status).to.equal(204);
    expect(allowed(own)).to.equal(friend);
    expect(own.headers.get("access-control-allow-methods")).to.equal("POST");
    expect(own.headers.get("access-control-allow-headers")).to.equal("content-type,x-csrf-token");
    expect(allowed(await api.ask("OPTIONS", "/auth/login", from(STRANGER, preflight)))).to.equal(null);
    const tagged = { "access-control-request-method": "GET", "access-control-request-headers": "if-none-match" };
    const open = await api.ask("OPTIONS", "/openapi.json", from(STRANGER, tagged));
    expect(allowed(open)).to.equal("*");
    expect(open.headers.get("access-control-allow-headers")).to.equal("if-none-match");
    const missing = { "access-control-request-method": "DELETE" };
    expect(allowed(await api.ask("OPTIONS", "/openapi.json", from(STRANGER, missing)))).to.equal(null);
  });

  it("never read what is answered to a caller: an endpoint cannot be declared so", () => {
    const contradictory = defineEndpoint({
      method: "get",
      path: "/mine",
      tag: "Test",
      summary: "test",
      auth: "session",
      forEveryOrigin: true,
      replies: { 200: { description: "ok" } },
      handle: () => Promise.resolve({ status: 200 }),
    });
    expect(() => mountEndpoints([contradictory], {} as RouterDeps)).to.throw("GET /mine is for every origin");
  });

  it("are kept to it by a browser", async function () {
    const path = chromiumPath();
    if (path === undefined) return this.skip();
    const browser = await startChromium(path);
    try {
      const tab = await browser.openTab();
      const status = (of: string) =>
        tab.evaluate(`fetch("${api.url}${of}").then((answer) => answer.status, () => "blocked")`);
      await tab.goto(friend);
      expect([await status("/problems"), await status("/auth/session")]).to.deep.equal([200, 401]);
      await tab.goto(friend.replace("127.0.0.1", "localhost"));
      expect([await status("/problems"), await status("/auth/session")]).to.deep.equal([200, "blocked"]);
    } finally {
      await browser.close();
    }
  });
});
