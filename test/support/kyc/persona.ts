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

const STATUS: Record<ReviewState, string> = {
  submitted: "completed",
  review: "needs_review",
  resubmit: "pending",
  approved: "approved",
  declined: "declined",
  expired: "expired",
};

const EVENT: Record<ReviewState, string> = {
  submitted: "inquiry.completed",
  review: "inquiry.marked-for-review",
  resubmit: "inquiry.started",
  approved: "inquiry.approved",
  declined: "inquiry.declined",
  expired: "inquiry.expired",
};

/** Its secrets and what it has stored. */
interface Persona {
  apiKey: string;
  sessions: Sessions<string>;
  byIdempotencyKey: Map<string, string>;
}

/** Persona's API v1 and its webhooks: `t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`. */
export async function startPersona(): Promise<MockProvider> {
  const apiKey = freshSecret("persona_");
  const secrets: [string, string] = [freshSecret("wbhsec_"), freshSecret("wbhsec_")];
  const sessions = new Sessions<string>();
  const byIdempotencyKey = new Map<string, string>();
  const persona: Persona = { apiKey, sessions, byIdempotencyKey };
  const api = await serveApi(
    (request) => answer(persona, request),
    () => mock.outage,
  );

  const mock: MockProvider = {
    name: "persona",
    signsTime: true,
    secrets,
    config: { persona: { apiUrl: api.url, apiKey, templateId: "itmpl_test", webhookSecrets: secrets } },
    signedHeaders: ["persona-signature"],
    outage: false,
    sessionsOf: (userId) => sessions.of(userId),
    decide: (id, state) => sessions.set(id, STATUS[state]),
    sign(id, state, { secret = secrets[0], signedAtSeconds, occurredAt, eventId = `evt_${randomUUID()}` }) {
      const payload = shown(persona, id);
      const attributes = { name: EVENT[state], "created-at": occurredAt.toISOString(), payload };
      const body = Buffer.from(JSON.stringify({ data: { type: "event", id: eventId, attributes } }));
      const v1 = createHmac("sha256", secret).update(`${signedAtSeconds}.`).update(body).digest("hex");
      return {
        headers: { "content-type": "application/json", "persona-signature": `t=${signedAtSeconds},v1=${v1}` },
        body,
      };
    },
    close: api.close,
  };
  return mock;
}

function answer(persona: Persona, { method, path, headers, body }: ApiRequest): ApiAnswer {
  const { apiKey, sessions, byIdempotencyKey } = persona;
  if (headers.authorization !== `Bearer ${apiKey}`) return { status: 401 };
  if (headers["key-inflection"] !== "kebab") return { status: 400 };
  if (method === "POST" && path === "/api/v1/inquiries") {
    const { data } = JSON.parse(body) as { data: { attributes: Record<string, string> } };
    if (data.attributes["inquiry-template-id"] !== "itmpl_test") return { status: 422 };
    const key = String(headers["idempotency-key"]);
    const id = byIdempotencyKey.get(key) ?? `inq_${randomUUID()}`;
    byIdempotencyKey.set(key, id);
    if (sessions.get(id) === undefined) sessions.add(id, data.attributes["reference-id"] ?? "", "created");
    return { status: 201, body: shown(persona, id, { "session-token": freshSecret() }) };
  }
  const [, id = "", action] = /^\/api\/v1\/inquiries\/([^/]+)(\/resume)?$/.exec(path) ?? [];
  if (sessions.get(id) === undefined) return { status: 404 };
  if (method === "POST" && action === "/resume")
    return { status: 200, body: shown(persona, id, { "session-token": freshSecret() }) };
  return method === "GET" ? { status: 200, body: shown(persona, id) } : { status: 405 };
}

function shown(persona: Persona, id: string, meta: Record<string, string> = {}) {
  const { sessions } = persona;
  const { userId = "", status = "" } = sessions.get(id) ?? {};
  const attributes = {
    status,
    "reference-id": userId,
    "name-first": PERSONAL.firstName,
    "name-last": PERSONAL.lastName,
    "address-street-1": PERSONAL.address,
    birthdate: PERSONAL.birthDate,
    "identification-number": PERSONAL.documentNumber,
  };
  return { data: { type: "inquiry", id, attributes }, meta };
}
