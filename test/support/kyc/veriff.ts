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

const STATUS: Record<ReviewState, { status: string; code: number }> = {
  submitted: { status: "submitted", code: 7002 },
  review: { status: "review", code: 9121 },
  resubmit: { status: "resubmission_requested", code: 9103 },
  approved: { status: "approved", code: 9001 },
  declined: { status: "declined", code: 9102 },
  expired: { status: "expired", code: 9104 },
};

/** Its secrets and what it has stored. */
interface Veriff {
  apiKey: string;
  secrets: [string, string];
  sessions: Sessions<ReviewState | "created">;
}

/** Veriff's API v1 and its webhooks: `X-HMAC-SIGNATURE`, hex HMAC-SHA256 of the body. */
export async function startVeriff(): Promise<MockProvider> {
  const apiKey = freshSecret();
  const secrets: [string, string] = [freshSecret(), freshSecret()];
  const sessions = new Sessions<ReviewState | "created">();
  const veriff: Veriff = { apiKey, secrets, sessions };
  const api = await serveApi(
    (request) => answer(veriff, request),
    () => mock.outage,
  );

  const mock: MockProvider = {
    name: "veriff",
    signsTime: false,
    secrets,
    config: { veriff: { apiUrl: api.url, apiKey, sharedSecrets: secrets } },
    signedHeaders: ["x-hmac-signature"],
    outage: false,
    sessionsOf: (userId) => sessions.of(userId),
    decide: (id, state) => sessions.set(id, state),
    sign(id, state, { secret = secrets[0], occurredAt, eventId = "attempt-1" }) {
      const payload =
        state === "submitted"
          ? {
              id,
              attemptId: eventId,
              feature: "selfid",
              code: 7002,
              action: "submitted",
              vendorData: sessions.get(id)?.userId,
            }
          : {
              status: "success",
              verification: shown(veriff, id, state, eventId, occurredAt),
              technicalData: { ip: "203.0.113.7" },
            };
      const body = Buffer.from(JSON.stringify(payload));
      const headers = {
        "content-type": "application/json",
        "x-auth-client": apiKey,
        "x-hmac-signature": hmac(secret, body),
      };
      return { headers, body };
    },
    close: api.close,
  };
  return mock;
}

function answer(veriff: Veriff, { method, path, headers, body }: ApiRequest): ApiAnswer {
  const { apiKey, secrets, sessions } = veriff;
  if (headers["x-auth-client"] !== apiKey) return { status: 401 };
  if (method === "POST" && path === "/v1/sessions") {
    const { verification } = JSON.parse(body) as { verification: { callback: string; vendorData: string } };
    if (!URL.canParse(verification.callback)) return { status: 400 };
    const id = randomUUID();
    sessions.add(id, verification.vendorData, "created");
    const sessionToken = freshSecret("ey");
    const url = `https://magic.veriff.me/v/${sessionToken}`;
    return { status: 201, body: { status: "success", verification: { id, url, sessionToken, status: "created" } } };
  }
  const id = /^\/v1\/sessions\/([^/]+)\/decision$/.exec(path)?.[1] ?? "";
  if (headers["x-hmac-signature"] !== hmac(secrets[0], id)) return { status: 401 };
  const session = sessions.get(id);
  if (session === undefined) return { status: 404 };
  const isUndecided = session.status === "created" || session.status === "submitted";
  return {
    status: 200,
    body: { status: "success", verification: isUndecided ? null : shown(veriff, id, session.status as ReviewState) },
  };
}

function shown(veriff: Veriff, id: string, state: ReviewState, attemptId = "attempt-1", decisionTime = new Date(0)) {
  const { sessions } = veriff;
  return {
    id,
    attemptId,
    ...STATUS[state],
    vendorData: sessions.get(id)?.userId,
    decisionTime: decisionTime.toISOString(),
    ...(state === "declined" && {
      reasonCode: 103,
      reason: `${PERSONAL.firstName} does not match the document photo`,
    }),
    ...(state === "resubmit" && { reasonCode: 204, reason: "Poor image quality" }),
    person: { firstName: PERSONAL.firstName, lastName: PERSONAL.lastName, dateOfBirth: PERSONAL.birthDate },
    document: { number: PERSONAL.documentNumber, type: "PASSPORT", country: "EE" },
  };
}

function hmac(key: string, data: string | Buffer): string {
  return createHmac("sha256", key).update(data).digest("hex");
}
