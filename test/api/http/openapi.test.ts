import { expect } from "chai";
import type { Router } from "express";
import type { OpenApiDocument } from "../../../api/http/openapi";
import { rejectionsOf } from "../../../api/http/rejections";
import { type Fixture, fixture } from "../../support/fixture";

interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  security: Record<string, string[]>[];
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { description: string; content?: Record<string, object>; "x-codes"?: string[] }>;
}

interface Mounted {
  route?: { path: string; methods: Record<string, boolean> };
  handle: { stack?: Mounted[] };
}

describe("the OpenAPI document", () => {
  let api: Fixture;
  let document: OpenApiDocument & {
    components: { schemas: object; securitySchemes: object };
    tags: { name: string }[];
  };
  const operations: { path: string; method: string; operation: Operation }[] = [];

  before(async () => {
    api = await fixture("openapi", {
      modules: ["sessions", "wallets", "control", "dids"],
      publicUrl: "https://cairn.example",
    });
    document = (await api.ask("GET", "/openapi.json")).body as unknown as typeof document;
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        operations.push({ path, method, operation: operation as unknown as Operation });
      }
    }
  });
  after(() => api.close());

  it("is OpenAPI 3.1 with a title, a version and the address people use", () => {
    expect(document.openapi).to.match(/^3\.1\.\d+$/);
    expect(document["info"]).to.include.keys("title", "version", "license");
    expect(document["servers"]).to.deep.equal([{ url: "https://cairn.example" }]);
  });

  it("holds against the OpenAPI Initiative's own schema", async () => {
    const { Validator } = await import("@seriousme/openapi-schema-validator");
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect(errors ?? []).to.deep.equal([]);
    expect(valid).to.equal(true);
  });

  it("covers every route that is mounted, and no other", () => {
    const mounted = new Set<string>();
    const walk = (stack: Mounted[]): void => {
      for (const { route, handle } of stack) {
        if (handle.stack !== undefined) walk(handle.stack);
        for (const [method, on] of Object.entries(route?.methods ?? {})) {
          if (on && method !== "_all") mounted.add(`${method} ${route!.path.replace(/:(\w+)/g, "{$1}")}`);
        }
      }
    };
    walk((api.app.router as Router & { stack: Mounted[] }).stack);
    expect(mounted.size).to.be.greaterThan(10);
    expect(new Set(operations.map(({ path, method }) => `${method} ${path}`))).to.deep.equal(mounted);
  });

  it("is well formed: unique ids, described answers, declared tags, parameters as in the paths", () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    const tags = new Set(document.tags.map(({ name }) => name));
    for (const { path, method, operation } of operations) {
      const where = `${method} ${path}`;
      expect(operation.summary, where).to.be.a("string").and.not.to.equal("");
      for (const tag of operation.tags) expect(tags.has(tag), `${where}: ${tag}`).to.equal(true);
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === "path");
      expect(
        declared.map(({ name }) => name),
        where,
      ).to.have.members(inPath);
      for (const parameter of declared) expect(parameter.required, where).to.equal(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status, where).to.match(/^([2-5]\d\d|default)$/);
        expect(response.description, where).to.be.a("string").and.not.to.equal("");
      }
      for (const requirement of operation.security) {
        for (const scheme of Object.keys(requirement))
          expect(document.components.securitySchemes).to.have.property(scheme);
      }
    }
  });

  it("holds no reference that leads nowhere", () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
    expect(references).not.to.be.empty;
    for (const reference of new Set(references)) {
      expect(reference.startsWith("#/")).to.equal(true);
      let place: unknown = document;
      for (const step of reference.slice(2).split("/")) place = (place as Record<string, unknown> | undefined)?.[step];
      expect(place, reference).to.be.an("object");
    }
  });

  it("refuses unknown fields in every request body, as the server does", () => {
    const bodies = operations.flatMap(({ operation }) => Object.values(operation.requestBody?.content ?? {}));
    expect(bodies).not.to.be.empty;
    for (const { schema } of bodies) expect(schema).to.include({ type: "object", additionalProperties: false });
  });

  it("names every refusal an operation declares, under its status", () => {
    for (const endpoint of api.endpoints) {
      const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
      const { responses } = operations.find(
        (found) => found.path === path && found.method === endpoint.method,
      )!.operation;
      const named = Object.values(responses).flatMap((response) => response["x-codes"] ?? []);
      expect(named, path).to.include.members(rejectionsOf(endpoint).map(({ code }) => code));
    }
  });

  it("asks for a session where one is needed: bearer, or cookie and, to change state, the CSRF header", () => {
    const find = (method: string, path: string) =>
      operations.find((found) => found.path === path && found.method === method)!.operation;
    expect(find("get", "/auth/session").security).to.deep.equal([{ bearer: [] }, { cookie: [] }]);
    expect(find("post", "/auth/logout").security).to.deep.equal([{ bearer: [] }, { cookie: [], csrf: [] }]);
    expect(find("post", "/auth/login").security).to.deep.equal([]);
  });

  it("explains each code where the type of a problem points", async () => {
    const { body } = await api.ask("GET", "/auth/session");
    const { pathname } = new URL(body.type);
    const explained = await api.ask("GET", pathname);
    expect(explained.body).to.include({ code: "session.missing", status: 401 });
    expect(explained.body.operations).to.include("GET /auth/session");
    expect((await api.ask("GET", "/problems/no.such")).body.code).to.equal("problem.unknown");
  });

  it("is sent as the bytes it was written as once, and not again to whoever has them", async () => {
    const first = await api.ask("GET", "/openapi.json");
    const etag = first.headers.get("etag") ?? "";
    expect(etag).to.match(/^"[0-9a-f]{32}"$/);
    expect(first.headers.get("content-type")).to.match(/^application\/json/);
    const headers = { "if-none-match": `"other", W/${etag}` };
    const again = await api.ask("GET", "/openapi.json", { headers });
    expect([again.status, again.text, again.headers.get("etag")]).to.deep.equal([304, "", etag]);
    expect((await api.ask("GET", "/openapi.json", { headers: { "if-none-match": '"other"' } })).text).to.equal(
      first.text,
    );
  });

  it("is shown at /docs by scripts and styles of this origin alone, none of them inline", async () => {
    const page = await api.ask("GET", "/docs");
    expect(page.headers.get("content-type")).to.match(/^text\/html/);
    const policy = page.headers.get("content-security-policy")!;
    expect(policy)
      .to.include("default-src 'none'")
      .and.include("script-src 'self'")
      .and.not.to.match(/unsafe|\*/);
    expect(page.text).not.to.match(/<script>|<style>|style=|onload=|https?:\/\//);
    const parts = [...page.text.matchAll(/(?:src|href)="(\/docs\/assets\/[^"]+)"/g)].map(([, path]) => path!);
    expect(parts).to.have.length(3);
    for (const path of parts) {
      const { status, headers, text } = await api.ask("GET", path);
      expect([path, status]).to.deep.equal([path, 200]);
      expect(headers.get("content-type")).to.match(path.endsWith(".css") ? /^text\/css/ : /^text\/javascript/);
      expect(text.length).to.be.greaterThan(50);
    }
    expect((await api.ask("GET", "/docs/assets/..%2fpackage.json")).status).to.equal(400);
  });
});
