import type { z } from "zod";
import { DomainError, type FieldError } from "../../core/errors";
import type { Endpoint } from "./endpoint";
import { declaredCodes } from "./rejections";

/** What arrived, before it is parsed. */
export interface RawInput {
  params: unknown;
  query: unknown;
  body: unknown;
}

/**
 * Parses a request's input by the endpoint's schemas.
 *
 * @throws DomainError `request.invalid` naming every invalid field, such as `body.email`, and how to fix it;
 *   the values given are not repeated, for they may be secrets
 * @throws DomainError the code that the fields' errors bear, when it is one and the endpoint declares it
 */
export function parseInput(endpoint: Endpoint, raw: RawInput): RawInput {
  const errors: FieldError[] = [];
  const parsed: RawInput = { params: undefined, query: undefined, body: endpoint.rawBody && raw.body };
  for (const part of ["params", "query", "body"] as const) {
    const schema = endpoint[part];
    if (schema === undefined) continue;
    const result = schema.safeParse(raw[part]);
    if (result.success) parsed[part] = result.data;
    else errors.push(...result.error.issues.flatMap((issue) => fieldErrorsOf(part, issue)));
  }
  if (errors.length === 0) return parsed;
  const named = errors.map(({ field }) => field).join(", ");
  const message = `The request is not as this operation expects it: see ${named}.`;
  throw new DomainError(codeOf(endpoint, errors), "invalid", message, { fields: errors });
}

function codeOf(endpoint: Endpoint, errors: FieldError[]): string {
  const [code, another] = new Set(errors.map((error) => error.code));
  return code !== undefined && another === undefined && declaredCodes(endpoint).has(code) ? code : "request.invalid";
}

function fieldErrorsOf(part: keyof RawInput, issue: z.core.$ZodIssue): FieldError[] {
  const field = [part, ...issue.path].map(String).join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      field: `${field}.${key.slice(0, 64)}`,
      message: "is not known here: remove it",
    }));
  }
  if (issue.code === "invalid_type" && issue.input === undefined && issue.message.endsWith("received undefined")) {
    return [{ field, message: `is required: give ${article(issue.expected)}` }];
  }
  const code: unknown = issue.code === "custom" ? issue.params?.["code"] : undefined;
  return [{ field, message: issue.message, ...(typeof code === "string" && { code }) }];
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`;
}

/**
 * Whether a schema rejects fields it does not know. Looks through wrappers, pipes and unions; what is not an object
 * has no fields and passes.
 */
export function isStrict(schema: z.core.$ZodType): boolean {
  const { def } = schema._zod as unknown as { def: SchemaDef };
  switch (def.type) {
    case "object":
      return def.catchall?._zod.def.type === "never";
    case "union":
      return (def.options ?? []).every(isStrict);
    case "pipe":
      return def.in !== undefined && isStrict(def.in);
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "readonly":
      return def.innerType !== undefined && isStrict(def.innerType);
    default:
      return true;
  }
}

interface SchemaDef {
  type: string;
  catchall?: z.core.$ZodType;
  options?: z.core.$ZodType[];
  in?: z.core.$ZodType;
  innerType?: z.core.$ZodType;
}
