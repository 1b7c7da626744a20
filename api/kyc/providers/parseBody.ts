import type { z } from "zod";
import { DomainError } from "../../../core/errors";
import { parseJson } from "./callProvider";

/**
 * Reads a verified delivery's JSON; what the schema does not name is dropped unread. The media type is not asked: it is
 * not signed, and the bytes that are decide.
 *
 * @throws DomainError `webhook.malformed`, naming fields and nothing of their values
 */
export function parseBody<Schema extends z.ZodType>(provider: string, body: Buffer, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(body.toString("utf8")));
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => (path.length === 0 ? "the body" : path.join("."))).join(", ");
  const fix = "compare the webhook's version and format with what this adapter documents";
  throw new DomainError(
    "webhook.malformed",
    "invalid",
    `A signed delivery of ${provider} is not as expected (${where}): ${fix}.`,
  );
}
