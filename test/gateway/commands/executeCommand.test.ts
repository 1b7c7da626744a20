import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { sha256 } from "../../../core/hash";
import { COMMANDS, commandQuery } from "../../../core/internalApi";
import type { WellFormedRequest } from "../../../gateway/envelope/envelope";
import { type Caller, CALLERS } from "../../support/gateway/callers";
import { createDevice, signedRequest } from "../../support/gateway/device";
import {
  type Actor,
  type GatewayFixture,
  gatewayFixture,
  rejected,
  verifiedResponse,
} from "../../support/gateway/gatewayFixture";
import { problem } from "../../support/gateway/mockApi";
import type { TestGateway } from "../../support/gateway/startGateway";

const RACERS = 64;

describe("ExecuteCommand", () => {
  let fixture: GatewayFixture;
  let gateway: TestGateway;
  let actor: Actor;
  let grpc: Caller;

  before(async () => {
    fixture = await gatewayFixture();
    gateway = await fixture.start();
    grpc = fixture.caller("gRPC (grpc-js)", gateway);
  });
  beforeEach(async () => {
    actor = await fixture.newActor();
    fixture.api.answer = undefined;
    fixture.api.requests.length = 0;
    // The tests share an address.
    await fixture.redis.del(...(await fixture.redis.keys(`${fixture.prefix}:limit:gateway-ip*`)), "none");
  });
  after(() => fixture.close());

  const answerOf = async (request: WellFormedRequest, caller = grpc) =>
    verifiedResponse(gateway.http, request, await caller.execute(request));

  for (const protocol of Object.keys(CALLERS)) {
    describe(`over ${protocol}`, () => {
      let caller: Caller;
      before(() => {
        caller = fixture.caller(protocol, gateway);
      });

      it("is answered with the API's reply, signed for this very request", async () => {
        fixture.api.answer = () => ({ status: 200, body: { items: [{ id: "7" }] } });
        const request = actor.command(
          "credentials.list",
          { limit: 20 },
          { traceId: "0af7651916cd43dd8448eb211c80319c" },
        );
        expect(await answerOf(request, caller)).to.deep.equal({
          resultCode: "ok",
          payload: { items: [{ id: "7" }] },
        });
      });

      it("is answered with the problem of a command that the API rejects, signed likewise", async () => {
        fixture.api.answer = () => problem(404, "credential.unknown");
        const { resultCode, payload } = await answerOf(actor.command("credentials.read", { id: "9" }), caller);
        expect([resultCode, payload["code"]]).to.deep.equal(["credential.unknown", "credential.unknown"]);
      });

      it("is answered with the problem where the API cannot do it at all: asking again does not help", async () => {
        fixture.api.answer = () => problem(501, "kyc.unavailable");
        expect((await answerOf(actor.command("kyc.status"), caller)).resultCode).to.equal("kyc.unavailable");
      });

      it("is refused with a status, a reason and, where it helps, a delay", async () => {
        const good = () => actor.command("credentials.list");
        const cases: [what: string, request: WellFormedRequest, code: Code, reason: string, retries: boolean][] = [
          [
            "another version",
            actor.command("kyc.status", {}, { protocolVersion: "v2" }),
            Code.FailedPrecondition,
            "PROTOCOL_UNSUPPORTED",
            false,
          ],
          [
            "no UUID",
            actor.command("kyc.status", {}, { requestId: "1" }),
            Code.InvalidArgument,
            "ENVELOPE_INVALID",
            false,
          ],
          [
            "another payload",
            { ...good(), payloadBytes: Buffer.from("[]") },
            Code.InvalidArgument,
            "PAYLOAD_HASH_MISMATCH",
            false,
          ],
          [
            "a signature of zeros",
            { ...good(), signature: Buffer.alloc(64) },
            Code.Unauthenticated,
            "SIGNATURE_INVALID",
            false,
          ],
          [
            "a request of two minutes ago",
            actor.command("kyc.status", {}, { timestampMs: BigInt(Date.now() - 125_000) }),
            Code.FailedPrecondition,
            "REQUEST_STALE",
            false,
          ],
          [
            "a request of the next minute",
            actor.command("kyc.status", {}, { timestampMs: BigInt(Date.now() + 60_000) }),
            Code.FailedPrecondition,
            "REQUEST_FROM_FUTURE",
            false,
          ],
          ["an unknown type", actor.command("credentials.burn"), Code.Unimplemented, "COMMAND_UNKNOWN", false],
          [
            "a session that nobody knows",
            actor.command("kyc.status", {}, { deviceSessionId: randomUUID() }),
            Code.Unauthenticated,
            "SESSION_UNKNOWN",
            false,
          ],
        ];
        for (const [what, request, code, reason, retries] of cases) {
          const facts = await rejected(caller.execute(request));
          expect(facts, what).to.include({ code, reason, domain: "cairn" });
          expect(facts.retryAfterMs !== undefined, what).to.equal(retries);
          if (/REQUEST_/.test(reason))
            expect(Number(facts.metadata["server_time_ms"])).to.be.closeTo(Date.now(), 30_000);
        }
        expect(fixture.api.requests, "nothing of it reached the API").to.deep.equal([]);
      });

      it("is refused for a session that was revoked or has expired", async () => {
        const [revoked, expired] = [await fixture.newActor(), await fixture.newActor()];
        await fixture.api.setState(revoked.deviceSessionId, "revoked");
        await fixture.api.setState(expired.deviceSessionId, "expired");
        expect(await rejected(caller.execute(revoked.command("kyc.status")))).to.include({
          code: Code.FailedPrecondition,
          reason: "SESSION_REVOKED",
        });
        expect(await rejected(caller.execute(expired.command("kyc.status")))).to.include({
          code: Code.Unauthenticated,
          reason: "SESSION_EXPIRED",
        });
      });

      it("is refused when it was received before, and when its id stands for something else", async () => {
        const request = actor.command("credentials.list");
        await caller.execute(request);
        expect(await rejected(caller.execute(request))).to.include({
          code: Code.AlreadyExists,
          reason: "REQUEST_REPLAYED",
        });
        const { requestId } = request.envelope;
        const other = actor.command("kyc.status", {}, { requestId, timestampMs: BigInt(Date.now() + 1) });
        expect(await rejected(caller.execute(other))).to.include({
          code: Code.AlreadyExists,
          reason: "REQUEST_ID_REUSED",
        });
      });

      it("is UNAVAILABLE while the API fails, and ABORTED while the first run of a write goes on, each with a delay", async () => {
        fixture.api.answer = () => problem(503, "mongo.unavailable", { "retry-after": "7" });
        expect(await rejected(caller.execute(actor.command("kyc.start")))).to.include({
          code: Code.Unavailable,
          reason: "BACKEND_UNAVAILABLE",
          retryAfterMs: 7_000,
        });
        fixture.api.answer = () => problem(409, "command.in_progress");
        const facts = await rejected(caller.execute(actor.command("kyc.start")));
        expect(facts).to.include({ code: Code.Aborted, reason: "COMMAND_IN_PROGRESS" });
        expect(facts.retryAfterMs).to.be.greaterThan(0);
      });

      it("is RESOURCE_EXHAUSTED with a delay when the type's budget is used up", async () => {
        for (let index = 0; index < 10; index += 1) await caller.execute(actor.command("kyc.start", { index }));
        const facts = await rejected(caller.execute(actor.command("kyc.start")));
        expect(facts).to.include({ code: Code.ResourceExhausted, reason: "BUDGET_TYPE" });
        expect(facts.retryAfterMs).to.be.within(1_000, 60_000);
        expect(await fixture.api.effects()).to.have.length.at.least(10);
        expect(await answerOf(actor.command("kyc.status"), caller), "another type").to.include({ resultCode: "ok" });
      });
    });
  }

  it("asks the API for every command: its method and path, the payload untouched, a token for user and session", async () => {
    fixture.api.answer = () => ({ status: 200, body: {} });
    const payload = { id: "ä/b?c", limit: 20, all: true };
    for (const [type, { method, path }] of Object.entries(COMMANDS)) {
      const someone = await fixture.newActor();
      const request = someone.command(type, payload);
      await answerOf(request);
      const received = fixture.api.requests.at(-1);
      const { requestId } = request.envelope;
      expect(received, type).to.include({ method: method.toUpperCase(), address: "127.0.0.1" });
      expect(received?.claims, type).to.include({ sub: someone.userId, sid: someone.deviceSessionId, rid: requestId });
      expect((received?.claims.exp ?? 0) - (received?.claims.iat ?? 0), type).to.be.within(1, 60);
      if (method === "get") {
        expect(received, type).to.include({ path: `${path}?${String(commandQuery(payload))}`, body: "" });
        expect(received?.idempotencyKey, type).to.equal(undefined);
      } else {
        expect(received, type).to.include({
          path,
          body: Buffer.from(request.payloadBytes).toString("utf8"),
          contentType: "application/json",
          idempotencyKey: `${someone.deviceSessionId}/${requestId}`,
        });
      }
    }
  });

  it("passes a write's payload on byte for byte, whatever it is", async () => {
    fixture.api.answer = () => ({ status: 200, body: {} });
    const text = '{ "b":1.0,\n  "a": "\\u00e4", "a": 2 }';
    const device = createDevice();
    const deviceSessionId = await fixture.api.addDevice(device, randomUUID());
    const payloadBytes = Buffer.from(text);
    const request = { deviceSessionId, messageType: "profile.update", payload: {} };
    const signed = signedRequest(device, request, { payloadHash: sha256(payloadBytes) });
    await grpc.execute({ ...signed, payloadBytes });
    expect(fixture.api.requests.at(-1)?.body).to.equal(text);
  });

  it("rejects the payload of a read that is no object of scalars by a signed answer, without asking the API", async () => {
    for (const payload of [[1], { filter: { a: 1 } }, "text", null]) {
      const { resultCode } = await answerOf(actor.command("credentials.list", payload));
      expect(resultCode, JSON.stringify(payload)).to.equal("request.malformed");
    }
    expect(fixture.api.requests).to.deep.equal([]);
  });

  it("answers an API's reply without a body by an empty object", async () => {
    fixture.api.answer = () => ({ status: 204 });
    expect(await answerOf(actor.command("session.revoke", { id: "1" }))).to.deep.equal({
      resultCode: "ok",
      payload: {},
    });
  });

  for (const [what, answer] of Object.entries({
    "a page instead of JSON": { status: 200, body: "<html>", headers: { "content-type": "text/html" } },
    "a problem without a code": { status: 400, body: "no", headers: { "content-type": "text/plain" } },
    "that our token is not taken": problem(401, "service.unauthenticated"),
    "a redirect": { status: 302, headers: { location: "/elsewhere" } },
    "more than fits into one message": { status: 200, body: { text: "x".repeat(3_200_000) } },
  })) {
    it(`is UNAVAILABLE when the API answers ${what}`, async () => {
      fixture.api.answer = () => answer;
      expect(await rejected(grpc.execute(actor.command("kyc.status")))).to.include({
        code: Code.Unavailable,
        reason: "BACKEND_UNAVAILABLE",
      });
    });
  }

  it("is UNAVAILABLE when the API does not answer in time", async () => {
    const hasty = await fixture.start({ gateway: { apiTimeoutMs: 200 } });
    let release = () => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    fixture.api.answer = async () => {
      await released;
      return { status: 200, body: {} };
    };
    const caller = fixture.caller("gRPC (grpc-js)", hasty);
    expect(await rejected(caller.execute(actor.command("kyc.status")))).to.include({ reason: "BACKEND_UNAVAILABLE" });
    release();
  });

  for (const [code, status, reason] of [
    ["session.revoked", Code.FailedPrecondition, "SESSION_REVOKED"],
    ["session.expired", Code.Unauthenticated, "SESSION_EXPIRED"],
    ["session.unknown", Code.Unauthenticated, "SESSION_UNKNOWN"],
  ] as const) {
    it(`is ${reason} when the API finds so while it executes a write, and the session is asked for anew`, async () => {
      await grpc.execute(actor.command("kyc.status"));
      fixture.api.answer = () => problem(401, code);
      expect(await rejected(grpc.execute(actor.command("kyc.start")))).to.include({ code: status, reason });
      fixture.api.answer = undefined;
      const before = fixture.api.lookups;
      await grpc.execute(actor.command("kyc.status"));
      expect(fixture.api.lookups).to.equal(before + 1);
    });
  }

  it("asks for a session once in five seconds, however many commands it sends", async () => {
    const before = fixture.api.lookups;
    await Promise.all(Array.from({ length: 16 }, () => grpc.execute(actor.command("kyc.status"))));
    await grpc.execute(actor.command("kyc.status"));
    expect(fixture.api.lookups).to.equal(before + 1);
  });

  it(`lets one of ${RACERS} equal requests pass that race over two gateways`, async () => {
    const second = await fixture.start();
    const callers = [grpc, fixture.caller("gRPC (grpc-js)", second)];
    const request = actor.command("kyc.start");
    const outcomes = await Promise.allSettled(
      Array.from({ length: RACERS }, (_, index) => callers[index % 2]!.execute(request)),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).to.have.length(1);
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      expect(await rejected(Promise.reject(outcome.reason as Error))).to.include({ reason: "REQUEST_REPLAYED" });
    }
    expect(await fixture.api.effects()).to.include(`${actor.deviceSessionId}/${request.envelope.requestId}`);
    expect(fixture.api.requests).to.have.length(1);
  });

  it("executes a write once, however often a device asks again under its id, and answers alike", async () => {
    const { requestId } = actor.command("kyc.start").envelope;
    const answers = [];
    for (let index = 0; index < 4; index += 1) {
      const timestampMs = BigInt(Date.now() + index * 10);
      answers.push(await answerOf(actor.command("kyc.start", {}, { requestId, timestampMs })));
    }
    for (const answer of answers) expect(answer).to.deep.equal(answers[0]);
    const key = `${actor.deviceSessionId}/${requestId}`;
    expect((await fixture.api.effects()).filter((effect) => effect === key)).to.have.length(1);
  });

  describe("of which one bit was flipped on the way", () => {
    const flipped = (bytes: Uint8Array, bit: number) => {
      const copy = Buffer.from(bytes);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return copy;
    };
    /** The lowest bit of the character: the field keeps its form. */
    const flippedText = (text: string, at: number) =>
      text.slice(0, at) + (text[at] === "1" ? "0" : "1") + text.slice(at + 1);

    const FLIPS: [field: string, reasons: string[], flip: (request: WellFormedRequest) => WellFormedRequest][] = [
      [
        "protocol_version",
        ["PROTOCOL_UNSUPPORTED"],
        (r) => ({ ...r, envelope: { ...r.envelope, protocolVersion: "w1" } }),
      ],
      [
        "device_session_id",
        ["SESSION_UNKNOWN"],
        (r) => ({ ...r, envelope: { ...r.envelope, deviceSessionId: flippedText(r.envelope.deviceSessionId, 35) } }),
      ],
      [
        "message_type",
        ["SIGNATURE_INVALID"],
        (r) => ({ ...r, envelope: { ...r.envelope, messageType: "credentials.lisu" } }),
      ],
      [
        "timestamp_ms",
        ["SIGNATURE_INVALID"],
        (r) => ({ ...r, envelope: { ...r.envelope, timestampMs: r.envelope.timestampMs ^ 1n } }),
      ],
      [
        "request_id",
        ["SIGNATURE_INVALID"],
        (r) => ({ ...r, envelope: { ...r.envelope, requestId: flippedText(r.envelope.requestId, 35) } }),
      ],
      [
        "payload_hash",
        ["PAYLOAD_HASH_MISMATCH"],
        (r) => ({ ...r, envelope: { ...r.envelope, payloadHash: flipped(r.envelope.payloadHash, 0) } }),
      ],
      [
        "trace_id",
        ["SIGNATURE_INVALID"],
        (r) => ({ ...r, envelope: { ...r.envelope, traceId: flippedText(r.envelope.traceId, 0) } }),
      ],
      ["payload_bytes", ["PAYLOAD_HASH_MISMATCH"], (r) => ({ ...r, payloadBytes: flipped(r.payloadBytes, 3) })],
      ["signature's R", ["SIGNATURE_INVALID"], (r) => ({ ...r, signature: flipped(r.signature, 0) })],
      ["signature's S", ["SIGNATURE_INVALID"], (r) => ({ ...r, signature: flipped(r.signature, 256) })],
    ];

    for (const [field, reasons, flip] of FLIPS) {
      it(`in ${field} is refused, and the whole one still passes`, async () => {
        const request = actor.command(
          "credentials.list",
          { limit: 20 },
          { traceId: "0af7651916cd43dd8448eb211c80319c" },
        );
        const { reason } = await rejected(grpc.execute(flip(request)));
        expect(reasons).to.include(reason);
        expect(fixture.api.requests).to.deep.equal([]);
        expect((await answerOf(request)).resultCode).to.equal("ok");
      });
    }
  });
});
