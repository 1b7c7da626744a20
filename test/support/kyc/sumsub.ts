import { createHmac, randomUUID } from "node:crypto";
import {
  type ApiAnswer,
  type ApiRequest,
  freshSecret,
  type ReviewState,
  PERSONAL,
  serveApi,
  Sessions,
  type MockProvider,
} from "./mockProvider";

const EVENT: Record<ReviewState, string> = {
  submitted: "applicantPending",
  review: "applicantOnHold",
  resubmit: "applicantReviewed",
  approved: "applicantReviewed",
  declined: "applicantReviewed",
  expired: "applicantDeactivated",
};

function review(status: ReviewState | "init") {
  switch (status) {
    case "init":
    case "expired":
      return { reviewStatus: "init" };
    case "submitted":
      return { reviewStatus: "pending" };
    case "review":
      return { reviewStatus: "onHold" };
    case "approved":
      return { reviewStatus: "completed", reviewResult: { reviewAnswer: "GREEN" } };
    case "declined":
      return {
        reviewStatus: "completed",
        reviewResult: {
          reviewAnswer: "RED",
          reviewRejectType: "FINAL",
          rejectLabels: ["FORGERY"],
          clientComment: PERSONAL.lastName,
        },
      };
    case "resubmit":
      return {
        reviewStatus: "completed",
        reviewResult: { reviewAnswer: "RED", reviewRejectType: "RETRY", rejectLabels: ["UNSATISFACTORY_PHOTOS"] },
      };
  }
}

/** Sumsub's API, whose requests are signed, and its webhooks: `X-Payload-Digest`, hex HMAC of the body. */
export async function startSumsub(): Promise<MockProvider> {
  const appToken = freshSecret("sbx:");
  const secretKey = freshSecret();
  const secrets: [string, string] = [freshSecret(), freshSecret()];
  const sessions = new Sessions<ReviewState | "init">();
  const api = await serveApi(answer, () => mock.outage);

  function answer({ method, path, headers, body }: ApiRequest): ApiAnswer {
    const seconds = String(headers["x-app-access-ts"]);
    const signature = createHmac("sha256", secretKey).update(`${seconds}${method}${path}${body}`).digest("hex");
    if (headers["x-app-token"] !== appToken || headers["x-app-access-sig"] !== signature) return { status: 401 };
    if (method === "POST" && path === "/resources/sdkIntegrations/levels/-/websdkLink") {
      const { levelName, userId, ttlInSecs } = JSON.parse(body) as {
        levelName: string;
        userId: string;
        ttlInSecs: number;
      };
      if (levelName !== "id-and-liveness" || ttlInSecs <= 0) return { status: 400 };
      if (sessions.get(userId) === undefined) sessions.add(userId, userId, "init");
      return { status: 200, body: { url: `https://in.sumsub.com/websdk/p/${freshSecret("sbx_")}` } };
    }
    const userId = decodeURIComponent(/^\/resources\/applicants\/-;externalUserId=([^/]+)\/one$/.exec(path)?.[1] ?? "");
    const session = sessions.get(userId);
    if (session === undefined) return { status: 404 };
    const info = { firstName: PERSONAL.firstName, lastName: PERSONAL.lastName, dob: PERSONAL.birthDate };
    return { status: 200, body: { id: randomUUID(), externalUserId: userId, info, review: review(session.status) } };
  }

  const mock: MockProvider = {
    name: "sumsub",
    signsTime: false,
    secrets,
    config: { sumsub: { apiUrl: api.url, appToken, secretKey, level: "id-and-liveness", webhookSecrets: secrets } },
    signedHeaders: ["x-payload-digest", "x-payload-digest-alg"],
    outage: false,
    sessionsOf: (userId) => sessions.of(userId),
    decide: (id, state) => sessions.set(id, state),
    sign(id, state, { secret = secrets[0], occurredAt, eventId = randomUUID() }) {
      const createdAtMs = occurredAt.toISOString().replace("T", " ").replace("Z", "");
      const payload = {
        applicantId: "5cb56e8e0a975a35f333cb83",
        inspectionId: "5cb56e8e0a975a35f333cb84",
        correlationId: eventId,
        externalUserId: id,
        levelName: "id-and-liveness",
        type: EVENT[state],
        ...review(state),
        createdAtMs,
        applicantMemberOf: [{ name: PERSONAL.lastName, address: PERSONAL.address }],
      };
      const body = Buffer.from(JSON.stringify(payload));
      const digest = createHmac("sha256", secret).update(body).digest("hex");
      const headers = { "x-payload-digest": digest, "x-payload-digest-alg": "HMAC_SHA256_HEX" };
      return { headers: { "content-type": "application/json", ...headers }, body };
    },
    close: api.close,
  };
  return mock;
}
