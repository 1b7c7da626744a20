import { z } from "zod";
import { addSeconds, type Clock } from "../../../core/clock";
import type { KycConfig } from "../../../core/config/kyc";
import type { KycReason } from "../reasons";
import type { KycDecision, KycSubstatus } from "../rules";
import { callProvider, findAtProvider } from "./callProvider";
import { parseBody } from "./parseBody";
import type { KycProvider, ProviderSession } from "./provider";
import { hmacHex, matchesAny } from "./signatures";

const LINK_SECONDS = 30 * 60;

/** An applicant does not expire; a link does, and is made anew by asking again. */
const FORGOTTEN_SECONDS = 365 * 24 * 60 * 60;

const SUBSTATUS_OF_REVIEW: Record<string, KycSubstatus | undefined> = {
  pending: "in_progress",
  prechecked: "in_progress",
  queued: "in_progress",
  awaitingService: "in_progress",
  awaitingUser: "resubmission_requested",
  onHold: "needs_review",
};

const SUBSTATUS_OF_EVENT: Record<string, KycSubstatus | undefined> = {
  applicantPending: "in_progress",
  applicantAwaitingService: "in_progress",
  applicantAwaitingUser: "resubmission_requested",
  applicantOnHold: "needs_review",
};

/** The gravest first: of several labels the first found here is kept. */
const REASON_OF_LABEL: [string, KycReason][] = [
  ["FORGERY", "fraud_suspected"],
  ["FRAUDULENT_PATTERNS", "fraud_suspected"],
  ["FRAUDULENT_LIVENESS", "fraud_suspected"],
  ["SELFIE_MISMATCH", "selfie_mismatch"],
  ["DUPLICATE", "duplicate_person"],
  ["AGE_REQUIREMENT_MISMATCH", "age_below_minimum"],
  ["REGULATIONS_VIOLATIONS", "region_unsupported"],
  ["WRONG_USER_REGION", "region_unsupported"],
  ["EXPIRATION_DATE", "document_expired"],
  ["ID_INVALID", "document_suspicious"],
  ["PROBLEMATIC_APPLICANT_DATA", "data_mismatch"],
  ["NOT_DOCUMENT", "document_unsupported"],
  ["INCOMPATIBLE_LANGUAGE", "document_unsupported"],
  ["UNSUITABLE_DOCUMENT", "document_unsupported"],
  ["DOCUMENT_DAMAGED", "document_unreadable"],
  ["LOW_QUALITY", "document_unreadable"],
  ["UNSATISFACTORY_PHOTOS", "document_unreadable"],
  ["SCREENSHOTS", "document_unreadable"],
  ["BLACK_AND_WHITE", "document_unreadable"],
  ["DOCUMENT_PAGE_MISSING", "document_unreadable"],
  ["BAD_SELFIE", "selfie_unusable"],
  ["BAD_FACE_MATCHING", "selfie_mismatch"],
];

const reviewResult = z.object({
  reviewAnswer: z.enum(["GREEN", "RED"]),
  reviewRejectType: z.enum(["RETRY", "FINAL"]).nullish(),
  rejectLabels: z.array(z.string()).nullish(),
});

const link = z.object({ url: z.url() });

const applicant = z.object({
  review: z.object({ reviewStatus: z.string().nullish(), reviewResult: reviewResult.nullish() }).nullish(),
});

const delivery = z.object({
  type: z.string(),
  externalUserId: z.string().nullish(),
  correlationId: z.string().nullish(),
  createdAtMs: z.union([z.string(), z.number()]).nullish(),
  reviewResult: reviewResult.nullish(),
});

const PROVIDER = "sumsub";

interface SumsubAccess {
  config: NonNullable<KycConfig["sumsub"]>;
  clock: Clock;
}

/**
 * Sumsub: applicants, which are sessions without end: our user's id is theirs. Requests are signed; webhooks sign the
 * body alone (`X-Payload-Digest`), so that the decision is read from the API.
 */
export function createSumsub(config: NonNullable<KycConfig["sumsub"]>, clock: Clock): KycProvider {
  const { apiUrl, webhookSecrets: secrets } = config;
  const access: SumsubAccess = { config, clock };

  return {
    name: PROVIDER,
    signsTime: false,
    // Sumsub reviews again, for instance when a person turns up on a list; its answer of today holds.
    mayRevise: true,
    async createSession({ userId, returnUrl, now }) {
      return { ...(await createLink(access, { userId, returnUrl })), expiresAt: addSeconds(now, FORGOTTEN_SECONDS) };
    },
    resumeSession: ({ userId, returnUrl }) => createLink(access, { userId, returnUrl }),
    verifyDelivery({ header, body }) {
      const algorithm = digestAlgorithm(header("x-payload-digest-alg"));
      if (algorithm === undefined) return "signature";
      const expected = secrets.map((secret) => hmacHex(algorithm, secret, body));
      return matchesAny([header("x-payload-digest") ?? ""], expected) ? undefined : "signature";
    },
    parseDelivery({ body }) {
      const {
        type,
        externalUserId,
        correlationId,
        createdAtMs,
        reviewResult: result,
      } = parseBody(PROVIDER, body, delivery);
      const at = createdAtMs ?? "";
      const deliveryKey = `${PROVIDER}:${externalUserId ?? ""}:${correlationId ?? ""}:${type}:${at}`;
      if (!externalUserId) return { deliveryKey, decision: undefined };
      if (type === "applicantReviewed" && result) return { deliveryKey, decision: decisionOf(externalUserId, result) };
      const substatus = SUBSTATUS_OF_EVENT[type];
      return { deliveryKey, decision: substatus && undecided(externalUserId, substatus) };
    },
    async fetchDecision({ userId }) {
      const path = `/resources/applicants/-;externalUserId=${encodeURIComponent(userId)}/one`;
      const found = await findAtProvider({
        provider: PROVIDER,
        purpose: "show an applicant",
        url: apiUrl + path,
        method: "GET",
        headers: signedHeaders(access, { method: "GET", path }),
        schema: applicant,
      });
      // Until the link is opened there is no applicant.
      const review = found?.review;
      if (review?.reviewStatus === "completed" && review.reviewResult) return decisionOf(userId, review.reviewResult);
      const substatus = SUBSTATUS_OF_REVIEW[review?.reviewStatus ?? ""];
      return substatus === undefined ? null : undecided(userId, substatus);
    },
  };
}

/** A link to the web SDK, by which a person goes through a verification. */
async function createLink(
  access: SumsubAccess,
  { userId, returnUrl }: { userId: string; returnUrl: string },
): Promise<ProviderSession> {
  const { apiUrl, level } = access.config;
  const path = "/resources/sdkIntegrations/levels/-/websdkLink";
  const redirect = { successUrl: returnUrl, rejectUrl: returnUrl };
  const body = JSON.stringify({ levelName: level, userId, ttlInSecs: LINK_SECONDS, redirect });
  const { url: sessionUrl } = await callProvider({
    provider: PROVIDER,
    purpose: "make a link",
    url: apiUrl + path,
    method: "POST",
    headers: signedHeaders(access, { method: "POST", path, body }),
    body,
    schema: link,
  });
  return { sessionId: userId, sessionUrl };
}

/** The headers of a request, signed with the app's secret over time, method, path and body. */
function signedHeaders(
  { config, clock }: SumsubAccess,
  { method, path, body = "" }: { method: "GET" | "POST"; path: string; body?: string },
): Record<string, string> {
  const seconds = String(Math.floor(clock.now().getTime() / 1000));
  return {
    "x-app-token": config.appToken,
    "x-app-access-ts": seconds,
    "x-app-access-sig": hmacHex("sha256", config.secretKey, seconds, method, path, body),
    "content-type": "application/json",
  };
}

/** Sumsub also offers HMAC with SHA-1, which is refused. */
function digestAlgorithm(header: string | undefined): "sha256" | "sha512" | undefined {
  if (header === "HMAC_SHA256_HEX") return "sha256";
  return header === "HMAC_SHA512_HEX" ? "sha512" : undefined;
}

function undecided(sessionId: string, substatus: KycSubstatus): KycDecision {
  return { sessionId, substatus, reason: null, mayRetry: true, occurredAt: null };
}

function decisionOf(sessionId: string, result: z.output<typeof reviewResult>): KycDecision {
  if (result.reviewAnswer === "GREEN") return undecided(sessionId, "approved");
  const labels = new Set(result.rejectLabels ?? []);
  const reason = REASON_OF_LABEL.find(([label]) => labels.has(label))?.[1] ?? "other";
  const mayRetry = result.reviewRejectType === "RETRY";
  return { sessionId, substatus: mayRetry ? "resubmission_requested" : "declined", reason, mayRetry, occurredAt: null };
}
