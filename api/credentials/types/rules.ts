import { z } from "zod";
import { sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";

/** A schema of this many bytes describes any credential; a larger one is a mistake or mischief. */
const MAX_SCHEMA_BYTES = 16_384;

/** A JSON Schema ready to be stored. */
export interface PreparedSchema {
  schemaId: string;
  body: string;
}

/**
 * Prepares a JSON Schema (2020-12) for the claims of a type.
 *
 * @throws DomainError `credential_type.schema_invalid` when it describes no object, is too large, or uses what cannot be
 * checked here
 */
export function prepareSchema(issuer: string, type: string, schema: Record<string, unknown>): PreparedSchema {
  const body = JSON.stringify(schema);
  if (Buffer.byteLength(body) > MAX_SCHEMA_BYTES) throw invalid(`is larger than ${MAX_SCHEMA_BYTES} bytes`);
  if (schema["type"] !== "object") throw invalid("does not describe an object: give it type `object`");
  try {
    z.fromJSONSchema(schema);
  } catch (error) {
    throw invalid("uses what cannot be checked here", error);
  }
  return { schemaId: sha256Hex(`${issuer}\n${type}\n${body}`), body };
}

/**
 * Validates claims by a compiled schema.
 *
 * @throws DomainError `credential.claims_invalid` naming every faulty field
 */
export function requireClaims(schema: z.ZodType, claims: Record<string, unknown>): void {
  const { success, error } = schema.safeParse(claims);
  if (success) return;
  const fields = error.issues.map(({ path, message }) => ({
    field: ["body", "claims", ...path].map(String).join("."),
    message,
  }));
  const named = fields.map(({ field }) => field).join(", ");
  const message = `The claims are not as their type's schema has it: see ${named}.`;
  throw new DomainError("credential.claims_invalid", "invalid", message, { fields });
}

function invalid(problem: string, cause?: unknown): DomainError {
  return new DomainError("credential_type.schema_invalid", "invalid", `The schema ${problem}.`, {
    fields: [{ field: "body.schema", message: problem }],
    ...(cause !== undefined && { cause }),
  });
}
