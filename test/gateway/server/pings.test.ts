import { expect } from "chai";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { listenHttp2, type ListeningServer } from "../../../gateway/server/listen";
import { eventually } from "../../support/eventually";

const PING_INTERVAL_MS = 30;

/** Begins a connection of HTTP/2 (RFC 9113 §3.4): the preface, and settings that change nothing. */
const BEGINNING = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

describe("pings over HTTP/2", () => {
  let server: ListeningServer;

  before(async () => {
    const address = { host: "127.0.0.1", port: 0, maxConnections: 9, pingIntervalMs: PING_INTERVAL_MS };
    server = await listenHttp2((_request, response) => void response.writeHead(200).write("begun"), address);
  });
  after(() => server.close(0));

  it("end the connection of whoever does not answer, and of nobody else", async () => {
    const answering = connectHttp2(`http://127.0.0.1:${server.port}`);
    const stream = answering.request({ ":path": "/" });
    stream.resume();
    let pings = 0;
    answering.on("ping", () => (pings += 1));

    const silent = connect(server.port, "127.0.0.1");
    let isEnded = false;
    silent
      .on("close", () => (isEnded = true))
      .on("error", () => undefined)
      .resume();
    silent.write(BEGINNING);
    await eventually("the end of the silent connection", () => isEnded);

    const before = pings;
    await eventually("more pings", () => pings > before + 2);
    expect([answering.destroyed, stream.destroyed]).to.deep.equal([false, false]);
    answering.destroy();
  });
});
