import { z } from "zod";
import { DomainError } from "../../core/errors";
import type { VerificationView } from "./actions";
import type { FraudAlert } from "./alerts/store";
import type { Presentation, PresentedCredential } from "./confirmation/actions";
import { CHECKS, CHECK_OUTCOMES, LOG_RESULTS, type CheckResult, checksOf } from "./rules";
import type { Verification } from "./store";
import type { UsageCursor, UsageEntry } from "./usage/store";

const moment = z.iso.datetime();
const credentialId = z.uuid().meta({ description: "The credential's id" });
const verificationId = z.uuid().meta({ description: "The verification's id" });

export const verifierBody = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .regex(/^\P{C}+$/u, "may hold printable characters alone: holders read it in their wallet"),
  webhookUrl: z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional()
    .meta({ description: "Told of every outcome (Standard Webhooks)" }),
});
export const verifierParams = z.strictObject({ id: z.uuid() });
export const verifierKeyParams = z.strictObject({ id: z.uuid(), keyId: z.uuid() });

export const openBody = z
  .strictObject({
    credentialId: credentialId.optional(),
    credential: z
      .union([
        z.string().max(65_536).meta({ description: "The JWT" }),
        z.looseObject({ credentialId }).meta({ description: "What a holder's QR code says" }),
      ])
      .optional(),
  })
  .refine(({ credentialId: id, credential }) => (id === undefined) !== (credential === undefined), {
    message: "give either credential or credentialId",
  });

export const requestQuery = z.strictObject({ credentialId });
export const confirmBody = z.strictObject({
  verificationId,
  signature: z
    .string()
    .max(16_386, "is too long for a signature")
    .regex(/^0x(?:[0-9a-fA-F]{2})+$/, "is not a signature: give 0x and hexadecimal digits")
    .meta({ description: "Over the challenge (`personal_sign`), by the holder's wallet" }),
  presenterDid: z
    .string()
    .max(200)
    .regex(/^did:[a-z0-9]+:\S+$/, "is not a DID")
    .meta({ description: "Who presents" }),
});
export const verificationParams = z.strictObject({ id: verificationId });
export const getQuery = z.strictObject({
  waitSeconds: z.coerce.number().int().min(0).max(25).default(0).meta({ description: "Wait so long for the decision" }),
});
export const usageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(400).optional().meta({ description: "`next` of the page before" }),
});
export const filteredUsageQuery = usageQuery.extend({
  credentialId: credentialId.optional(),
  result: z.enum(LOG_RESULTS).optional(),
});
export const alertsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });

const checks = z.array(z.strictObject({ name: z.enum(CHECKS), outcome: z.enum(CHECK_OUTCOMES) }));
const block = z.strictObject({ number: z.int(), hash: z.string() });
const challenge = z.strictObject({
  message: z.string().meta({ description: "The text to sign with `personal_sign`" }),
  nonce: z.string(),
  issuedAt: moment,
  expiresAt: moment,
});
const shownCredential = z.strictObject({
  credentialId: z.uuid(),
  type: z.string(),
  issuer: z.strictObject({ did: z.string(), name: z.string() }),
  subject: z.string(),
});
const verifiedCredential = shownCredential.extend({ claims: z.record(z.string(), z.unknown()), expiresAt: moment });

export const verifierReply = z.strictObject({
  verifierId: z.uuid(),
  name: z.string(),
  webhookUrl: z.string().nullable(),
  apiKey: z.string(),
  webhookSecret: z.string().nullable().meta({ description: "`whsec_` and base64; null without a webhook" }),
});

export const openReply = z.strictObject({
  verificationId: z.uuid(),
  status: z.literal("pending"),
  credential: shownCredential,
  challenge,
});

export const requestReply = z.strictObject({
  verificationId: z.uuid(),
  challenge: z.string().meta({ description: "The text to sign with `personal_sign`" }),
  verifier: z.strictObject({ verifierId: z.uuid(), name: z.string() }),
  credential: shownCredential,
  nonce: z.string(),
  issuedAt: moment,
  expiresAt: moment,
  others: z.array(
    z.strictObject({ verificationId: z.uuid(), verifierName: z.string(), challenge: z.string(), expiresAt: moment }),
  ),
});

export const verificationReply = z.strictObject({
  verificationId: z.uuid(),
  status: z.enum(["pending", "verified", "failed", "expired"]),
  message: z.string().meta({ description: "A sentence for people" }),
  code: z.string().nullable(),
  checks,
  presenterDid: z.string().nullable(),
  decidedAt: moment.nullable(),
  block: block.nullable().meta({ description: "The chain was asked at this block or a later one" }),
  credential: verifiedCredential.nullable().meta({ description: "What was presented; null unless verified" }),
});

const usageEntry = z.strictObject({
  credentialId: z.uuid(),
  verificationId: z.uuid(),
  presenterId: z.string(),
  verifierId: z.string(),
  verifierName: z.string(),
  result: z.enum(LOG_RESULTS),
  reason: z.string(),
  timestamp: moment,
});
export const usageReply = z.strictObject({ entries: z.array(usageEntry), next: z.string().nullable() });
export const fullUsageReply = z.strictObject({
  entries: z.array(usageEntry.extend({ issuer: z.string(), subjectDid: z.string(), ipAddress: z.string() })),
  next: z.string().nullable(),
});

export const alertsReply = z.strictObject({
  alerts: z.array(
    z.strictObject({
      alertId: z.string(),
      credentialId: z.uuid(),
      kind: z.enum(["holder_mismatch", "reuse"]),
      issuer: z.string(),
      subjectDid: z.string(),
      presenters: z.array(z.string()),
      verifierName: z.string(),
      ipAddress: z.string(),
      attempts: z.int(),
      firstAt: moment,
      lastAt: moment,
      notifiedAt: moment.nullable(),
    }),
  ),
});

const WAITING = "Nobody has answered yet.";
const TOO_LATE = "Nobody answered in time.";

/** A credential as those may see it who only ask for it. */
export function showCredential({ credentialId: id, type, issuerDid, issuerName, subjectDid }: PresentedCredential) {
  return { credentialId: id, type, issuer: { did: issuerDid, name: issuerName }, subject: subjectDid };
}

/** A presentation that passed, as it goes out. */
export function showPresentation({ verification, decision, credential, claims }: Presentation) {
  const presented = { credential, claims };
  return showVerification({
    verification: { ...verification, status: "verified", decision },
    status: "verified",
    presented,
  });
}

/** A verification as its verifier sees it. */
export function showVerification({
  verification,
  status,
  presented,
}: VerificationView): z.input<typeof verificationReply> {
  const { decision } = verification;
  return {
    verificationId: verification.verificationId,
    status,
    message: decision?.message ?? (status === "expired" ? TOO_LATE : WAITING),
    code: decision?.code ?? null,
    checks: decision === null ? notReached() : checksOf(decision.code),
    presenterDid: decision?.presenterDid ?? null,
    decidedAt: decision?.decidedAt.toISOString() ?? null,
    block: decision === null ? null : { number: decision.block.number, hash: decision.block.hash },
    credential: presented && {
      ...showCredential(presented.credential),
      claims: presented.claims,
      expiresAt: presented.credential.expiresAt.toISOString(),
    },
  };
}

function notReached(): CheckResult[] {
  return CHECKS.map((name) => ({ name, outcome: "not_reached" }));
}

/** A challenge as it goes out. */
export function showChallenge({ challenge: { message, nonce, issuedAt, expiresAt } }: Verification) {
  return { message, nonce, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() };
}

/** An entry as holders and issuers see it: without the caller's address, which is personal. */
export function showUsage(entry: UsageEntry) {
  const {
    credentialId: id,
    verificationId: of,
    presenterId,
    verifierId,
    verifierName,
    result,
    reason,
    timestamp,
  } = entry;
  return {
    credentialId: id,
    verificationId: of,
    presenterId,
    verifierId,
    verifierName,
    result,
    reason,
    timestamp: timestamp.toISOString(),
  };
}

/** An entry as administrators see it. */
export function showFullUsage(entry: UsageEntry) {
  const { issuer, subjectDid, ipAddress } = entry;
  return { ...showUsage(entry), issuer, subjectDid, ipAddress };
}

/** An alert as it goes out. */
export function showAlert({ firstAt, lastAt, notifiedAt, ...alert }: FraudAlert) {
  const times = {
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
    notifiedAt: notifiedAt?.toISOString() ?? null,
  };
  return { ...alert, ...times };
}

/** The place after which the next page begins; null after the last. */
export function nextCursor(entries: UsageEntry[], limit: number): string | null {
  const last = entries.length === limit ? entries.at(-1) : undefined;
  if (last === undefined) return null;
  return Buffer.from(`${last.timestamp.toISOString()} ${last.id}`).toString("base64url");
}

/** @throws DomainError `usage.cursor_invalid` */
export function parseCursor(cursor: string | undefined): UsageCursor | null {
  if (cursor === undefined) return null;
  const [time = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const timestamp = new Date(time);
  if (!Number.isNaN(timestamp.getTime()) && id !== "") return { timestamp, id };
  throw new DomainError("usage.cursor_invalid", "invalid", "The cursor is none of ours: send back `next` as it came.");
}

/**
 * A holder's pending requests as they go out.
 *
 * @throws DomainError `verification.none_pending`
 */
export function showRequests(credential: PresentedCredential, requests: Verification[]): z.input<typeof requestReply> {
  const [newest, ...others] = requests;
  if (newest === undefined) {
    throw new DomainError("verification.none_pending", "not_found", "No verifier asks for this credential right now.");
  }
  const { message, nonce, issuedAt, expiresAt } = showChallenge(newest);
  return {
    verificationId: newest.verificationId,
    challenge: message,
    verifier: { verifierId: newest.verifierId, name: newest.verifierName },
    credential: showCredential(credential),
    nonce,
    issuedAt,
    expiresAt,
    others: others.map((other) => ({
      verificationId: other.verificationId,
      verifierName: other.verifierName,
      challenge: other.challenge.message,
      expiresAt: other.challenge.expiresAt.toISOString(),
    })),
  };
}
