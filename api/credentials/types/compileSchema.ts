import { type AnySchemaObject, type ErrorObject, Ajv2020 } from "ajv/dist/2020";
import { z } from "zod";
import type { FieldError } from "../../../core/errors";
import { createLruCache } from "../../../core/lruCache";
import { compileLinearPattern } from "./linearPattern";
import { schemaCost } from "./schemaCost";

const MAX_COMPILED_SCHEMAS = 1_000;

/** Rules that a schema may apply to one value; claims have at most 1,000 values. */
const MAX_RULES = 500;

/** Sizes of a schema's patterns, all together; claims have at most 16 KiB of text. */
const MAX_PATTERN_SIZE = 1_000;

/** Fields named in one answer. */
const MAX_FIELDS = 20;

const METASCHEMA = "https://json-schema.org/draft/2020-12/schema";

/** Says what of claims a schema refuses, by field; nothing where it takes them. */
export type ClaimValidator = (claims: unknown) => FieldError[];

/** What validates claims by a stored schema. */
export type SchemaCompiler = (schema: { schemaId: string; body: string }) => ClaimValidator;

/** Creates a compiler of JSON Schemas (2020-12) that compiles each schema once. */
export function createSchemaCompiler(): SchemaCompiler {
  const compiled = createLruCache<ClaimValidator>(MAX_COMPILED_SCHEMAS);
  return ({ schemaId, body }) => {
    const known = compiled.get(schemaId);
    if (known !== undefined) return known;
    const made = compileClaimSchema(JSON.parse(body) as Record<string, unknown>);
    compiled.set(schemaId, made);
    return made;
  };
}

/**
 * Compiles a JSON Schema (2020-12). The time of validating by it is bounded, whatever the claims: no schema refers to
 * itself, patterns take linear time, and so does `uniqueItems`.
 *
 * @throws RangeError saying what of the schema is refused, as the end of a sentence that begins with "The schema"
 */
export function compileClaimSchema(schema: Record<string, unknown>): ClaimValidator {
  if (schema["$schema"] !== undefined && schema["$schema"] !== METASCHEMA) {
    throw new RangeError(`is of another dialect than 2020-12: give $schema ${METASCHEMA}`);
  }
  const { rules, patterns } = schemaCost(schema, (pattern) => compileLinearPattern(pattern).size);
  if (rules > MAX_RULES) throw new RangeError(`has more than ${MAX_RULES} rules, references followed: make it smaller`);
  if (patterns > MAX_PATTERN_SIZE) throw new RangeError("has patterns that are too large together: shorten them");
  const validate = compileWithAjv(schema);
  return (claims) => (validate(claims) ? [] : fieldErrorsOf(validate.errors ?? []));
}

function compileWithAjv(schema: AnySchemaObject) {
  try {
    void metaschema.validateSchema(schema, true);
    return createAjv().compile(schema);
  } catch (error) {
    throw new RangeError(`is no JSON Schema 2020-12 that is understood here: ${reasonOf(error)}`, { cause: error });
  }
}

/** One for every schema: an instance remembers what it compiled, so a shared one would grow without end. */
function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    allErrors: true,
    // What is misspelled is refused; what is merely unusual is not.
    strict: true,
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    inlineRefs: false,
    ownProperties: true,
    multipleOfPrecision: 9,
    logger: false,
    formats: FORMATS,
    code: { optimize: false, regExp: Object.assign(compileLinearPattern, { code: "compileLinearPattern" }) },
    // Validated before; compiling the metaschema takes longer than all the rest.
    meta: false,
    validateSchema: false,
  });
  ajv.removeKeyword("uniqueItems");
  ajv.addKeyword({
    keyword: "uniqueItems",
    type: "array",
    schemaType: "boolean",
    error: { message: "must not have the same item twice" },
    validate: (isAsked: boolean, items: unknown[]) =>
      !isAsked || new Set(items.map(canonicalText)).size === items.length,
  });
  return ajv;
}

/** Validates schemas as such. */
const metaschema = new Ajv2020({ logger: false });

/** The compiler's own words, which name the keyword. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 300) : "it cannot be compiled";
}

/** Formats that are checked; those of Node and zod take linear time. */
const FORMATS = {
  date: by(z.iso.date()),
  "date-time": by(z.iso.datetime({ offset: true })),
  time: /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/,
  duration: by(z.iso.duration()),
  email: by(z.email()),
  hostname: by(z.hostname()),
  ipv4: by(z.ipv4()),
  ipv6: by(z.ipv6()),
  uri: (text: string) => URL.canParse(text),
  uuid: by(z.guid()),
};

function by(schema: z.ZodType): (text: string) => boolean {
  return (text) => schema.safeParse(text).success;
}

function fieldErrorsOf(errors: ErrorObject[]): FieldError[] {
  return errors.slice(0, MAX_FIELDS).map(({ instancePath, params, message = "is not as the schema has it" }) => {
    const { missingProperty, additionalProperty, unevaluatedProperty } = params as Record<string, string | undefined>;
    const name = missingProperty ?? additionalProperty ?? unevaluatedProperty;
    const steps = instancePath
      .split("/")
      .slice(1)
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    return { field: ["body", "claims", ...steps, ...(name === undefined ? [] : [name])].join("."), message };
  });
}

/** One text for values that JSON Schema takes for equal: members in order of their names. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_name, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([left], [right]) => (left < right ? -1 : 1)))
      : member,
  );
}
