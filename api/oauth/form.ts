import type { z } from "zod";
import { type anyQuery, FORM_MEDIA_TYPE, isForm, uniqueParameters } from "../http/form";
import { oauthError } from "./errors";
import type { RequestParameters } from "./rules";

/** A form's body, as `rawBody` of an endpoint. */
export const FORM_BODY = { limitBytes: 16_384, mediaType: FORM_MEDIA_TYPE };

/**
 * Parses a form (application/x-www-form-urlencoded, UTF-8). A parameter without a value counts as absent, and none may
 * come twice (RFC 6749 §3.1, §3.2).
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseForm(body: Buffer, contentType: string | undefined): RequestParameters {
  if (!isForm(contentType)) {
    throw oauthError("invalid_request", `The body must be a form: send it as ${FORM_MEDIA_TYPE}.`);
  }
  return parametersOf([...new URLSearchParams(body.toString("utf8"))]);
}

/**
 * Parses query parameters by the rules of {@link parseForm}.
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseQuery(query: z.infer<typeof anyQuery>): RequestParameters {
  return parametersOf(
    Object.entries(query).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  );
}

function parametersOf(pairs: [name: string, value: string][]): RequestParameters {
  const parameters = uniqueParameters(pairs.filter(([, value]) => value !== ""));
  if (parameters === undefined) throw oauthError("invalid_request", "A parameter came more than once.");
  return parameters;
}

/**
 * The parameter of this name.
 *
 * @throws DomainError `oauth.invalid_request` when it is absent
 */
export function requireParameter(parameters: RequestParameters, name: string): string {
  const value = parameters[name];
  if (value === undefined) throw oauthError("invalid_request", `${name} is missing.`);
  return value;
}
