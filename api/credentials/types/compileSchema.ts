import { z } from "zod";
import { createLruCache } from "../../../core/lruCache";
import type { PreparedSchema } from "./rules";

const MAX_COMPILED_SCHEMAS = 1_000;

/** What validates claims by a stored schema. */
export type SchemaCompiler = (schema: PreparedSchema) => z.ZodType;

/** Creates a compiler of JSON Schemas (2020-12) that compiles each schema once. */
export function createSchemaCompiler(): SchemaCompiler {
  const compiled = createLruCache<z.ZodType>(MAX_COMPILED_SCHEMAS);
  return ({ schemaId, body }) => {
    const known = compiled.get(schemaId);
    if (known !== undefined) return known;
    const made = z.fromJSONSchema(JSON.parse(body) as Parameters<typeof z.fromJSONSchema>[0]);
    compiled.set(schemaId, made);
    return made;
  };
}
