import { expect } from "chai";
import fc from "fast-check";
import { publicReason } from "../../../api/kyc/reasons";
import {
  advance,
  noticeOf,
  isDecided,
  KYC_SUBSTATUSES,
  type KycDecision,
  type KycState,
  type KycSubstatus,
  nextCheckAt,
  startedState,
  planStart,
  statusOf,
  viewOf,
} from "../../../api/kyc/rules";

const T0 = new Date("2026-03-01T12:00:00Z");
const at = (seconds: number) => new Date(T0.getTime() + seconds * 1000);
const OPENED = startedState({ provider: "sandbox", sessionId: "s1", expiresAt: at(86_400) }, null, T0);
const DELIVERED = { isCurrent: false, mayRevise: false };
const CURRENT = { isCurrent: true, mayRevise: false };

function said(substatus: KycSubstatus, seconds: number | null, more: Partial<KycDecision> = {}): KycDecision {
  const occurredAt = seconds === null ? null : at(seconds);
  return { sessionId: "s1", substatus, reason: null, mayRetry: true, occurredAt, ...more };
}

function move(state: KycState, decision: KycDecision, trust = DELIVERED): KycState {
  const next = advance(state, decision, trust, at(100));
  if (typeof next === "string") throw new Error(next);
  return next;
}

describe("KYC rules", () => {
  it("give every substatus one of the four statuses", () => {
    expect(KYC_SUBSTATUSES.map((substatus) => [substatus, statusOf(substatus)])).to.deep.equal([
      ["opened", "pending"],
      ["in_progress", "pending"],
      ["resubmission_requested", "pending"],
      ["needs_review", "pending"],
      ["expired", "not_verified"],
      ["canceled", "not_verified"],
      ["declined", "rejected"],
      ["approved", "verified"],
    ]);
  });

  it("come to the same end in whatever order deliveries arrive", () => {
    const history = [
      said("in_progress", 1),
      said("resubmission_requested", 2),
      said("in_progress", 3),
      said("needs_review", 4),
    ];
    const ends = (["approved", "declined", "expired"] as const).map((end) => said(end, 5));
    const arrivals = fc
      .constantFrom(...ends)
      .chain((end) =>
        fc.array(fc.constantFrom(...history, end), { maxLength: 12 }).map((some) => ({ end, some: [...some, end] })),
      );
    fc.assert(
      fc.property(
        arrivals.chain(({ end, some }) =>
          fc.shuffledSubarray(some, { minLength: some.length }).map((order) => ({ end, order })),
        ),
        ({ end, order }) => {
          let state = OPENED;
          for (const decision of order) {
            const next = advance(state, decision, DELIVERED, at(100));
            if (typeof next !== "string") state = next;
          }
          expect(state.substatus).to.equal(end.substatus);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("never leave a decision for anything that is none", () => {
    for (const decided of ["approved", "declined"] as const) {
      const state = move(OPENED, said(decided, 5));
      for (const substatus of KYC_SUBSTATUSES.filter((other) => !isDecided(other))) {
        for (const trust of [DELIVERED, CURRENT, { isCurrent: true, mayRevise: true }]) {
          expect(advance(state, said(substatus, 99), trust, T0)).to.equal("stale");
        }
      }
    }
  });

  it("replace a decision only by a later one of a provider that revises", () => {
    const approved = move(OPENED, said("approved", 5));
    const revising = { isCurrent: false, mayRevise: true };
    expect(advance(approved, said("declined", 9), DELIVERED, T0)).to.equal("stale");
    expect(advance(approved, said("declined", 4), revising, T0)).to.equal("stale");
    expect(move(approved, said("declined", 9), revising)).to.deep.include({ status: "rejected", version: 3 });
  });

  it("do not let return what lies between two reports of the same", () => {
    const first = move(OPENED, said("resubmission_requested", 1));
    const second = move(first, said("resubmission_requested", 3));
    expect(noticeOf(first, second)).to.equal(null);
    expect(advance(second, said("in_progress", 2), DELIVERED, T0)).to.equal("stale");
  });

  it("ignore what is said of another session", () => {
    expect(advance(OPENED, said("approved", 5, { sessionId: "s0" }), CURRENT, T0)).to.equal("superseded");
  });

  it("take what was just read from the provider, with or without a time", () => {
    const review = move(OPENED, said("needs_review", 50));
    expect(move(review, said("in_progress", null), CURRENT).substatus).to.equal("in_progress");
    expect(advance(review, said("in_progress", null), DELIVERED, T0)).to.equal("stale");
  });

  it("keep a reason for rejections alone, and tell no forger what gave him away", () => {
    const declined = move(OPENED, said("declined", 1, { reason: "fraud_suspected" }));
    expect(declined).to.deep.include({ rejectionReason: "fraud_suspected", mayRetry: false });
    expect(viewOf(declined, T0).rejectionReason).to.equal(null);
    expect(publicReason("duplicate_person")).to.equal(undefined);
    expect(move(OPENED, said("declined", 1)).rejectionReason).to.equal("other");
    expect(move(OPENED, said("approved", 1, { reason: "other" })).rejectionReason).to.equal(null);
    const told = viewOf(move(OPENED, said("declined", 1, { reason: "document_expired" })), T0).rejectionReason;
    expect(told).to.deep.equal({ code: "document_expired", message: "the document has expired." });
  });

  it("open, resume, put off or refuse a start", () => {
    expect(planStart(null, T0)).to.equal("open");
    expect(planStart(OPENED, at(86_399))).to.equal("resume");
    expect(planStart(OPENED, at(86_400))).to.equal("open");
    expect(planStart(move(OPENED, said("expired", 1)), T0)).to.equal("open");
    const review = move(OPENED, said("needs_review", 1));
    expect([planStart(review, T0), planStart(review, at(999_999))]).to.deep.equal(["wait", "wait"]);
    expect(planStart(move(OPENED, said("declined", 1)), T0)).to.equal("open");
    expect(() => planStart(move(OPENED, said("approved", 1)), T0)).to.throw("verified already");
    const closed = move(OPENED, said("declined", 1, { mayRetry: false }));
    expect(() => planStart(closed, T0)).to.throw("declined for good");
  });

  it("show a session nobody finished as expired, though nobody said so", () => {
    expect(viewOf(OPENED, at(86_399))).to.deep.include({ status: "pending", substatus: "opened" });
    expect(viewOf(OPENED, at(86_400))).to.deep.include({ status: "not_verified", substatus: "expired" });
    const review = move(OPENED, said("needs_review", 1));
    expect(viewOf(review, at(999_999))).to.deep.include({ status: "pending", substatus: "needs_review" });
  });

  it("ask about a silent verification ever more seldom, at least every six hours", () => {
    const pauses = [0, 600, 3_600, 90_000].map(
      (age) => (nextCheckAt(OPENED, 600, at(age)).getTime() - at(age).getTime()) / 1000,
    );
    expect(pauses).to.deep.equal([600, 600, 3_600, 21_600]);
  });

  it("count every change, across sessions too", () => {
    const declined = move(OPENED, said("declined", 1));
    const again = startedState({ provider: "sandbox", sessionId: "s2", expiresAt: at(1) }, declined, T0);
    expect([OPENED.version, declined.version, again.version]).to.deep.equal([1, 2, 3]);
  });
});
