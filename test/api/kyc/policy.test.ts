import { expect } from "chai";
import { z } from "zod";
import { defineEndpoint, type Endpoint, type RequestContext } from "../../../api/http/endpoint";
import { declaredCodes } from "../../../api/http/rejections";
import { applyKycPolicy } from "../../../api/kyc/policy";
import { DEVELOPMENT_SANDBOX_SECRET, type KycConfig } from "../../../core/config/kyc";
import { eventually } from "../../support/eventually";
import { type KycFixture, kycFixture } from "../../support/kyc/kycFixture";

const KYC: KycConfig = {
  provider: "sandbox",
  returnUrl: undefined,
  requiredFor: ["GET /auth/sessions"],
  recheckSeconds: 3_600,
  sandbox: { webhookSecrets: [DEVELOPMENT_SANDBOX_SECRET], webhookUrl: undefined },
};

function route(path: string, auth: "session" | "none"): Endpoint {
  const replies = { 200: { description: "Done.", schema: z.object({ done: z.literal(true) }) } };
  return defineEndpoint({
    method: "post",
    path,
    tag: "Test",
    summary: "A thing to do",
    auth,
    replies,
    handle: () => Promise.resolve({ status: 200, body: { done: true } }),
  });
}

describe("the KYC policy", () => {
  let on: KycFixture;

  before(async () => {
    on = await kycFixture("kyc_policy", { kyc: KYC, modules: ["sessions", "kyc", "notifications", "inbox"] });
  });

  after(() => on.close());

  it("lets only a verified holder pass, on configured routes and on those that always ask", async () => {
    const userId = (await on.newUser()).userId;
    const guarded = [
      ["GET", "/auth/sessions"],
      ["GET", "/api/kyc/verification"],
    ] as const;
    for (const [method, path] of guarded) {
      const refused = await on.call(method, path, { userId });
      expect([refused.status, refused.body["code"], refused.body["kycStatus"]]).to.deep.equal([
        403,
        "kyc.required",
        "not_verified",
      ]);
    }
    expect((await on.call("GET", "/auth/session", { userId })).status).to.equal(200);

    const { body } = await on.call("POST", "/api/kyc/start-verification", { userId });
    expect((await on.call("GET", "/auth/sessions", { userId })).body["kycStatus"]).to.equal("pending");
    await on.call("POST", `/sandbox/kyc/${body.sessionId}`, { body: "decision=approve" });
    await eventually(
      "the operation to be allowed",
      async () => (await on.call("GET", "/auth/sessions", { userId })).status === 200,
    );
    const shown = await on.call("GET", "/api/kyc/verification", { userId });
    expect(shown.body).to.deep.include({ status: "verified", provider: "sandbox", sessionId: body["sessionId"] });
    expect(on.undeclared).to.deep.equal([]);
  });

  it("is declared by the operations it guards, and by no other", () => {
    const [guarded, open] = applyKycPolicy([route("/a", "session"), route("/b", "session")], ["POST /a"], () =>
      Promise.resolve(),
    );
    expect(declaredCodes(guarded!).has("kyc.required")).to.equal(true);
    expect(declaredCodes(open!).has("kyc.required")).to.equal(false);
  });

  it("covers the command that does a configured operation, and commands that are named by themselves", async () => {
    const does: Endpoint = {
      ...route("/api/v1/user/a", "session"),
      auth: "command",
      port: "internal",
      does: "POST /a",
    };
    const named: Endpoint = { ...does, path: "/api/v1/user/b", does: "POST /b" };
    const other: Endpoint = { ...does, path: "/api/v1/user/c", does: "POST /c" };
    const refuse = () => Promise.reject(new Error("not verified"));
    const endpoints = [route("/a", "session"), route("/b", "none"), does, named, other];
    const guarded = applyKycPolicy(endpoints, ["POST /a", "POST /api/v1/user/b"], refuse);
    const caller = { userId: "u", sessionId: "s", via: "bearer" as const, commandId: "c" };
    const outcomes = guarded.map((endpoint) =>
      endpoint.handle({ params: undefined, query: undefined, body: undefined, caller }, {} as RequestContext).then(
        () => "passes",
        () => "asks",
      ),
    );
    expect(await Promise.all(outcomes)).to.deep.equal(["asks", "passes", "asks", "asks", "passes"]);
  });

  it("does not start with operations that do not exist or have no user", () => {
    const apply = () => applyKycPolicy([route("/a", "none")], ["POST /a", "POST /nowhere"], () => Promise.resolve());
    expect(apply).to.throw(/KYC_REQUIRED_FOR: knows no operation POST \/a[\s\S]*POST \/nowhere/);
  });
});
