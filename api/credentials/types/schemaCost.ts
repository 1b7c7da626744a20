/** What it may take to validate one value by a schema, its references followed. */
export interface SchemaCost {
  /** Rules to look at. */
  rules: number;
  /** Sizes of its patterns. */
  patterns: number;
}

type Json = Record<string, unknown>;

/** Keywords of JSON Schema 2020-12 whose value is a schema, a list of schemas, or schemas by name. */
const SCHEMA_KEYWORDS = [
  ...["items", "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"],
  ...["not", "if", "then", "else", "contentSchema"],
];
const LIST_KEYWORDS = ["allOf", "anyOf", "oneOf", "prefixItems"];
const MAP_KEYWORDS = ["properties", "patternProperties", "dependentSchemas"];

/** Keywords that name a place for references from elsewhere. */
const FOREIGN_KEYWORDS = ["$dynamicRef", "$dynamicAnchor", "$anchor", "$recursiveRef", "$recursiveAnchor"];

const REFERENCE = /^#\/\$defs\/([^/]+)$/;

/**
 * Sums what validating by a schema may cost. Every rule is applied to a value once, so the sum times the number of values
 * bounds the work, as long as no schema refers to itself: `anyOf` over itself takes time exponential in the depth.
 *
 * @param sizeOf the size of a pattern; throws RangeError where it cannot be compiled
 * @throws RangeError saying what is refused, and where in the schema
 */
export function schemaCost(root: Json, sizeOf: (pattern: string) => number): SchemaCost {
  const definitions = isObject(root["$defs"]) ? root["$defs"] : {};
  const known = new Map<string, SchemaCost | "open">();
  for (const [name, definition] of Object.entries(definitions)) costOf(definition, `$defs.${name}`);
  return costOf(root, "");

  function costOf(schema: unknown, path: string): SchemaCost {
    if (!isObject(schema)) return { rules: 1, patterns: 0 };
    refuseForeign(schema, path);
    const own = { rules: 1 + countedRules(schema), patterns: patternsOf(schema, path) };
    const children = [...subschemasOf(schema, path).map(([child, at]) => costOf(child, at))];
    if (schema["$ref"] !== undefined) children.push(costOfReference(schema["$ref"], path));
    return children.reduce((sum, { rules, patterns }) => {
      return { rules: sum.rules + rules, patterns: sum.patterns + patterns };
    }, own);
  }

  function costOfReference(reference: unknown, path: string): SchemaCost {
    const encoded = typeof reference === "string" ? REFERENCE.exec(reference)?.[1] : undefined;
    const name = encoded === undefined ? undefined : decodePointer(encoded);
    if (name === undefined || !Object.hasOwn(definitions, name)) {
      throw new RangeError(
        `${at(path)} refers to what is not there: give \`#/$defs/\` and a name of the schema's $defs`,
      );
    }
    const before = known.get(name);
    if (before === "open") throw new RangeError(`${at(path)} refers to a schema that holds it: write out its levels`);
    if (before !== undefined) return before;
    known.set(name, "open");
    const cost = costOf(definitions[name], `$defs.${name}`);
    known.set(name, cost);
    return cost;
  }

  function patternsOf(schema: Json, path: string): number {
    const named = isObject(schema["patternProperties"]) ? Object.keys(schema["patternProperties"]) : [];
    const own = typeof schema["pattern"] === "string" ? [schema["pattern"]] : [];
    let sum = 0;
    for (const pattern of [...own, ...named]) {
      try {
        sum += sizeOf(pattern);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new RangeError(`${at(path)} has a pattern that ${error.message}`, { cause: error });
      }
    }
    return sum;
  }
}

function refuseForeign(schema: Json, path: string): void {
  const keyword = FOREIGN_KEYWORDS.find((name) => schema[name] !== undefined);
  if (keyword !== undefined) throw new RangeError(`${at(path)} uses ${keyword}: refer to \`#/$defs/\` and a name`);
  if (path !== "" && schema["$id"] !== undefined) throw new RangeError(`${at(path)} has an $id: only the root may`);
}

/** Rules that a list makes, beside those of its keywords. */
function countedRules(schema: Json): number {
  const lists = [schema["enum"], schema["required"], ...Object.values(asObject(schema["dependentRequired"]))];
  return lists.reduce((sum: number, list) => sum + (Array.isArray(list) ? list.length : 0), 0);
}

function subschemasOf(schema: Json, path: string): [unknown, string][] {
  const found: [unknown, string][] = [];
  for (const keyword of SCHEMA_KEYWORDS) {
    if (isObject(schema[keyword])) found.push([schema[keyword], joined(path, keyword)]);
  }
  for (const keyword of [...LIST_KEYWORDS, ...MAP_KEYWORDS]) {
    const children = schema[keyword];
    if (typeof children !== "object" || children === null) continue;
    for (const [name, child] of Object.entries(children)) found.push([child, joined(path, `${keyword}.${name}`)]);
  }
  return found;
}

function joined(path: string, step: string): string {
  return path === "" ? step : `${path}.${step}`;
}

function at(path: string): string {
  return path === "" ? "its root" : path.slice(0, 200);
}

/** A reference's step (RFC 6901 §4, percent-encoded as in a URI's fragment). */
function decodePointer(step: string): string | undefined {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
