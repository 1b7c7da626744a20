import { z } from "zod";
import { DomainError } from "../../core/errors";
import { accountDid, accountSignature } from "../http/accountFields";
import type { OpenRequest, VerificationView } from "./actions";
import { CHECKS, CHECK_OUTCOMES, checksNotReached, checksOf } from "./checks";
import type { Presentation } from "./confirmation/actions";
import { type PresentedCredential, type Verification, VERIFICATION_STATUSES } from "./rules";

const moment = z.iso.datetime();
const credentialId = z.uuid().meta({ description: "The credential's id" });
const verificationId = z.uuid().meta({ description: "The verification's id" });

const jwt = z.string().max(65_536);

export const openBody = z
  .strictObject({
    credentialId: credentialId.optional(),
    credential: z
      .union([
        jwt.meta({ description: "The JWT" }),
        z.looseObject({ credentialId }).meta({ description: "What a holder's QR code says" }),
      ])
      .optional(),
  })
  .refine(({ credentialId: id, credential }) => (id === undefined) !== (credential === undefined), {
    message: "give either credential or credentialId",
  });

export const requestQuery = z.strictObject({ credentialId });
export const confirmBody = z
  .strictObject({
    verificationId: verificationId.optional(),
    credentialId: credentialId.optional().meta({ description: "Instead: the newest open request for this credential" }),
    credential: jwt.optional().meta({ description: "Instead: the same, by the credential's JWT" }),
    signature: accountSignature.meta({
      description:
        "Over the challenge (`personal_sign`) by the holder's wallet, or over its digest by a passkey, in the forms of POST /auth/wallet/link",
    }),
    presenterDid: accountDid
      .refine((text) => /^did:[a-z0-9]+:\S+$/.test(text), "is not a DID")
      .optional()
      .meta({ description: "Who presents; the credential's subject when left out" }),
  })
  .refine(
    (body) =>
      [body.verificationId, body.credentialId, body.credential].filter((given) => given !== undefined).length === 1,
    { message: "give one of verificationId, credentialId and credential" },
  );
export const verificationParams = z.strictObject({ id: verificationId });
export const getQuery = z.strictObject({
  waitSeconds: z.coerce.number().int().min(0).max(25).default(0).meta({ description: "Wait so long for the decision" }),
});
export const ownQuery = z.strictObject({
  status: z.enum(VERIFICATION_STATUSES).optional(),
  credentialId: credentialId.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(200).optional().meta({ description: "`next` of the page before" }),
});
const checks = z.array(z.strictObject({ name: z.enum(CHECKS), outcome: z.enum(CHECK_OUTCOMES) }));
const block = z.strictObject({ number: z.int(), hash: z.string() });
const digest = z
  .string()
  .meta({ description: "What a key signs for the text (EIP-191), a passkey as its challenge: `0x` and 64 digits" });
const challenge = z.strictObject({
  message: z.string().meta({ description: "The text to sign with `personal_sign`" }),
  digest,
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

export const openReply = z.strictObject({
  verificationId: z.uuid(),
  status: z.literal("pending"),
  credential: shownCredential,
  challenge,
});

export const requestReply = z.strictObject({
  verificationId: z.uuid(),
  challenge: z.string().meta({ description: "The text to sign with `personal_sign`" }),
  digest,
  verifier: z.strictObject({ verifierId: z.uuid(), name: z.string() }),
  credential: shownCredential,
  nonce: z.string(),
  issuedAt: moment,
  expiresAt: moment,
  others: z.array(
    z.strictObject({
      verificationId: z.uuid(),
      verifierName: z.string(),
      challenge: z.string(),
      digest,
      expiresAt: moment,
    }),
  ),
});

export const requestsReply = z.strictObject({
  requests: z.array(
    z.strictObject({
      verificationId: z.uuid(),
      verifier: z.strictObject({ verifierId: z.uuid(), name: z.string() }),
      credential: shownCredential,
      challenge,
    }),
  ),
});

export const verificationReply = z.strictObject({
  verificationId: z.uuid(),
  status: z.enum(VERIFICATION_STATUSES),
  message: z.string().meta({ description: "A sentence for people" }),
  code: z.string().nullable(),
  checks,
  presenterDid: z.string().nullable(),
  declineReason: z.string().nullable().meta({ description: "What the holder said who declined, in its own words" }),
  decidedAt: moment.nullable(),
  block: block.nullable().meta({ description: "The chain was asked at this block or a later one" }),
  credential: verifiedCredential.nullable().meta({ description: "What was presented; null unless verified" }),
});

export const ownReply = z.strictObject({
  verifications: z.array(
    z.strictObject({
      verificationId: z.uuid(),
      credentialId: z.uuid(),
      status: z.enum(VERIFICATION_STATUSES),
      message: z.string().meta({ description: "A sentence for people" }),
      code: z.string().nullable(),
      presenterDid: z.string().nullable(),
      requestedAt: moment,
      expiresAt: moment,
      decidedAt: moment.nullable(),
    }),
  ),
  next: z.string().nullable(),
});

/** The credential that a request for its verification names, by its id or as its JWT. */
export function presentedOf({ credential, credentialId: id }: z.output<typeof openBody>) {
  if (typeof credential === "string") return { jwt: credential };
  return { credentialId: credential?.credentialId ?? id ?? "" };
}

/** What a confirmation names: the verification or, for the newest request for it, the credential. */
export function answersOf({
  verificationId: id,
  credentialId: ofCredential,
  credential,
}: z.output<typeof confirmBody>) {
  if (id !== undefined) return { verificationId: id };
  return credential === undefined ? { credentialId: ofCredential ?? "" } : { jwt: credential };
}

/** Sentences for people where no checks ran. */
const UNDECIDED: Record<Verification["status"], string> = {
  pending: "Nobody has answered yet.",
  declined: "The holder declined to answer.",
  expired: "Nobody answered in time.",
  verified: "All seven checks passed.",
  failed: "The answer was refused.",
};

/** A credential as those may see it who only ask for it. */
export function showCredential({ credentialId: id, type, issuerDid, issuerName, subjectDid }: PresentedCredential) {
  return { credentialId: id, type, issuer: { did: issuerDid, name: issuerName }, subject: subjectDid };
}

/** A verification that was just requested, as it goes out. */
export function showRequested(verification: Verification, credential: PresentedCredential): z.input<typeof openReply> {
  return {
    verificationId: verification.verificationId,
    status: "pending",
    credential: showCredential(credential),
    challenge: showChallenge(verification),
  };
}

/** A presentation that passed, as it goes out. */
export function showPresentation({ verification, decision, credential, claims }: Presentation) {
  return showVerification({
    verification: { ...verification, status: "verified", decision },
    status: "verified",
    presented: { credential, claims },
  });
}

/** A verification as its verifier sees it. */
export function showVerification({
  verification,
  status,
  presented,
}: VerificationView): z.input<typeof verificationReply> {
  const { decision, declined } = verification;
  return {
    verificationId: verification.verificationId,
    status,
    message: decision?.message ?? UNDECIDED[status],
    code: decision?.code ?? null,
    checks: decision === null ? checksNotReached() : checksOf(decision.code),
    presenterDid: decision?.presenterDid ?? null,
    declineReason: status === "declined" ? (declined?.reason ?? null) : null,
    decidedAt: (decision?.decidedAt ?? declined?.at)?.toISOString() ?? null,
    block: decision === null ? null : { number: decision.block.number, hash: decision.block.hash },
    credential: presented && {
      ...showCredential(presented.credential),
      claims: presented.claims,
      expiresAt: presented.credential.expiresAt.toISOString(),
    },
  };
}

/** One line of a verifier's list; GET /verify/{id} says the rest. */
export function showOwn({ verification, status }: Omit<VerificationView, "presented">) {
  const { verificationId, credentialId: id, decision, declined, createdAt, challenge: asked } = verification;
  return {
    verificationId,
    credentialId: id,
    status,
    message: decision?.message ?? UNDECIDED[status],
    code: decision?.code ?? null,
    presenterDid: decision?.presenterDid ?? null,
    requestedAt: createdAt.toISOString(),
    expiresAt: asked.expiresAt.toISOString(),
    decidedAt: (decision?.decidedAt ?? declined?.at)?.toISOString() ?? null,
  };
}

/** Where the page after this verification begins. */
export function writeCursor({ createdAt, verificationId: id }: Verification): string {
  return Buffer.from(`${createdAt.toISOString()} ${id}`).toString("base64url");
}

/** @throws DomainError `verification.cursor_invalid` */
export function readCursor(cursor: string): { createdAt: Date; verificationId: string } {
  const [time = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const createdAt = new Date(time);
  if (!Number.isNaN(createdAt.getTime()) && id !== "") return { createdAt, verificationId: id };
  const message = "The cursor is none of ours: send back `next` as it came.";
  throw new DomainError("verification.cursor_invalid", "invalid", message);
}

/** A challenge as it goes out. */
export function showChallenge({ challenge: { message, digest, nonce, issuedAt, expiresAt } }: Verification) {
  return { message, digest, nonce, issuedAt: issuedAt.toISOString(), expiresAt: expiresAt.toISOString() };
}

/** One of a holder's pending requests as it goes out. */
export function showOpenRequest({
  verification,
  credential,
}: OpenRequest): z.input<typeof requestsReply>["requests"][number] {
  const { verificationId, verifierId, verifierName } = verification;
  return {
    verificationId,
    verifier: { verifierId, name: verifierName },
    credential: showCredential(credential),
    challenge: showChallenge(verification),
  };
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
  const { message, digest, nonce, issuedAt, expiresAt } = showChallenge(newest);
  return {
    verificationId: newest.verificationId,
    challenge: message,
    digest,
    verifier: { verifierId: newest.verifierId, name: newest.verifierName },
    credential: showCredential(credential),
    nonce,
    issuedAt,
    expiresAt,
    others: others.map((other) => ({
      verificationId: other.verificationId,
      verifierName: other.verifierName,
      challenge: other.challenge.message,
      digest: other.challenge.digest,
      expiresAt: other.challenge.expiresAt.toISOString(),
    })),
  };
}
