import { API_KEY_REJECTIONS } from "./apiKeys";
import { SESSION_REJECTIONS } from "./authenticate";
import type { ApiKeyKind } from "../../core/keys/apiKeys";
import type { Authentication, Endpoint, RejectionDescription } from "./endpoint";
import { COMMAND_REJECTIONS, SERVICE_REJECTIONS } from "./serviceAuthentication";

const RATE_LIMIT_REJECTION: RejectionDescription = {
  code: "request.too_many",
  kind: "too_many",
  meaning: "The budget of this operation is used up; Retry-After says when to come back.",
};

const INVALID: RejectionDescription = {
  code: "request.invalid",
  kind: "invalid",
  meaning:
    "Fields are missing, unknown, of the wrong form, or would be changed by reading them (NUL, reserved names, numbers " +
    "that JSON does not carry exactly); `errors` names each and says how to fix it.",
};

const BODY_REJECTIONS: RejectionDescription[] = [
  { code: "request.malformed", kind: "invalid", meaning: "The body is not what its headers say." },
  { code: "request.too_large", kind: "too_large", meaning: "The body is larger than this server accepts." },
  {
    code: "request.unsupported_media_type",
    kind: "unsupported_media_type",
    meaning: "The body has a media type or encoding that is not understood.",
  },
];

/** Every rejection an endpoint may answer with: those its form brings along, then its own. */
export function rejectionsOf(endpoint: Endpoint): RejectionDescription[] {
  const parsed = endpoint.params ?? endpoint.query ?? endpoint.body;
  return [
    ...(parsed === undefined ? [] : [INVALID]),
    ...(endpoint.body === undefined && endpoint.rawBody === undefined ? [] : BODY_REJECTIONS),
    ...(endpoint.port === "internal" ? SERVICE_REJECTIONS : []),
    ...callerRejections(endpoint),
    ...(isLimited(endpoint) ? [RATE_LIMIT_REJECTION] : []),
    ...(endpoint.rejections ?? []),
  ];
}

/** Operations with API keys are limited in any case: by the wrong keys that an address brings. */
function isLimited({ auth, limit, waits }: Endpoint): boolean {
  return limit !== undefined || waits !== undefined || isApiKeyKind(auth);
}

function callerRejections({ auth }: Endpoint): RejectionDescription[] {
  if (auth === "none") return [];
  if (auth === "command") return COMMAND_REJECTIONS;
  return auth === "session" ? SESSION_REJECTIONS : API_KEY_REJECTIONS;
}

function isApiKeyKind(auth: Authentication): auth is ApiKeyKind {
  return auth !== "none" && auth !== "session" && auth !== "command";
}

/** The codes of {@link rejectionsOf}. */
export function declaredCodes(endpoint: Endpoint): Set<string> {
  return new Set(rejectionsOf(endpoint).map(({ code }) => code));
}
