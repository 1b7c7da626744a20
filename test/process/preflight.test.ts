import { expect } from "chai";
import { BootError, TransientError } from "../../core/errors";
import { preflight, type PreflightCheck, withDeadline } from "../../process/preflight";

describe("preflight", () => {
  it("passes when every check does", async () => {
    await preflight("api", [{ subject: "A", fix: "fix A", run: () => Promise.resolve([]) }]);
  });

  it("names what threw, what was found and what was refused in one error", async () => {
    const problem = { subject: "CHAIN_ID", problem: "is another", fix: "correct it" };
    const refusal = preflight("api", [
      { subject: "MONGODB_URI", fix: "start MongoDB", run: () => Promise.reject(new Error("no answer")) },
      { subject: "RPC_URL", fix: "start the chain", run: () => Promise.resolve([problem]) },
      {
        subject: "X",
        fix: "x",
        run: () => Promise.reject(new BootError("x", [{ ...problem, subject: "DIDRegistry" }])),
      },
    ]);
    const error = await refusal.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(BootError);
    expect((error as BootError).problems).to.deep.equal([
      { subject: "MONGODB_URI", problem: "no answer", fix: "start MongoDB" },
      problem,
      { ...problem, subject: "DIDRegistry" },
    ]);
    expect((error as BootError).message).to.contain("The api cannot start; 3 problems");
  });

  it("waits for what may answer later, unless something else must be corrected first", async () => {
    const silent: PreflightCheck = {
      subject: "RPC_URL",
      fix: "start the chain",
      mayAnswerLater: true,
      run: () => Promise.reject(new TransientError("rpc.unreachable", "HTTP 429")),
    };
    expect(await preflight("api", [silent])).to.deep.equal([{ subject: "RPC_URL", problem: "HTTP 429" }]);
    const wrong = { subject: "CHAIN_ID", problem: "is another", fix: "correct it" };
    const refused = await preflight("api", [
      silent,
      { subject: "A", fix: "", run: () => Promise.resolve([wrong]) },
    ]).catch((error: unknown) => error);
    expect((refused as BootError).problems.map(({ subject }) => subject)).to.deep.equal(["CHAIN_ID", "RPC_URL"]);
    const certain = preflight("api", [{ ...silent, mayAnswerLater: false }]).catch((error: unknown) => error);
    expect(await certain).to.be.instanceOf(BootError);
  });

  it("gives up on an answer that does not come", async () => {
    const never = new Promise<string>(() => undefined);
    const error: unknown = await withDeadline(never, 10, "no answer").catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(Error).with.property("message", "no answer");
  });
});
