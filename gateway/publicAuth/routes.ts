import type { ServerResponse } from "node:http";
import type { z } from "zod";
import { createAddressBudget } from "../../core/addressBudget";
import {
  type Budget,
  type BudgetState,
  type CreateBudget,
  type RateLimitPolicy,
  rateLimitHeaders,
  tooManyRequests,
} from "../../core/budgets";
import type { Config } from "../../core/config/config";
import { DomainError, TransientError } from "../../core/errors";
import { type BackendAnswer, isFailure } from "../backend/http";
import type { InternalApi } from "../backend/internalApi";
import { readJsonBody } from "../server/body";
import type { HttpExchange, HttpRoute } from "../server/routes";
import { confirmEmailCodeBody, sendEmailCodeBody } from "./schemas";

export interface PublicAuthDeps {
  api: Pick<InternalApi, "forward">;
  createBudget: CreateBudget;
  config: { sessions: Pick<Config["sessions"], "limitLogins"> };
}

/** A class of requests, and what they may cost a caller. */
interface RequestClass {
  path: string;
  body: z.ZodType<Record<string, unknown>>;
  /** For each address, and the networks it belongs to. */
  address: RateLimitPolicy;
  /** For what the body names, whoever sends it: here an e-mail address. */
  subject?: { of(body: Record<string, unknown>): string; policies: RateLimitPolicy[] };
}

const MAX_BODY_BYTES = 4_096;
const HOUR_SECONDS = 3_600;

const CLASSES: RequestClass[] = [
  {
    path: "/api/v1/public/auth/send-email-code",
    body: sendEmailCodeBody,
    address: { name: "gateway-send-code", limit: 10, windowSeconds: HOUR_SECONDS },
    subject: {
      of: (body) => String(body["email"]).normalize("NFKC").toLowerCase(),
      policies: [
        { name: "gateway-email-minute", limit: 1, windowSeconds: 60 },
        { name: "gateway-email-hour", limit: 5, windowSeconds: HOUR_SECONDS },
        { name: "gateway-email-day", limit: 10, windowSeconds: 24 * HOUR_SECONDS },
      ],
    },
  },
  {
    path: "/api/v1/public/auth/confirm-email-code",
    body: confirmEmailCodeBody,
    address: { name: "gateway-confirm-code", limit: 30, windowSeconds: HOUR_SECONDS },
  },
];

/**
 * The endpoints before login. Each request is classified by its path and counted for its address; its body is checked,
 * counted for what it names, and passed on byte for byte. The API's answer is passed back as it is.
 * `LOGIN_LIMITS=false`, which production refuses, lifts the limits.
 */
export function publicAuthRoutes({ api, createBudget, config }: PublicAuthDeps): HttpRoute[] {
  const isLimited = config.sessions.limitLogins;
  return CLASSES.map(({ path, body, address: policy, subject }) => {
    const addresses = createAddressBudget(createBudget, policy);
    const subjects = subject?.policies.map((of) => createBudget(of)) ?? [];
    return {
      method: "POST",
      path,
      async handle({ request, response, address, requestId }: HttpExchange) {
        if (isLimited) spend(response, await addresses.take(address));
        const { bytes, value } = await readJsonBody(request, MAX_BODY_BYTES);
        const parsed = checked(body, value);
        if (isLimited && subject !== undefined) await takeInTurn(response, subjects, subject.of(parsed));
        const headers = { "content-type": "application/json" };
        const answer = await api.forward({ method: "POST", path, headers, body: bytes, requestId, address });
        passBack(response, answer);
      },
    };
  });
}

/** The narrowest window first: what it refuses is not counted in the wider ones. */
async function takeInTurn(response: ServerResponse, budgets: Budget[], key: string): Promise<void> {
  for (const budget of budgets) spend(response, { policy: budget.policy, state: await budget.take(key) });
}

/** @throws DomainError `request.too_many` */
function spend(response: ServerResponse, { policy, state }: { policy: RateLimitPolicy; state: BudgetState }): void {
  for (const [name, value] of Object.entries(rateLimitHeaders(policy, state))) response.setHeader(name, value);
  if (!state.allowed) throw tooManyRequests(policy, state);
}

/** @throws DomainError `request.invalid` naming every field that is not as it should be */
function checked(schema: RequestClass["body"], value: unknown): Record<string, unknown> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({ field: ["body", ...path].join("."), message }));
  const named = fields.map(({ field }) => field).join(", ");
  throw new DomainError("request.invalid", "invalid", `The request is not valid: see ${named}.`, { fields });
}

/**
 * Passes the API's answer back, but for what is between the API and us.
 *
 * @throws TransientError when the API fails, or does not take our tokens
 */
function passBack(response: ServerResponse, answer: BackendAnswer): void {
  const { status, contentType, retryAfterSeconds, body } = answer;
  const isJson = /^application\/([\w.-]+\+)?json\b/.test(contentType);
  if (isFailure(answer) || !isJson) {
    throw new TransientError("backend.unavailable", "The API does not answer as it should.");
  }
  if (retryAfterSeconds !== undefined) response.setHeader("retry-after", String(retryAfterSeconds));
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(body);
}
