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

// Stripe has no review and no rejection: a failed attempt requires another, and an unused session is canceled.
const STATUS: Record<ReviewState, { status: string; last_error?: { code: string; reason: string } }> = {
  submitted: { status: "processing" },
  review: { status: "processing" },
  resubmit: { status: "requires_input", last_error: { code: "document_expired", reason: "The document is expired." } },
  approved: { status: "verified" },
  declined: { status: "requires_input", last_error: { code: "selfie_face_mismatch", reason: PERSONAL.firstName } },
  expired: { status: "canceled" },
};

/** Its secrets and what it has stored. */
interface Stripe {
  apiKey: string;
  sessions: Sessions<ReviewState | "created">;
  byIdempotencyKey: Map<string, string>;
}

/** Stripe's API for Identity and its webhooks: `t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
export async function startStripe(): Promise<MockProvider> {
  const apiKey = freshSecret("rk_test_");
  const secrets: [string, string] = [freshSecret("whsec_"), freshSecret("whsec_")];
  const sessions = new Sessions<ReviewState | "created">();
  const byIdempotencyKey = new Map<string, string>();
  const stripe: Stripe = { apiKey, sessions, byIdempotencyKey };
  const api = await serveApi(
    (request) => answer(stripe, request),
    () => mock.outage,
  );

  const mock: MockProvider = {
    name: "stripe",
    signsTime: true,
    secrets,
    config: { stripe: { apiUrl: api.url, apiKey, webhookSecrets: secrets } },
    signedHeaders: ["stripe-signature"],
    outage: false,
    sessionsOf: (userId) => sessions.of(userId),
    decide: (id, state) => sessions.set(id, state),
    sign(id, state, { secret = secrets[0], signedAtSeconds, occurredAt, eventId = `evt_${randomUUID()}` }) {
      const created = Math.floor(occurredAt.getTime() / 1000);
      const type = `identity.verification_session.${STATUS[state].status}`;
      const payload = { id: eventId, object: "event", type, created, data: { object: shown(stripe, id, state) } };
      const body = Buffer.from(JSON.stringify(payload));
      const v1 = createHmac("sha256", secret).update(`${signedAtSeconds}.`).update(body).digest("hex");
      const signature = `t=${signedAtSeconds},v1=${v1}`;
      return { headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": signature }, body };
    },
    close: api.close,
  };
  return mock;
}

function answer(stripe: Stripe, { method, path, headers, body }: ApiRequest): ApiAnswer {
  const { apiKey, sessions, byIdempotencyKey } = stripe;
  if (headers.authorization !== `Bearer ${apiKey}`) return { status: 401 };
  if (method === "POST" && path === "/v1/identity/verification_sessions") {
    const form = new URLSearchParams(body);
    if (form.get("type") !== "document" || !URL.canParse(form.get("return_url") ?? "")) return { status: 400 };
    const key = String(headers["idempotency-key"]);
    const id = byIdempotencyKey.get(key) ?? `vs_${randomUUID()}`;
    byIdempotencyKey.set(key, id);
    if (sessions.get(id) === undefined) sessions.add(id, form.get("client_reference_id") ?? "", "created");
    return { status: 200, body: shown(stripe, id) };
  }
  const id = /^\/v1\/identity\/verification_sessions\/([^/]+)$/.exec(path)?.[1] ?? "";
  return sessions.get(id) === undefined ? { status: 404 } : { status: 200, body: shown(stripe, id) };
}

function shown(stripe: Stripe, id: string, state?: ReviewState) {
  const { sessions } = stripe;
  const status = state ?? sessions.get(id)?.status ?? "created";
  return {
    id,
    object: "identity.verification_session",
    last_error: null,
    client_reference_id: sessions.get(id)?.userId,
    ...(status === "created" ? { status: "requires_input" } : STATUS[status]),
    client_secret: freshSecret(`${id}_secret_`),
    url: `https://verify.stripe.com/start/${freshSecret("test_")}`,
    verified_outputs: {
      first_name: PERSONAL.firstName,
      last_name: PERSONAL.lastName,
      address: { line1: PERSONAL.address },
    },
  };
}
