import { DomainError, type FieldError } from "../../../core/errors";
import { type DcqlQuery, dcqlQuery } from "../dcql/query";

/** A presentation definition (DIF Presentation Exchange 2.0 §5), as far as it says what DCQL can say. */
interface Definition {
  input_descriptors?: unknown;
  submission_requirements?: unknown;
}

interface Descriptor {
  id?: unknown;
  format?: unknown;
  constraints?: { fields?: unknown; limit_disclosure?: unknown };
}

interface Field {
  path?: unknown;
  filter?: { const?: unknown; enum?: unknown; contains?: { const?: unknown }; pattern?: unknown; type?: unknown };
  optional?: unknown;
}

/** What a field asks of the credential's type, instead of a claim. */
const TYPE_PATHS = ["$.type", "$.vc.type", "$.vct"];

/**
 * Translates a presentation definition into a DCQL query, which OpenID4VP 1.0 has in its place: one credential a
 * descriptor, its type by a constant, each field one claim by its path, compared with constants at most.
 *
 * @throws DomainError `presentation.definition_not_supported` that names what has no counterpart
 */
export function translateDefinition(definition: unknown): DcqlQuery {
  const { input_descriptors: descriptors, submission_requirements: requirements } = definition as Definition;
  if (requirements !== undefined) throw unsupported("submission_requirements", "use dcqlQuery with credential_sets");
  if (!Array.isArray(descriptors)) throw unsupported("input_descriptors", "give an array of descriptors");
  const credentials = descriptors.map((descriptor, place) =>
    translateDescriptor(descriptor as Descriptor, `input_descriptors.${place}`),
  );
  const parsed = dcqlQuery.safeParse({ credentials });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(
    "input_descriptors",
    `as DCQL it is refused: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
  );
}

function translateDescriptor(descriptor: Descriptor, at: string): unknown {
  const fields = descriptor.constraints?.fields ?? [];
  if (!Array.isArray(fields)) throw unsupported(`${at}.constraints.fields`, "give an array of fields");
  const format = formatOf(descriptor.format, at);
  const types: string[] = [];
  const claims: unknown[] = [];
  for (const [place, field] of (fields as Field[]).entries()) {
    const where = `${at}.constraints.fields.${place}`;
    const path = pathOf(field, where);
    const values = valuesOf(field, where);
    if (TYPE_PATHS.includes(path)) types.push(...requireTypes(values, where));
    else if (field.optional !== true) claims.push({ path: segmentsOf(path, format, where), values });
  }
  if (types.length === 0)
    throw unsupported(at, "give a field with the path $.vct or $.type and a const: the type asked for");
  return {
    id: descriptor.id,
    format,
    meta: format === "dc+sd-jwt" ? { vct_values: types } : { type_values: types.map((type) => [type]) },
    ...(claims.length > 0 && { claims }),
  };
}

function formatOf(format: unknown, at: string): "dc+sd-jwt" | "jwt_vc_json" {
  const names = typeof format === "object" && format !== null ? Object.keys(format) : [];
  if (names.some((name) => name === "dc+sd-jwt" || name === "vc+sd-jwt")) return "dc+sd-jwt";
  if (names.some((name) => name === "jwt_vc_json" || name === "jwt_vc")) return "jwt_vc_json";
  throw unsupported(`${at}.format`, "give dc+sd-jwt or jwt_vc_json");
}

function pathOf({ path }: Field, at: string): string {
  const [only] = Array.isArray(path) ? (path as unknown[]) : [];
  if (typeof only === "string" && (path as unknown[]).length === 1) return only;
  throw unsupported(`${at}.path`, "give one path: alternatives have no counterpart");
}

/** The members that a simple JSONPath names: `$.a.b`, `$['a']`. */
function segmentsOf(path: string, format: string, at: string): string[] {
  const segments = [...path.matchAll(/\.([A-Za-z_][\w-]*)|\['([^'\]]+)'\]/g)].map(
    ([, plain, quoted]) => plain ?? quoted,
  );
  const rebuilt = path.replace(/\.([A-Za-z_][\w-]*)|\['([^'\]]+)'\]/g, "");
  if (rebuilt !== "$" || segments.length === 0)
    throw unsupported(`${at}.path`, "give a path of members, such as $.address.country");
  const names = segments.filter((name): name is string => name !== undefined);
  // Claims of a W3C credential are selected from the credential itself, whatever envelope it came in.
  return format === "jwt_vc_json" && names[0] === "vc" ? names.slice(1) : names;
}

function valuesOf({ filter }: Field, at: string): unknown[] | undefined {
  if (filter === undefined) return undefined;
  const constant = filter.const ?? filter.contains?.const;
  if (constant !== undefined) return [constant];
  if (Array.isArray(filter.enum)) return filter.enum as unknown[];
  const others = Object.keys(filter).filter((name) => name !== "type");
  if (others.length === 0) return undefined;
  throw unsupported(`${at}.filter`, `give const or enum: ${others.join(", ")} cannot be compared by a wallet`);
}

function requireTypes(values: unknown[] | undefined, at: string): string[] {
  if (values?.every((value) => typeof value === "string") === true) return values;
  throw unsupported(`${at}.filter`, "give the type as a const");
}

function unsupported(field: string, advice: string): DomainError {
  const fields: FieldError[] = [{ field: `body.presentationDefinition.${field}`, message: advice }];
  const message = `The presentation definition asks for what DCQL does not have (${field}): ${advice}.`;
  return new DomainError("presentation.definition_not_supported", "invalid", message, { fields });
}
