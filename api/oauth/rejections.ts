import type { RejectionDescription } from "../http/endpoint";

/** Describes an error that answers 400. */
export function describeInvalid(error: string, meaning: string): RejectionDescription {
  return { code: `oauth.${error}`, kind: "invalid", meaning };
}

export const UNKNOWN_CLIENT: RejectionDescription = {
  code: "oauth.unknown_client",
  kind: "not_found",
  meaning: "There is no such client.",
};
export const UNKNOWN_SESSION: RejectionDescription = {
  code: "oauth.unknown_session",
  kind: "not_found",
  meaning: "There is no such verification for this caller.",
};

/** Of every endpoint that reads a client's form. */
export const CLIENT_REJECTIONS: RejectionDescription[] = [
  {
    code: "oauth.invalid_client",
    kind: "unauthenticated",
    meaning: "The client is unknown, or the secret is not its own.",
  },
  describeInvalid("invalid_request", "The form is not as the standard has it."),
];
