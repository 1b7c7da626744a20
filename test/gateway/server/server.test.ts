import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createConnectTransport } from "@connectrpc/connect-web";
import { expect } from "chai";
import { once } from "node:events";
import { connect } from "node:net";
import { GatewayService } from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gateway/gen/grpc/health/v1/health_pb";
import { eventually } from "../../support/eventually";
import { type GatewayFixture, gatewayFixture, rejected } from "../../support/gateway/gatewayFixture";
import type { TestGateway } from "../../support/gateway/startGateway";

const PAGE = "https://app.example.com";
const EXECUTE = "/cairn.gateway.v1.GatewayService/ExecuteCommand";

describe("the gateway's ports", () => {
  let fixture: GatewayFixture;
  let gateway: TestGateway;

  before(async () => {
    fixture = await gatewayFixture();
    gateway = await fixture.start({ gateway: { corsOrigins: [PAGE], trustProxy: 1 } });
  });
  after(() => fixture.close());

  const healthOf = ({ grpc, http }: TestGateway) => ({
    "gRPC over HTTP/2": createClient(Health, createGrpcTransport({ baseUrl: `http://${grpc}` })),
    "Connect over HTTP/1.1": createClient(Health, createConnectTransport({ baseUrl: http })),
  });

  async function codeOf(call: Promise<unknown>): Promise<Code> {
    return ConnectError.from(
      await call.then(
        () => new Error("answered"),
        (error: unknown) => error,
      ),
    ).code;
  }

  it("tell load balancers that they serve, of each service and the whole, over either protocol", async () => {
    for (const [protocol, health] of Object.entries(healthOf(gateway))) {
      for (const service of ["", GatewayService.typeName, Health.typeName]) {
        expect((await health.check({ service })).status, `${protocol} ${service}`).to.equal(Status.SERVING);
      }
      expect(await codeOf(health.check({ service: "cairn.other" })), protocol).to.equal(Code.NotFound);
    }
  });

  it("tell who watches when they stop, and let go", async () => {
    const own = await fixture.start();
    const seen: Status[] = [];
    const watching = (async () => {
      for await (const { status } of healthOf(own)["gRPC over HTTP/2"].watch({ service: "" })) seen.push(status);
    })();
    await eventually("the first status", () => seen.length === 1);
    expect(await own.close(20_000), "nothing had to be cut").to.equal(true);
    await watching;
    expect(seen).to.deep.equal([Status.SERVING, Status.NOT_SERVING]);
  });

  it("answer browsers of the configured origins alone", async () => {
    const preflight = (origin: string) =>
      fetch(`${gateway.http}${EXECUTE}`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "x-grpc-web" },
      });
    const allowed = await preflight(PAGE);
    expect(allowed.status).to.equal(204);
    expect(allowed.headers.get("access-control-allow-origin")).to.equal(PAGE);
    expect(allowed.headers.get("access-control-allow-headers")?.toLowerCase())
      .to.include("x-grpc-web")
      .and.include("connect-protocol-version")
      .and.include("last-event-id");
    expect(allowed.headers.get("access-control-allow-credentials"), "no cookies").to.equal(null);
    const refused = await preflight("https://evil.example.com");
    expect(refused.headers.get("access-control-allow-origin")).to.equal(null);
    const jwks = await fetch(`${gateway.http}/.well-known/cairn-gateway-keys`, {
      headers: { origin: "https://any.example" },
    });
    expect(jwks.headers.get("access-control-allow-origin"), "public data is every page's").to.equal("*");
  });

  it("name the caller as the trusted proxy does, and not as callers do", async () => {
    const actor = await fixture.newActor();
    const { envelope, payloadBytes, signature } = actor.command("kyc.status");
    const transport = createConnectTransport({
      baseUrl: gateway.http,
      interceptors: [
        (next) => (request) => {
          request.header.set("x-forwarded-for", "198.51.100.1, 203.0.113.9");
          return next(request);
        },
      ],
    });
    await createClient(GatewayService, transport).executeCommand({ envelope, payloadBytes, signature });
    expect(fixture.api.requests.at(-1)?.address).to.equal("203.0.113.9");
  });

  it("refuse messages above the limit, compressed ones, and JSON that is none", async () => {
    const call = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
      fetch(`${gateway.http}${EXECUTE}`, {
        method: "POST",
        headers: { "content-type": "application/json", "connect-protocol-version": "1", ...headers },
        body,
      });
    const large = await call(JSON.stringify({ payloadBytes: "A".repeat(100_000) }));
    expect([large.status, ((await large.json()) as { code: string }).code]).to.deep.equal([429, "resource_exhausted"]);
    const compressed = await call(new Uint8Array([31, 139, 8]), { "content-encoding": "gzip" });
    expect(((await compressed.json()) as { code: string }).code).to.equal("unimplemented");
    expect((await call("{")).status).to.equal(400);
  });

  it("answer unknown paths and methods by problem details", async () => {
    const unknown = await fetch(`${gateway.http}/nowhere`);
    expect(unknown.status).to.equal(404);
    expect(unknown.headers.get("content-type")).to.equal("application/problem+json");
    const id = unknown.headers.get("x-request-id");
    expect(await unknown.json()).to.include({ code: "request.unknown_path", status: 404, requestId: id });
    const wrong = await fetch(`${gateway.http}/.well-known/cairn-gateway-keys`, { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).to.deep.equal([405, "GET"]);
  });

  it("survive what is no request: no Host, one that is no host, a method that is no call's", async () => {
    const port = Number(new URL(gateway.http).port);
    const send = async (text: string) => {
      const socket = connect(port, "127.0.0.1");
      let answer = "";
      socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      socket.end(text);
      await once(socket, "close");
      return answer.split("\r\n")[0];
    };
    const head = `POST ${EXECUTE} HTTP/1.1\r\nConnection: close\r\nContent-Type: application/proto\r\nContent-Length: 0\r\n`;
    expect(await send(`${head}Host: a b[\r\n\r\n`)).to.equal("HTTP/1.1 400 Bad Request");
    expect(await send(`POST ${EXECUTE} HTTP/1.0\r\nContent-Type: application/proto\r\n\r\n`)).to.match(
      /^HTTP\/1\.1 400/,
    );
    const get = await fetch(`${gateway.http}${EXECUTE}`);
    expect(get.status).to.equal(405);
    expect((await healthOf(gateway)["gRPC over HTTP/2"].check({})).status).to.equal(Status.SERVING);
  });

  it("finish what they have in hand when they stop, refuse what is new, and end", async () => {
    const own = await fixture.start();
    const actor = await fixture.newActor();
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    fixture.api.answer = async () => {
      await released;
      return { status: 200, body: { done: true } };
    };
    const callers = ["gRPC (grpc-js)", "Connect, JSON"].map((protocol) => fixture.caller(protocol, own));
    const before = fixture.api.requests.length;
    const inHand = callers.map((caller) => caller.execute(actor.command("kyc.status")));
    await eventually("the commands to reach the API", () => fixture.api.requests.length === before + 2);
    const closing = own.close(20_000);
    await eventually("the port to be closed", () =>
      fetch(own.http).then(
        () => false,
        () => true,
      ),
    );
    const late = fixture.caller("gRPC (grpc-js)", own);
    expect((await rejected(late.execute(actor.command("kyc.status")))).code).to.equal(Code.Unavailable);
    release();
    for (const answer of await Promise.all(inHand)) expect(answer.envelope?.resultCode).to.equal("ok");
    expect(await closing, "nothing had to be cut").to.equal(true);
    fixture.api.answer = undefined;
  });

  it("cut what is not finished at the deadline", async () => {
    const own = await fixture.start();
    const actor = await fixture.newActor();
    fixture.api.answer = () => new Promise(() => undefined);
    const callers = ["gRPC (grpc-js)", "Connect, JSON"].map((protocol) => fixture.caller(protocol, own));
    const before = fixture.api.requests.length;
    const calls = callers.map((caller) => rejected(caller.execute(actor.command("kyc.status"))));
    await eventually("the commands to reach the API", () => fixture.api.requests.length === before + 2);
    expect(await own.close(50)).to.equal(false);
    const ends = await Promise.all(calls);
    expect(ends.map(({ code }) => code)).to.not.include(Code.Internal);
    fixture.api.answer = undefined;
  });
});
