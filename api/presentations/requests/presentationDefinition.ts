import { DomainError, type FieldError } from "../../../core/errors";
import { type DcqlQuery, dcqlQuery } from "../dcql/query";

/** Members of a definition and its parts (DIF Presentation Exchange 2.0 §5) that have a counterpart, or need none. */
const MEMBERS = {
  definition: ["id", "name", "purpose", "format", "input_descriptors"],
  descriptor: ["id", "name", "purpose", "format", "constraints"],
  constraints: ["fields", "limit_disclosure"],
  field: ["id", "name", "purpose", "path", "filter", "optional", "intent_to_retain"],
  filter: ["type", "const", "enum", "contains"],
  contains: ["type", "const"],
};

type Members = Record<string, unknown>;

/** What a field asks of the credential's type, instead of a claim. */
const TYPE_PATHS = ["$.type", "$.vc.type", "$.vct"];

/**
 * Translates a presentation definition into a DCQL query, which OpenID4VP 1.0 has in its place: one credential a
 * descriptor, its type by a constant, each field one claim by its path, compared with constants at most. Optional fields
 * are asked for and may be missing.
 *
 * @throws DomainError `presentation.definition_not_supported` that names what has no counterpart
 */
export function translateDefinition(definition: unknown): DcqlQuery {
  const { input_descriptors: descriptors, format } = membersOf("definition", definition, "");
  if (!Array.isArray(descriptors)) throw unsupported("input_descriptors", "give an array of descriptors");
  const credentials = descriptors.map((descriptor, place) =>
    translateDescriptor(descriptor, format, `input_descriptors.${place}`),
  );
  const parsed = dcqlQuery.safeParse({ credentials });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw unsupported(
    "input_descriptors",
    `as DCQL it is refused: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
  );
}

function translateDescriptor(descriptor: unknown, formatOfAll: unknown, at: string): unknown {
  const { id, format = formatOfAll, constraints = {} } = membersOf("descriptor", descriptor, at);
  const { fields = [] } = membersOf("constraints", constraints, `${at}.constraints`);
  if (!Array.isArray(fields)) throw unsupported(`${at}.constraints.fields`, "give an array of fields");
  const formatName = formatOf(format, at);
  const types: string[] = [];
  const claims: { id: string; path: string[]; values?: unknown[] }[] = [];
  const required: string[] = [];
  for (const [place, value] of fields.entries()) {
    const where = `${at}.constraints.fields.${place}`;
    const field = membersOf("field", value, where);
    const path = pathOf(field, where);
    const values = valuesOf(field, where);
    if (TYPE_PATHS.includes(path)) {
      types.push(...requireTypes(values, where));
      continue;
    }
    const claimId = `field_${place}`;
    // Absent, never undefined: a database makes that null, which no comparison expects.
    claims.push({ id: claimId, path: segmentsOf(path, formatName, where), ...(values !== undefined && { values }) });
    if (field["optional"] !== true) required.push(claimId);
  }
  if (types.length === 0)
    throw unsupported(at, "give a field with the path $.vct or $.type and a const: the type asked for");
  return {
    id,
    format: formatName,
    meta: formatName === "dc+sd-jwt" ? { vct_values: types } : { type_values: types.map((type) => [type]) },
    ...(claims.length > 0 && { claims }),
    ...setsOf(
      claims.map((claim) => claim.id),
      required,
      at,
    ),
  };
}

/** The claims that will do, the best first (OpenID4VP 1.0 §6.4.1); none where all are required. */
function setsOf(all: string[], required: string[], at: string): { claim_sets?: string[][] } {
  if (required.length === all.length) return {};
  if (required.length > 0) return { claim_sets: [all, required] };
  throw unsupported(`${at}.constraints.fields`, "require a field: DCQL cannot ask for optional ones alone");
}

/** The members of a part of the definition. What has no counterpart must not be lost silently. */
function membersOf(part: keyof typeof MEMBERS, value: unknown, at: string): Members {
  const name = at === "" ? "definition" : at;
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw unsupported(name, "give an object");
  const stray = Object.keys(value).find((member) => !MEMBERS[part].includes(member));
  if (stray === undefined) return value as Members;
  const place = at === "" ? stray : `${at}.${stray}`;
  const advice = part === "filter" || part === "contains" ? "compare with const or enum" : "leave it out";
  throw unsupported(place, `${advice}, or use dcqlQuery: it has no counterpart`);
}

function formatOf(format: unknown, at: string): "dc+sd-jwt" | "jwt_vc_json" {
  const names = typeof format === "object" && format !== null ? Object.keys(format) : [];
  if (names.some((name) => name === "dc+sd-jwt" || name === "vc+sd-jwt")) return "dc+sd-jwt";
  if (names.some((name) => name === "jwt_vc_json" || name === "jwt_vc")) return "jwt_vc_json";
  throw unsupported(`${at}.format`, "give dc+sd-jwt or jwt_vc_json");
}

function pathOf({ path }: Members, at: string): string {
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

function valuesOf({ filter }: Members, at: string): unknown[] | undefined {
  if (filter === undefined) return undefined;
  const { const: constant, enum: several, contains } = membersOf("filter", filter, `${at}.filter`);
  if (constant !== undefined) return [constant];
  if (Array.isArray(several)) return several as unknown[];
  if (contains === undefined) return undefined;
  const { const: contained } = membersOf("contains", contains, `${at}.filter.contains`);
  if (contained === undefined) throw unsupported(`${at}.filter.contains`, "give the const that it contains");
  return [contained];
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
