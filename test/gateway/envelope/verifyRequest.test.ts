import { Code } from "@connectrpc/connect";
import { expect } from "chai";
import { sha256 } from "../../../core/hash";
import { importPublicKey } from "../../../core/keys/ed25519";
import type { BudgetOutcome, SessionAnswer } from "../../../gateway/envelope/checks";
import { MAX_PAYLOAD_BYTES, type SignedRequest } from "../../../gateway/envelope/envelope";
import type { Reason } from "../../../gateway/envelope/rejection";
import { verifyRequest } from "../../../gateway/envelope/verifyRequest";
import type { ReplayOutcome, Reservation } from "../../../gateway/replay/replayStore";
import { requestHash, requestSigningBytes } from "../../../gateway/signing/envelopes";
import { fakeClock } from "../../support/fakeClock";
import { COMMAND, DEVICE, GATEWAY, signWith, uuid } from "../signing/vectors";

const PAYLOAD = Buffer.from('{"limit":20}');
const NOW_MS = 4_131_700_200_000;
const NOW = BigInt(NOW_MS);

/** Everything that decides on one request; as it is, the request is executed. */
interface Situation {
  envelope: typeof COMMAND | undefined;
  payloadBytes: Uint8Array;
  /** Applied to the signature over the envelope as it is sent. */
  alter: (signature: Buffer) => Uint8Array;
  answer: SessionAnswer;
  outcome: ReplayOutcome;
  budget: BudgetOutcome;
  types: string[];
}

const GOOD: Situation = {
  envelope: { ...COMMAND, timestampMs: NOW, payloadHash: sha256(PAYLOAD) },
  payloadBytes: PAYLOAD,
  alter: (signature) => signature,
  answer: {
    kind: "valid",
    session: { deviceSessionId: uuid(1), userId: uuid(9), publicKey: importPublicKey(DEVICE.raw) },
  },
  outcome: { kind: "accepted" },
  budget: { kind: "allowed" },
  types: ["credentials.list"],
};

const withEnvelope = (changes: Partial<typeof COMMAND>) => (situation: Situation) =>
  situation.envelope === undefined ? situation : { ...situation, envelope: { ...situation.envelope, ...changes } };
const withAnswer = (answer: SessionAnswer) => (situation: Situation) => ({ ...situation, answer });
const withOutcome = (outcome: ReplayOutcome) => (situation: Situation) => ({ ...situation, outcome });
const withBudget = (budget: "ip" | "session" | "user" | "type") => (situation: Situation) => ({
  ...situation,
  budget: { kind: "exhausted" as const, budget, retryAfterMs: 12_345 },
});

interface Failure {
  /** The place in the order of checks; of one place several failures may be listed. */
  step: number;
  what: string;
  spoil: (situation: Situation) => Situation;
  reason: Reason;
  code: Code;
  retryAfterMs?: number;
}

const invalid = (what: string, spoil: Failure["spoil"]): Failure => ({
  step: 1,
  what,
  spoil,
  reason: "ENVELOPE_INVALID",
  code: Code.InvalidArgument,
});

const FAILURES: Failure[] = [
  invalid("no envelope", (situation) => ({ ...situation, envelope: undefined })),
  invalid("a session id that is no UUID", withEnvelope({ deviceSessionId: "1" })),
  invalid("a session id in upper case", withEnvelope({ deviceSessionId: "AAAAAAAA-1111-4111-8111-111111111111" })),
  invalid("a session id with a line feed", withEnvelope({ deviceSessionId: `${uuid(1)}\n` })),
  invalid("a request id that is no UUID", withEnvelope({ requestId: uuid(2).slice(1) })),
  invalid("an empty type", withEnvelope({ messageType: "" })),
  invalid("a type in upper case", withEnvelope({ messageType: "Credentials.list" })),
  invalid("a type of 65 characters", withEnvelope({ messageType: "a".repeat(65) })),
  invalid("an empty version", withEnvelope({ protocolVersion: "" })),
  invalid("no timestamp", withEnvelope({ timestampMs: 0n })),
  invalid("a negative timestamp", withEnvelope({ timestampMs: -1n })),
  invalid("a payload hash of 31 bytes", withEnvelope({ payloadHash: Buffer.alloc(31) })),
  invalid("no payload hash", withEnvelope({ payloadHash: Buffer.alloc(0) })),
  invalid("a trace id of 31 digits", withEnvelope({ traceId: "a".repeat(31) })),
  invalid("a trace id in upper case", withEnvelope({ traceId: "A".repeat(32) })),
  invalid("a payload of a byte too many", (situation) => {
    const payloadBytes = Buffer.alloc(MAX_PAYLOAD_BYTES + 1, "1");
    return withEnvelope({ payloadHash: sha256(payloadBytes) })({ ...situation, payloadBytes });
  }),
  invalid("a signature of 63 bytes", (situation) => ({ ...situation, alter: (signature) => signature.subarray(1) })),
  invalid("no signature", (situation) => ({ ...situation, alter: () => Buffer.alloc(0) })),
  {
    step: 2,
    what: "another version",
    spoil: withEnvelope({ protocolVersion: "v2" }),
    reason: "PROTOCOL_UNSUPPORTED",
    code: Code.FailedPrecondition,
  },
  {
    step: 3,
    what: "a session that nobody knows",
    spoil: withAnswer({ kind: "unknown" }),
    reason: "SESSION_UNKNOWN",
    code: Code.Unauthenticated,
  },
  {
    step: 3,
    what: "an expired session",
    spoil: withAnswer({ kind: "expired" }),
    reason: "SESSION_EXPIRED",
    code: Code.Unauthenticated,
  },
  {
    step: 3,
    what: "a revoked session",
    spoil: withAnswer({ kind: "revoked" }),
    reason: "SESSION_REVOKED",
    code: Code.FailedPrecondition,
  },
  {
    step: 3,
    what: "a backend that does not answer",
    spoil: withAnswer({ kind: "unavailable" }),
    reason: "BACKEND_UNAVAILABLE",
    code: Code.Unavailable,
    retryAfterMs: 1_000,
  },
  {
    step: 4,
    what: "another payload",
    spoil: (situation) => ({ ...situation, payloadBytes: Buffer.from('{"limit":21}') }),
    reason: "PAYLOAD_HASH_MISMATCH",
    code: Code.InvalidArgument,
  },
  {
    step: 5,
    what: "a flipped bit of the signature",
    spoil: (situation) => ({
      ...situation,
      alter: (signature) => Buffer.from(signature.map((byte, at) => (at === 40 ? byte ^ 1 : byte))),
    }),
    reason: "SIGNATURE_INVALID",
    code: Code.Unauthenticated,
  },
  {
    step: 6,
    what: "a request older than 120 s",
    spoil: withEnvelope({ timestampMs: NOW - 120_001n }),
    reason: "REQUEST_STALE",
    code: Code.FailedPrecondition,
  },
  {
    step: 6,
    what: "a request more than 30 s ahead",
    spoil: withEnvelope({ timestampMs: NOW + 30_001n }),
    reason: "REQUEST_FROM_FUTURE",
    code: Code.FailedPrecondition,
  },
  {
    step: 7,
    what: "a replay",
    spoil: withOutcome({ kind: "replayed" }),
    reason: "REQUEST_REPLAYED",
    code: Code.AlreadyExists,
  },
  {
    step: 7,
    what: "a request id used for something else",
    spoil: withOutcome({ kind: "id_reused" }),
    reason: "REQUEST_ID_REUSED",
    code: Code.AlreadyExists,
  },
  {
    step: 7,
    what: "a replay store that does not answer",
    spoil: withOutcome({ kind: "unavailable" }),
    reason: "REPLAY_UNAVAILABLE",
    code: Code.Unavailable,
    retryAfterMs: 1_000,
  },
  {
    step: 7,
    what: "a replay store that was emptied",
    spoil: withOutcome({ kind: "store_lost", retryAfterMs: 29_000 }),
    reason: "REPLAY_STORE_LOST",
    code: Code.Unavailable,
    retryAfterMs: 29_000,
  },
  ...(["ip", "session", "user", "type"] as const).map((budget) => ({
    step: 8,
    what: `a used-up budget: ${budget}`,
    spoil: withBudget(budget),
    reason: `BUDGET_${budget.toUpperCase()}` as Reason,
    code: Code.ResourceExhausted,
    retryAfterMs: 12_345,
  })),
  {
    step: 9,
    what: "a type that the gateway does not have",
    spoil: (situation) => ({ ...situation, types: ["credentials.read"] }),
    reason: "COMMAND_UNKNOWN",
    code: Code.Unimplemented,
  },
];

/** What was asked of the outside, in its order. */
async function verify(situation: Situation) {
  const asked: string[] = [];
  const reserved: Reservation[] = [];
  const { envelope, payloadBytes } = situation;
  const signature = envelope === undefined ? Buffer.alloc(64) : signWith(DEVICE, requestSigningBytes(envelope));
  const request: SignedRequest = { envelope, payloadBytes, signature: situation.alter(signature) };
  const result = await verifyRequest(
    {
      clock: fakeClock(new Date(NOW_MS)),
      lookUpSession: async (deviceSessionId) => {
        asked.push(`session ${deviceSessionId}`);
        return situation.answer;
      },
      reserve: async (reservation, now) => {
        asked.push(`reserve at ${now.getTime()}`);
        reserved.push(reservation);
        return situation.outcome;
      },
      takeBudgets: async (_, { userId }) => {
        asked.push(`budgets of ${userId}`);
        return situation.budget;
      },
      types: new Set(situation.types),
    },
    request,
  );
  return { result, asked, reserved, request };
}

/** What has been asked when the check of a step fails. */
const ASKED = [`session ${uuid(1)}`, `reserve at ${NOW_MS}`, `budgets of ${uuid(9)}`];
const askedUpTo = (step: number) => ASKED.slice(0, step < 3 ? 0 : step < 7 ? 1 : step < 8 ? 2 : 3);

describe("a signed request", () => {
  it("that passes every check is executed, with its session and what its answer names it by", async () => {
    const { result, asked, reserved, request } = await verify(GOOD);
    expect(result.rejection).to.equal(undefined);
    const { verified } = result as Exclude<typeof result, { rejection: object }>;
    expect(verified.request).to.deep.equal(request);
    expect(verified.session.userId).to.equal(uuid(9));
    expect(verified.requestHash).to.deep.equal(requestHash(request.envelope!));
    expect(verified.isRetry).to.equal(false);
    expect(asked).to.deep.equal(ASKED);
    expect(reserved[0]).to.include({ deviceSessionId: uuid(1), requestId: uuid(2), timestampMs: NOW });
  });

  it("that its device repeats is executed, and said to be a retry", async () => {
    const { result } = await verify({ ...GOOD, outcome: { kind: "retry" } });
    expect(result).to.have.nested.property("verified.isRetry", true);
  });

  it("passes at both ends of the window of freshness, with the longest payload and without trace id", async () => {
    const payloadBytes = Buffer.alloc(MAX_PAYLOAD_BYTES, "1");
    for (const changes of [
      { timestampMs: NOW - 120_000n },
      { timestampMs: NOW + 30_000n },
      { traceId: "" },
      { payloadHash: sha256(payloadBytes) },
    ]) {
      const changed = withEnvelope(changes)("payloadHash" in changes ? { ...GOOD, payloadBytes } : GOOD);
      expect((await verify(changed)).result).to.have.property("verified");
    }
  });

  for (const { step, what, spoil, reason, code, retryAfterMs } of FAILURES) {
    it(`is refused for ${what}: ${Code[code]} ${reason}, and nothing later is asked`, async () => {
      const { result, asked } = await verify(spoil(GOOD));
      expect(result.rejection).to.include({ code, reason, domain: "cairn" });
      expect(result.rejection?.retryAfterMs).to.equal(retryAfterMs);
      expect(result.rejection?.message).to.match(/^[A-Za-z].+[^.]\.$/);
      const clock = step === 6 ? { server_time_ms: String(NOW_MS) } : {};
      expect(result.rejection?.metadata).to.deep.equal(clock);
      expect(asked).to.deep.equal(askedUpTo(step));
    });
  }

  it("is refused for what comes first, of any two things that are wrong with it", async () => {
    // A missing envelope leaves nothing else to be wrong, and several failures of one place exclude each other.
    const pairs = FAILURES.flatMap((first) =>
      FAILURES.filter((second) => second.step > first.step).map((second) => ({ first, second })),
    );
    for (const { first, second } of pairs) {
      const { result } = await verify(first.spoil(second.spoil(GOOD)));
      expect(result.rejection?.reason, `${first.what}; ${second.what}`).to.equal(first.reason);
    }
  });

  it("is refused when another key signed it", async () => {
    const alter = () => signWith(GATEWAY, requestSigningBytes(GOOD.envelope!));
    expect((await verify({ ...GOOD, alter })).result.rejection?.reason).to.equal("SIGNATURE_INVALID");
  });

  it("is refused when any field was changed after signing", async () => {
    const signed = signWith(DEVICE, requestSigningBytes(GOOD.envelope!));
    const changes: Partial<typeof COMMAND>[] = [
      { deviceSessionId: uuid(6) },
      { messageType: "credentials.lisp" },
      { timestampMs: NOW + 1n },
      { requestId: uuid(6) },
      { traceId: "" },
    ];
    for (const change of changes) {
      const changed = withEnvelope(change)({ ...GOOD, alter: () => signed });
      expect((await verify(changed)).result.rejection?.reason, Object.keys(change)[0]).to.equal("SIGNATURE_INVALID");
    }
  });
});
