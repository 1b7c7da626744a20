import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BootError } from "../../../core/errors";
import { freePort } from "../../../embedded/ports";
import { choosePorts, preferredChainPort, rememberChainPort } from "../../../scripts/dev/ports";

/** Others than the usual, which other tests ask for. */
const OTHERS = {
  INTERNAL_PORT: "0",
  GATEWAY_HTTP_PORT: "0",
  GATEWAY_GRPC_PORT: "0",
  API_METRICS_PORT: "0",
  INDEXER_PORT: "0",
  WORKER_PORT: "0",
  GATEWAY_METRICS_PORT: "0",
};

describe("the ports of a local Cairn", () => {
  let dataDir: string;
  let reported: string[];
  const taken: Server[] = [];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "cairn-ports-"));
    reported = [];
  });

  afterEach(() => {
    taken.splice(0).forEach((server) => server.close());
    rmSync(dataDir, { recursive: true });
  });

  const choose = (env: NodeJS.ProcessEnv = {}) =>
    choosePorts(dataDir, { env: { ...OTHERS, ...env }, report: (line) => reported.push(line) });

  async function take(port = 0): Promise<number> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    taken.push(server);
    return (server.address() as AddressInfo).port;
  }

  it("are remembered with the data: the API's, once given, is that of every later start", async () => {
    const given = await freePort();
    expect((await choose({ PORT: String(given) })).PORT).to.equal(given);
    expect((await choose()).PORT).to.equal(given);
    expect(reported).to.deep.equal([]);
    rememberChainPort(dataDir, 18_545);
    expect(preferredChainPort(dataDir)).to.equal(18_545);
    expect((await choose()).PORT, "remembered beside the chain's").to.equal(given);
  });

  it("change for one start when the remembered one is taken, which is said", async () => {
    const given = await freePort();
    await choose({ PORT: String(given) });
    await take(given);
    expect((await choose()).PORT).not.to.equal(given);
    expect(reported.join(" ")).to.include(`port ${given}, which`).and.include("is taken by another program");
    taken.splice(0).forEach((server) => server.close());
    expect((await choose()).PORT, "the next start").to.equal(given);
  });

  it("stop the start when one that was given is taken, all named at once with what to do", async () => {
    const [api, worker] = [await take(), await take()];
    const refused = await choose({ PORT: String(api), WORKER_PORT: String(worker) }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(BootError);
    expect((refused as BootError).problems).to.deep.equal([
      {
        subject: "PORT",
        problem: `${api} is taken by another program`,
        fix: "end what listens there, give another PORT, or none, for any free port",
      },
      {
        subject: "WORKER_PORT",
        problem: `${worker} is taken by another program`,
        fix: "end what listens there, give another WORKER_PORT, or none, for any free port",
      },
    ]);
  });
});
