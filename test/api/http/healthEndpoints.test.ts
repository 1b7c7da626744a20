import { expect } from "chai";
import type { DependencyCheck } from "../../../process/health";
import { registerUser } from "../../support/accounts";
import { ask } from "../../support/ask";
import { fakeClock } from "../../support/fakeClock";
import { type Fixture, fixture } from "../../support/fixture";

const errors = new Map<string, string>();

function check(name: string, required: boolean): DependencyCheck {
  return {
    name,
    required,
    run: () => {
      const error = errors.get(name);
      return error === undefined ? Promise.resolve({ lagSeconds: 3 }) : Promise.reject(new Error(error));
    },
  };
}

describe("operations", () => {
  let api: Fixture;
  before(async () => {
    api = await fixture("operations", {
      modules: ["sessions"],
      clock: fakeClock(),
      checks: [check("mongo", true), check("chain", false)],
    });
  });
  beforeEach(() => errors.clear());
  after(() => api.close());

  it("says that the process lives without asking anybody", async () => {
    errors.set("mongo", "down");
    expect((await api.ask("GET", "/health/live")).body).to.deep.equal({ status: "live" });
  });

  it("is ready when every dependency is up, and names each with its facts", async () => {
    const { status, body } = await api.ask("GET", "/health/ready");
    expect([status, body.status]).to.deep.equal([200, "ready"]);
    expect(body.dependencies["chain"]).to.include({ status: "up", lagSeconds: 3 });
  });

  it("is degraded, not unavailable, when something is missing that not everything needs", async () => {
    errors.set("chain", "connect ECONNREFUSED 10.1.2.3:8545");
    const { status, body, text } = await api.ask("GET", "/health/ready");
    expect([status, body.status]).to.deep.equal([200, "degraded"]);
    expect(body.dependencies["chain"]!.status).to.equal("down");
    expect(text, "strangers learn nothing of the network").not.to.include("10.1.2.3");
    expect(api.log()).to.include("10.1.2.3");
  });

  it("is unavailable with 503 when a required dependency is down", async () => {
    errors.set("mongo", "no answer");
    const { status, body } = await api.ask("GET", "/health/ready");
    expect([status, body.status]).to.deep.equal([503, "unavailable"]);
  });

  it("shows metrics on the operators' listener only", async () => {
    expect((await api.ask("GET", "/metrics")).status).to.equal(404);
    await registerUser(api);
    await api.ask("GET", "/auth/sessions/secret-in-path");
    const { status, text } = await ask(`${api.operationsUrl}/metrics`, "GET");
    expect(status).to.equal(200);
    expect(text).to.match(
      /cairn_http_request_duration_seconds_count\{method="POST",route="\/auth\/register",status="201"\} 1/,
    );
    expect(text).to.include("cairn_sessions_valid 1").and.include("process_cpu_user_seconds_total");
    expect(text).not.to.include("secret-in-path");
    expect((await ask(`${api.operationsUrl}/health/live`, "GET")).status).to.equal(200);
    expect((await ask(`${api.operationsUrl}/auth/session`, "GET")).status).to.equal(404);
  });
});
