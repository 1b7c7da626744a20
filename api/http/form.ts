import { z } from "zod";

/** The media type of forms. */
export const FORM_MEDIA_TYPE = "application/x-www-form-urlencoded";

/** Whether a `Content-Type` header says that the body is a form. */
export function isForm(contentType: string | undefined): boolean {
  return contentType?.split(";")[0]?.trim().toLowerCase() === FORM_MEDIA_TYPE;
}

/** The parameters by name; undefined when one comes more than once (RFC 6749 §3.1, §3.2). */
export function uniqueParameters(
  pairs: Iterable<readonly [name: string, value: string]>,
): Record<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (parameters.has(name)) return undefined;
    parameters.set(name, value);
  }
  return Object.fromEntries(parameters);
}

/** Query parameters of any name: unknown ones are ignored (RFC 6749 §3.1), so no strict object fits. */
export const anyQuery = z.record(z.string().max(200), z.union([z.string().max(8_192), z.array(z.string())]));
