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
  submitted: "processing",
  review: "review",
  resubmit: "awaiting_input",
  approved: "approved",
  declined: "declined",
  expired: "abandoned",
};

/** Its secrets and what it has stored. */
interface Onfido {
  apiToken: string;
  applicants: Set<string>;
  sessions: Sessions<string>;
}

/** Onfido's API v3.6 (Studio) and its webhooks: `X-SHA2-Signature`, hex HMAC-SHA256 of the body. */
export async function startOnfido(): Promise<MockProvider> {
  const apiToken = freshSecret("api_sandbox.");
  const secrets: [string, string] = [freshSecret(), freshSecret()];
  const applicants = new Set<string>();
  const sessions = new Sessions<string>();
  const onfido: Onfido = { apiToken, applicants, sessions };
  const api = await serveApi(
    (request) => answer(onfido, request),
    () => mock.outage,
  );

  const mock: MockProvider = {
    name: "onfido",
    signsTime: false,
    secrets,
    config: { onfido: { apiUrl: api.url, apiToken, workflowId: "workflow-1", webhookSecrets: secrets } },
    signedHeaders: ["x-sha2-signature"],
    outage: false,
    sessionsOf: (userId) => sessions.of(userId),
    decide: (id, state) => sessions.set(id, STATUS[state]),
    sign(id, state, { secret = secrets[0], occurredAt, eventId }) {
      const at = eventId ?? occurredAt.toISOString();
      const object = {
        id,
        status: STATUS[state],
        completed_at_iso8601: at,
        href: `https://api.eu.onfido.com/v3.6/workflow_runs/${id}`,
      };
      const resource = { ...shown(onfido, id), applicant_id: randomUUID() };
      const action = state === "submitted" || state === "resubmit" ? "workflow_run.started" : "workflow_run.completed";
      const payload = { resource_type: "workflow_run", action, object, resource };
      const body = Buffer.from(JSON.stringify({ payload }));
      const signature = createHmac("sha256", secret).update(body).digest("hex");
      return { headers: { "content-type": "application/json", "x-sha2-signature": signature }, body };
    },
    close: api.close,
  };
  return mock;
}

function answer(onfido: Onfido, { method, path, headers, body }: ApiRequest): ApiAnswer {
  const { apiToken, applicants, sessions } = onfido;
  if (headers.authorization !== `Token token=${apiToken}`) return { status: 401 };
  if (method === "POST" && path === "/v3.6/applicants") {
    const { first_name, last_name } = JSON.parse(body) as Record<string, string>;
    if (!first_name || !last_name) return { status: 422 };
    const id = randomUUID();
    applicants.add(id);
    return { status: 201, body: { id, first_name, last_name } };
  }
  if (method === "POST" && path === "/v3.6/workflow_runs") {
    const fields = JSON.parse(body) as Record<string, string>;
    if (fields["workflow_id"] !== "workflow-1" || !applicants.has(fields["applicant_id"] ?? "")) return { status: 422 };
    const id = randomUUID();
    sessions.add(id, fields["customer_user_id"] ?? "", "awaiting_input");
    return { status: 201, body: shown(onfido, id) };
  }
  const id = /^\/v3\.6\/workflow_runs\/([^/]+)$/.exec(path)?.[1] ?? "";
  if (sessions.get(id) === undefined) return { status: 404 };
  return { status: 200, body: shown(onfido, id) };
}

function shown(onfido: Onfido, id: string) {
  const { sessions } = onfido;
  const { status, userId } = sessions.get(id) ?? {};
  const output = {
    first_name: PERSONAL.firstName,
    last_name: PERSONAL.lastName,
    document_number: PERSONAL.documentNumber,
  };
  const link = { url: `https://eu.onfido.app/l/${id}`, completed_redirect_url: null };
  return {
    id,
    status,
    customer_user_id: userId,
    sdk_token: freshSecret("ey"),
    link,
    output,
    reasons: [PERSONAL.address],
  };
}
