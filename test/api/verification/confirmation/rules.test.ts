import { expect } from "chai";
import fc from "fast-check";
import { CHECKS, checksOf, type RejectionCode } from "../../../../api/verification/checks";
import { evaluate, type Facts, formatMoment } from "../../../../api/verification/confirmation/rules";

const NOW = new Date("2025-12-06T14:40:00.000Z");
const EARLIER = new Date("2025-12-06T14:35:00.000Z");
const LATER = new Date("2025-12-06T14:45:00.000Z");

/** A presentation that passes every check. */
function passing(): Facts {
  return {
    now: NOW,
    accredited: true,
    signedByIssuer: true,
    expiresAt: LATER,
    revoked: false,
    suspended: false,
    hold: null,
    status: "ACTIVE",
    usageCount: 0,
    maxUsages: 1,
    lastUsedAt: null,
    subjectActive: true,
    signedByHolder: true,
    challenge: { expiresAt: LATER, consumed: false },
  };
}

/** For each check a way in which it alone fails. */
const FAILURES: { check: (typeof CHECKS)[number]; code: RejectionCode; spoil(facts: Facts): void; says: RegExp }[] = [
  {
    check: "holder_signature",
    code: "verification.holder_mismatch",
    spoil: (f) => (f.signedByHolder = false),
    says: /^This credential was issued to another holder\.$/,
  },
  {
    check: "challenge_fresh",
    code: "verification.challenge_expired",
    spoil: (f) => (f.challenge.expiresAt = NOW),
    says: /too old/,
  },
  {
    check: "known_issuer",
    code: "verification.issuer_not_accredited",
    spoil: (f) => (f.accredited = false),
    says: /not accredited/,
  },
  {
    check: "issuer_signature",
    code: "verification.issuer_signature_invalid",
    spoil: (f) => (f.signedByIssuer = false),
    says: /signature of the issuer/,
  },
  {
    check: "not_expired",
    code: "verification.credential_expired",
    spoil: (f) => (f.expiresAt = NOW),
    says: /expired on 6 Dec 2025 at 14:40 UTC/,
  },
  {
    check: "not_revoked",
    code: "verification.credential_revoked",
    spoil: (f) => (f.revoked = true),
    says: /revoked by its issuer/,
  },
  {
    check: "uses_left",
    code: "verification.already_used",
    spoil: (f) => Object.assign(f, { status: "USED", usageCount: 1, lastUsedAt: EARLIER }),
    says: /^Already used on 6 Dec 2025 at 14:35 UTC\.$/,
  },
];

describe("the seven checks", () => {
  it("pass a sound presentation", () => {
    const { checks, rejection } = evaluate(passing());
    expect(checks.map(({ name }) => name)).to.deep.equal([...CHECKS]);
    expect(checks.every(({ outcome }) => outcome === "pass")).to.equal(true);
    expect(rejection).to.equal(null);
  });

  for (const { check, code, spoil, says } of FAILURES) {
    it(`refuse when ${check} alone fails, name it, and reach nothing after it`, () => {
      const facts = passing();
      spoil(facts);
      const { checks, rejection } = evaluate(facts);
      const at = CHECKS.indexOf(check);
      expect(checks.map(({ outcome }) => outcome)).to.deep.equal(
        CHECKS.map((_, place) => (place < at ? "pass" : place === at ? "fail" : "not_reached")),
      );
      expect(rejection).to.include({ check, code });
      expect(checksOf(code), "the checks as its code alone tells them").to.deep.equal(checks);
      expect(rejection?.message).to.match(says);
    });
  }

  it("tell a suspension from a revocation, and heed what the issuer asked for before the chain shows it", () => {
    expect(evaluate({ ...passing(), suspended: true }).rejection?.code).to.equal("verification.credential_suspended");
    expect(evaluate({ ...passing(), hold: "suspend" }).rejection?.code).to.equal("verification.credential_suspended");
    expect(evaluate({ ...passing(), hold: "revoke" }).rejection?.code).to.equal("verification.credential_revoked");
    expect(evaluate({ ...passing(), suspended: true, hold: "revoke" }).rejection?.code).to.equal(
      "verification.credential_revoked",
    );
  });

  it("tell a consumed challenge from an old one", () => {
    const challenge = { expiresAt: NOW, consumed: true };
    expect(evaluate({ ...passing(), challenge }).rejection?.code).to.equal("verification.challenge_consumed");
  });

  it("refuse a credential whose count is used up, whatever its status says", () => {
    expect(evaluate({ ...passing(), usageCount: 5, maxUsages: 5, lastUsedAt: EARLIER }).rejection?.message).to.equal(
      "Already used 5 times, the last time on 6 Dec 2025 at 14:35 UTC.",
    );
  });

  it("pass exactly the presentations without any failure, and report the first of several", () => {
    fc.assert(
      fc.property(fc.subarray(FAILURES), (failures) => {
        const facts = passing();
        for (const { spoil } of failures) spoil(facts);
        const { checks, rejection } = evaluate(facts);
        expect(rejection?.check).to.equal(failures[0]?.check);
        expect(checks.filter(({ outcome }) => outcome === "fail")).to.have.length(failures.length > 0 ? 1 : 0);
      }),
    );
  });
});

describe("moments", () => {
  it("are written as people write them, in UTC", () => {
    expect(formatMoment(new Date("2025-01-02T03:04:59.999Z"))).to.equal("2 Jan 2025 at 03:04 UTC");
  });
});
