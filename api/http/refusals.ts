import { API_KEY_REFUSALS } from "./apiKeys";
import { SESSION_REFUSALS } from "./authenticate";
import type { Endpoint, RefusalDescription } from "./endpoint";
import { RATE_LIMIT_REFUSAL } from "./rateLimit";

const INVALID: RefusalDescription = {
  code: "request.invalid",
  kind: "invalid",
  meaning: "Fields are missing, unknown or of the wrong form; `errors` names each with its mend.",
};

const BODY_REFUSALS: RefusalDescription[] = [
  { code: "request.malformed", kind: "invalid", meaning: "The body is not what its headers say." },
  { code: "request.too_large", kind: "too_large", meaning: "The body is larger than this server accepts." },
  {
    code: "request.unsupported_media_type",
    kind: "unsupported_media_type",
    meaning: "The body has a media type or encoding that is not understood.",
  },
];

/** Every refusal an endpoint may answer with: those its form brings along, then its own. */
export function refusalsOf(endpoint: Endpoint): RefusalDescription[] {
  const parsed = endpoint.params ?? endpoint.query ?? endpoint.body;
  return [
    ...(parsed === undefined ? [] : [INVALID]),
    ...(endpoint.body === undefined && endpoint.rawBody === undefined ? [] : BODY_REFUSALS),
    ...callerRefusals(endpoint),
    ...(endpoint.limit === undefined ? [] : [RATE_LIMIT_REFUSAL]),
    ...(endpoint.refusals ?? []),
  ];
}

function callerRefusals({ auth }: Endpoint): RefusalDescription[] {
  if (auth === "none") return [];
  return auth === "session" ? SESSION_REFUSALS : API_KEY_REFUSALS;
}

/** The codes of {@link refusalsOf}. */
export function declaredCodes(endpoint: Endpoint): Set<string> {
  return new Set(refusalsOf(endpoint).map(({ code }) => code));
}
