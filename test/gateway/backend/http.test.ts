import { expect } from "chai";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { TransientError } from "../../../core/errors";
import { type BackendConnection, createBackendConnection } from "../../../gateway/backend/http";

describe("the connection to the API", () => {
  let received: { method: string; url: string; connection: number }[];
  let respond: (request: IncomingMessage, response: ServerResponse) => void;
  let connection: BackendConnection;
  const sockets = new Map<unknown, number>();
  const server = createServer((request, response) => {
    const number = sockets.get(request.socket) ?? sockets.size + 1;
    sockets.set(request.socket, number);
    received.push({ method: request.method ?? "", url: request.url ?? "", connection: number });
    request.resume();
    respond(request, response);
  });

  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  beforeEach(() => {
    received = [];
    respond = (_request, response) => response.end("{}");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base/`;
    connection = createBackendConnection({ url, timeoutMs: 1_000 });
  });
  afterEach(() => connection.close());
  after(() => {
    server.close();
    server.closeAllConnections();
  });

  const read = () => connection.send({ method: "GET", path: "/a?b=1", headers: {} });
  const write = (headers: Record<string, string> = {}) =>
    connection.send({ method: "POST", path: "/a", headers, body: Buffer.from("{}") });
  const failure = async (sending: Promise<unknown>) =>
    sending.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("is kept between requests, below the path that was given", async () => {
    for (let index = 0; index < 3; index += 1) await read();
    expect(received.map(({ url }) => url)).to.deep.equal(Array(3).fill("/base/a?b=1"));
    expect(new Set(received.map((request) => request.connection)).size).to.equal(1);
  });

  /** The other side closes a connection that was kept, as the next request is on its way. */
  async function closeNext(): Promise<void> {
    await read();
    let isFirst = true;
    received = [];
    respond = (request, response) => {
      if (isFirst) request.socket.resetAndDestroy();
      else response.end("{}");
      isFirst = false;
    };
  }

  it("that was closed while it was idle is made anew for reads, and for writes that happen once", async () => {
    await closeNext();
    expect((await read()).status).to.equal(200);
    await closeNext();
    expect((await write({ "idempotency-key": "1" })).status).to.equal(200);
    expect(received).to.have.length(2);
  });

  it("that was closed is not made anew for what may have happened", async () => {
    await closeNext();
    expect(await failure(write())).to.be.instanceOf(TransientError);
    expect(received).to.have.length(1);
  });

  it("fails when there is no answer in time, none at all, or one that breaks off", async () => {
    respond = () => undefined;
    expect(await failure(read()), "in time").to.be.instanceOf(TransientError);
    respond = (_request, response) => {
      response.writeHead(200, { "content-length": "100" }).write("{");
      setImmediate(() => response.destroy());
    };
    expect(await failure(read()), "whole").to.be.instanceOf(TransientError);
    const nobody = createBackendConnection({ url: "http://127.0.0.1:1", timeoutMs: 1_000 });
    expect(await failure(nobody.send({ method: "GET", path: "/", headers: {} }))).to.be.instanceOf(TransientError);
    nobody.close();
  });
});
