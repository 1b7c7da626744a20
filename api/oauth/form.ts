import { z } from "zod";
import { oauthRefusal } from "./rules";

/** A form's body, as `rawBody` of an endpoint. */
export const FORM_BODY = { limitBytes: 16_384, mediaType: "application/x-www-form-urlencoded" };

/** Query parameters of any name: those not known are ignored (RFC 6749 §3.1), so no strict object fits. */
export const anyQuery = z.record(z.string().max(200), z.union([z.string().max(8_192), z.array(z.string())]));

/**
 * Reads a form (application/x-www-form-urlencoded, UTF-8). A parameter without a value is one that was left out, and
 * none may come twice (RFC 6749 §3.1, §3.2).
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseForm(body: Buffer, contentType: string | undefined): Record<string, string | undefined> {
  const mediaType = contentType?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== FORM_BODY.mediaType) {
    throw oauthRefusal("invalid_request", `The body must be a form: send it as ${FORM_BODY.mediaType}.`);
  }
  return onceEach([...new URLSearchParams(body.toString("utf8"))]);
}

/**
 * Reads query parameters by the rules of {@link parseForm}.
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function parseQuery(query: z.infer<typeof anyQuery>): Record<string, string | undefined> {
  return onceEach(
    Object.entries(query).flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  );
}

function onceEach(pairs: [string, string][]): Record<string, string | undefined> {
  const found = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (value === "") continue;
    if (found.has(name)) throw oauthRefusal("invalid_request", "A parameter came more than once.");
    found.set(name, value);
  }
  return Object.fromEntries(found);
}

/**
 * The parameter, when it came along.
 *
 * @throws DomainError `oauth.invalid_request`
 */
export function requireParameter(given: Record<string, string | undefined>, name: string): string {
  const value = given[name];
  if (value === undefined) throw oauthRefusal("invalid_request", `${name} is missing.`);
  return value;
}
