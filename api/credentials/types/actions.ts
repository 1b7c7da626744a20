import { DomainError } from "../../../core/errors";
import type { Context } from "../../../process/context";
import type { SchemaCompiler } from "./compileSchema";
import { prepareSchema, requireClaims } from "./rules";
import type { ClaimSchema, TypeStore } from "./store";

export interface TypeDeps extends Pick<Context, "clock"> {
  types: TypeStore;
  compileSchema: SchemaCompiler;
}

/**
 * Sets the JSON Schema that claims of an issuer's type are validated against from now on.
 *
 * @throws DomainError `credential_type.schema_invalid`
 */
export async function putClaimSchema(
  { types, clock }: Pick<TypeDeps, "types" | "clock">,
  { issuer, type, schema }: { issuer: string; type: string; schema: Record<string, unknown> },
): Promise<ClaimSchema> {
  const { schemaId, body } = prepareSchema(issuer, type, schema);
  const claimSchema = { schemaId, body, issuer, type, createdAt: clock.now() };
  await types.put(claimSchema);
  return claimSchema;
}

/** @throws DomainError `credential_type.unknown` */
export async function getClaimSchema({ types }: Pick<TypeDeps, "types">, schemaId: string): Promise<ClaimSchema> {
  const found = await types.find(schemaId);
  if (found === null) throw typeUnknown("There is no schema of this name.");
  return found;
}

/**
 * The present schema of an issuer's type.
 *
 * @throws DomainError `credential_type.unknown`
 */
export async function getCurrentSchema(
  { types }: Pick<TypeDeps, "types">,
  { issuer, type }: { issuer: string; type: string },
): Promise<ClaimSchema> {
  const schema = await types.current(issuer, type);
  if (schema !== null) return schema;
  throw typeUnknown(`The issuer has no credential type ${type}: put its schema at /credential-types/${type} first.`);
}

/**
 * Validates claims by the present schema of an issuer's type.
 *
 * @returns the schema
 * @throws DomainError `credential_type.unknown`, `credential.claims_invalid`
 */
export async function validateClaims(
  { types, compileSchema }: Pick<TypeDeps, "types" | "compileSchema">,
  { issuer, type, claims }: { issuer: string; type: string; claims: Record<string, unknown> },
): Promise<ClaimSchema> {
  const schema = await getCurrentSchema({ types }, { issuer, type });
  requireClaims(compileSchema(schema), claims);
  return schema;
}

function typeUnknown(message: string): DomainError {
  return new DomainError("credential_type.unknown", "not_found", message);
}
