import { sha256Hex } from "../../../core/hash";
import { DomainError } from "../../../core/errors";
import { type ClaimValidator, compileClaimSchema } from "./compileSchema";

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
    compileClaimSchema(schema);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw invalid(error.message, error);
  }
  return { schemaId: sha256Hex(`${issuer}\n${type}\n${body}`), body };
}

const DIALECT = "https://json-schema.org/draft/2020-12/schema";

/**
 * The schema of a type's credentials (Verifiable Credentials JSON Schema §2, §4.1), made of the schema of its claims: it
 * describes the whole credential, whose subject has the claims and an `id`.
 *
 * @param options.url where it is served: its `$id`
 * @param options.body the schema of the claims, JSON
 */
export function credentialSchema({ url, type, body }: { url: string; type: string; body: string }): object {
  const { $schema: _dialect, $id: _id, properties, ...claims } = JSON.parse(body) as Record<string, unknown>;
  return {
    $schema: DIALECT,
    $id: url,
    title: type,
    description: `A credential of the type ${type}.`,
    type: "object",
    properties: {
      credentialSubject: {
        // A resource of its own, so that references within the schema of the claims stay within it.
        $id: `${url}/credentialSubject`,
        ...claims,
        properties: { ...(properties as object | undefined), id: { type: "string", format: "uri" } },
      },
    },
    required: ["credentialSubject"],
  };
}

/** What is said of a type of SD-JWT VCs (SD-JWT VC §4.2): its claims, each of which an issuer may make disclosable. */
export interface TypeMetadata {
  vct: string;
  name: string;
  description: string;
  /** `mandatory`: every credential of the type has it. */
  claims: { path: string[]; mandatory: boolean; sd: "allowed" }[];
}

/**
 * The metadata of a type, made of the schema of its claims.
 *
 * @param options.body the schema of the claims, JSON
 */
export function typeMetadata({ vct, type, body }: { vct: string; type: string; body: string }): TypeMetadata {
  const { description, properties, required } = JSON.parse(body) as {
    description?: unknown;
    properties?: object;
    required?: string[];
  };
  return {
    vct,
    name: type,
    description: typeof description === "string" ? description : `A credential of the type ${type}.`,
    claims: Object.keys(properties ?? {}).map((name) => ({
      path: [name],
      mandatory: required?.includes(name) ?? false,
      sd: "allowed",
    })),
  };
}

/**
 * Validates claims by a compiled schema.
 *
 * @throws DomainError `credential.claims_invalid` naming the faulty fields
 */
export function requireClaims(validate: ClaimValidator, claims: Record<string, unknown>): void {
  const fields = validate(claims);
  if (fields.length === 0) return;
  const named = fields.map(({ field }) => field).join(", ");
  const message = `The claims are not as their type's schema has it: see ${named}.`;
  throw new DomainError("credential.claims_invalid", "invalid", message, { fields });
}

/** Values that claims may hold, objects and lists included. */
export const MAX_CLAIM_VALUES = 1_000;
export const MAX_CLAIM_DEPTH = 16;
export const MAX_CLAIM_NAME_LENGTH = 100;
export const MAX_CLAIMS_BYTES = 16_384;

/** What makes claims too large to be checked, signed and read everywhere; undefined where they are not. */
export function sizeProblemOf(claims: unknown): string | undefined {
  let values = 0;
  const look = (value: unknown, depth: number): string | undefined => {
    values += 1;
    if (values > MAX_CLAIM_VALUES) return `hold more than ${MAX_CLAIM_VALUES} values: give fewer`;
    if (typeof value !== "object" || value === null) return undefined;
    if (depth >= MAX_CLAIM_DEPTH) return `are nested deeper than ${MAX_CLAIM_DEPTH}: make them flatter`;
    for (const [name, member] of Object.entries(value)) {
      if (name.length > MAX_CLAIM_NAME_LENGTH) return `have a name longer than ${MAX_CLAIM_NAME_LENGTH} characters`;
      const problem = look(member, depth + 1);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
  const problem = look(claims, 0);
  if (problem !== undefined) return problem;
  const isTooLong = Buffer.byteLength(JSON.stringify(claims)) > MAX_CLAIMS_BYTES;
  return isTooLong ? `are larger than ${MAX_CLAIMS_BYTES} bytes: give less` : undefined;
}

function invalid(problem: string, cause?: unknown): DomainError {
  return new DomainError("credential_type.schema_invalid", "invalid", `The schema ${problem}.`, {
    fields: [{ field: "body.schema", message: problem }],
    ...(cause !== undefined && { cause }),
  });
}
