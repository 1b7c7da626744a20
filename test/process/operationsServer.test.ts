import { expect } from "chai";
import { Counter, Registry } from "prom-client";
import type { Readiness } from "../../process/health";
import { createProcessMetrics, type GaugeDefinition, readByLabel } from "../../process/metrics";
import { type OperationsServer, serveOperations } from "../../process/operationsServer";

describe("the operations server", () => {
  let server: OperationsServer | undefined;
  afterEach(() => server?.close());

  async function serve(options: { readiness?: () => Promise<Readiness>; gauges?: GaugeDefinition[] }) {
    const readiness = options.readiness ?? (() => Promise.resolve({ status: "ready" as const, dependencies: {} }));
    const registry = new Registry();
    new Counter({ name: "cairn_test_total", help: "Something else in the registry", registers: [registry] });
    const metrics = createProcessMetrics(options.gauges ?? [], registry);
    server = await serveOperations({ host: "127.0.0.1", port: 0, readiness, metrics });
    return (path: string, method = "GET") => fetch(`http://127.0.0.1:${server!.port}${path}`, { method });
  }

  it("answers that the process is live, whatever its dependencies are", async () => {
    const ask = await serve({ readiness: () => Promise.reject(new Error("no answer")) });
    const answer = await ask("/health/live");
    expect(answer.status).to.equal(200);
    expect(await answer.json()).to.deep.equal({ status: "live" });
  });

  for (const [status, code] of [
    ["ready", 200],
    ["degraded", 200],
    ["unavailable", 503],
  ] as const) {
    it(`answers ${code} when the process is ${status}`, async () => {
      const readiness: Readiness = { status, dependencies: { mongo: { status: "up", ms: 1 } } };
      const ask = await serve({ readiness: () => Promise.resolve(readiness) });
      const answer = await ask("/health/ready?verbose");
      expect(answer.status).to.equal(code);
      expect(await answer.json()).to.deep.equal(readiness);
    });
  }

  it("answers 500 when readiness itself fails, and goes on serving", async () => {
    const ask = await serve({ readiness: () => Promise.reject(new Error("a programming error")) });
    expect((await ask("/health/ready")).status).to.equal(500);
    expect((await ask("/health/live")).status).to.equal(200);
  });

  it("shows gauges beside the process's own metrics and those of the registry given", async () => {
    const ask = await serve({
      gauges: [
        { name: "cairn_test_jobs", help: "A number", read: () => Promise.resolve(3) },
        {
          name: "cairn_test_wallets",
          help: "Numbers by label",
          labelNames: ["status"],
          read: () => Promise.resolve([{ labels: { status: "anchored" }, value: 2 }]),
        },
      ],
    });
    const answer = await ask("/metrics");
    expect(answer.headers.get("content-type")).to.include("text/plain");
    expect((await answer.text()).split("\n")).to.include.members([
      "cairn_test_jobs 3",
      'cairn_test_wallets{status="anchored"} 2',
      "cairn_test_total 0",
      "# TYPE process_cpu_user_seconds_total counter",
    ]);
  });

  it("makes the number of a source that does not answer NaN, and no other", async () => {
    const fail = () => Promise.reject(new Error("no answer"));
    const ask = await serve({
      gauges: [
        { name: "cairn_test_failing", help: "Fails", read: fail },
        { name: "cairn_test_jobs", help: "A number", read: () => Promise.resolve(3) },
        {
          name: "cairn_test_depth_jobs",
          help: "One number a queue",
          labelNames: ["queue"],
          read: () => readByLabel("queue", { mail: fail, anchoring: () => Promise.resolve(4) }),
        },
      ],
    });
    expect((await (await ask("/metrics")).text()).split("\n")).to.include.members([
      "cairn_test_failing Nan",
      "cairn_test_jobs 3",
      'cairn_test_depth_jobs{queue="mail"} Nan',
      'cairn_test_depth_jobs{queue="anchoring"} 4',
    ]);
  });

  it("drops the labels that the last read no longer has, or that cannot be read", async () => {
    let found: { labels: Record<string, string>; value: number }[] | undefined = [
      { labels: { holder: "a" }, value: 1 },
    ];
    const read = () => (found === undefined ? Promise.reject(new Error("no answer")) : Promise.resolve(found));
    const ask = await serve({
      gauges: [{ name: "cairn_test_holder", help: "By label", labelNames: ["holder"], read }],
    });
    const lines = async () =>
      (await (await ask("/metrics")).text()).split("\n").filter((line) => line.startsWith("cairn_test_holder"));
    expect(await lines()).to.deep.equal(['cairn_test_holder{holder="a"} 1']);
    found = [{ labels: { holder: "b" }, value: 1 }];
    expect(await lines()).to.deep.equal(['cairn_test_holder{holder="b"} 1']);
    found = undefined;
    expect(await lines()).to.deep.equal([]);
  });

  it("answers 404 to other paths and 405 to other methods", async () => {
    const ask = await serve({});
    expect((await ask("/auth/session")).status).to.equal(404);
    const posted = await ask("/metrics", "POST");
    expect([posted.status, posted.headers.get("allow")]).to.deep.equal([405, "GET, HEAD"]);
    const headed = await ask("/health/live", "HEAD");
    expect([headed.status, await headed.text()]).to.deep.equal([200, ""]);
  });

  it("says which address cannot be listened on", async () => {
    await serve({});
    const options = { readiness: () => Promise.reject(new Error("unused")), metrics: createProcessMetrics([]) };
    const second = await serveOperations({ host: "127.0.0.1", port: server!.port, ...options }).catch(
      (error: unknown) => error,
    );
    expect(second).to.have.property("code", "EADDRINUSE");
  });
});
