import { z } from "zod";
import { sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";

/** A schema of this many bytes describes any credential; a larger one is a mistake or mischief. */
const MAX_SCHEMA_BYTES = 16_384;

/** Compiled schemas kept; only a bound. */
const MAX_COMPILED = 1_000;

const compiled = new Map<string, z.ZodType>();

/** A JSON Schema ready to be kept. */
export interface PreparedSchema {
  schemaId: string;
  body: string;
}

/**
 * Takes a JSON Schema (2020-12) for the claims of a type.
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
 * Validates claims by a schema.
 *
 * @throws DomainError `credential.claims_invalid` naming every faulty field
 */
export function requireClaims(schema: PreparedSchema, claims: Record<string, unknown>): void {
  const { success, error } = compile(schema).safeParse(claims);
  if (success) return;
  const fields = error.issues.map(({ path, message }) => ({
    field: ["body", "claims", ...path].map(String).join("."),
    message,
  }));
  const named = fields.map(({ field }) => field).join(", ");
  const message = `The claims are not as their type's schema has it: see ${named}.`;
  throw new DomainError("credential.claims_invalid", "invalid", message, { fields });
}

function compile({ schemaId, body }: PreparedSchema): z.ZodType {
  const known = compiled.get(schemaId);
  if (known !== undefined) return known;
  if (compiled.size >= MAX_COMPILED) compiled.clear();
  const made = z.fromJSONSchema(JSON.parse(body) as Parameters<typeof z.fromJSONSchema>[0]);
  compiled.set(schemaId, made);
  return made;
}

function invalid(problem: string, cause?: unknown): DomainError {
  return new DomainError("credential_type.schema_invalid", "invalid", `The schema ${problem}.`, {
    fields: [{ field: "body.schema", message: problem }],
    ...(cause !== undefined && { cause }),
  });
}
