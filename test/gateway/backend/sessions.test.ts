import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { TransientError } from "../../../core/errors";
import type { InternalSessionReply } from "../../../core/internalApi";
import { createLogger } from "../../../core/logger";
import { createSessionDirectory, type SessionDirectory } from "../../../gateway/backend/sessions";
import { fakeClock } from "../../support/fakeClock";
import { uuid } from "../signing/vectors";

describe("the directory of device sessions", () => {
  let clock: ReturnType<typeof fakeClock>;
  let asked: string[];
  let reply: (() => Promise<InternalSessionReply | undefined>) | undefined;
  let directory: SessionDirectory;

  beforeEach(() => {
    clock = fakeClock();
    asked = [];
    reply = undefined;
    directory = createSessionDirectory({
      clock,
      logger: createLogger({ processName: "gateway", logLevel: "silent" }),
      api: {
        readSession(id) {
          asked.push(id);
          return reply?.() ?? Promise.resolve(session());
        },
      },
    });
  });

  function session(changes: Partial<InternalSessionReply> = {}): InternalSessionReply {
    return {
      deviceSessionId: uuid(1),
      userId: uuid(9),
      publicKey: randomBytes(32).toString("base64url"),
      state: "active",
      expiresAt: new Date(clock.now().getTime() + 3_600_000).toISOString(),
      head: "0",
      ...changes,
    };
  }

  const kindOf = async () => (await directory.lookUp(uuid(1))).kind;

  it("believes what the API said for 5 seconds, and not a moment longer", async () => {
    await kindOf();
    clock.advance(4.999);
    await kindOf();
    expect(asked).to.have.length(1);
    clock.advance(0.001);
    await kindOf();
    expect(asked).to.have.length(2);
  });

  it("asks once for lookups at the same time, and each time for subscribing", async () => {
    await Promise.all(Array.from({ length: 32 }, kindOf));
    expect(asked).to.have.length(1);
    await Promise.all([directory.lookUpNow(uuid(1)), directory.lookUpNow(uuid(1))]);
    expect(asked).to.have.length(3);
  });

  it("knows that a session expires while it is believed", async () => {
    reply = () => Promise.resolve(session({ expiresAt: new Date(clock.now().getTime() + 2_000).toISOString() }));
    expect(await kindOf()).to.equal("valid");
    clock.advance(2);
    expect(await kindOf()).to.equal("expired");
  });

  it("believes nothing of sessions that nobody knows, or that it could not ask for", async () => {
    reply = () => Promise.resolve(undefined);
    expect(await kindOf()).to.equal("unknown");
    reply = () => Promise.reject(new TransientError("backend.unavailable", "The API does not answer."));
    expect(await kindOf()).to.equal("unavailable");
    reply = undefined;
    expect(await kindOf()).to.equal("valid");
    expect(asked).to.have.length(3);
  });

  it("forgets what ended, also where it is being asked for at that moment", async () => {
    await kindOf();
    directory.forget([uuid(1)]);
    reply = () => Promise.resolve(session({ state: "revoked" }));
    expect(await kindOf()).to.equal("revoked");

    let answer = (_reply: InternalSessionReply) => {};
    reply = () => new Promise((resolve) => (answer = resolve));
    clock.advance(5);
    const asking = kindOf();
    directory.forget([uuid(1)]);
    answer(session());
    await asking;
    reply = () => Promise.resolve(session({ state: "revoked" }));
    expect(await kindOf()).to.equal("revoked");
  });
});
