import { hostileValue, type JsonSchema, type KnownValues, type Random, valueOf } from "./values";

/** An operation as the description of the API has it. */
export interface Operation {
  path: string;
  method: string;
  security: Record<string, unknown>[];
  parameters?: { name: string; in: string; required: boolean; schema: JsonSchema }[];
  requestBody?: { content: Record<string, { schema?: JsonSchema }> };
  responses: Record<string, { content?: Record<string, { schema?: JsonSchema }>; "x-codes"?: string[] }>;
}

/** A request ready to be sent. */
export interface FuzzRequest {
  principal: Principal;
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | undefined;
}

/** Whoever asks. */
export interface Principal {
  /** The description's name of the way in which it says who it is; empty where it says what nobody should. */
  scheme: string;
  headers: Record<string, string>;
  /** Never asks for what ends sessions, wallets or accounts, so that something is left to be asked for. */
  lasts?: boolean;
}

/** Operations that end what others need. */
const ENDS = /^(delete|post) \/auth\/(account|logout|sessions|wallets\/\{walletAddress\}$)/;

/** How far a request strays from its description. */
const MODES = ["valid", "valid", "valid", "near", "near", "hostile"] as const;

/** Waiting is tried elsewhere: here it would only take time. */
const QUICK: Record<string, (random: Random) => unknown> = {
  waitSeconds: (random) => random.pick([0, 0, 0, -1, 26, "x"]),
  known: (random) => random.pick(["none", "none", "", "verified"]),
};

/** Makes a random request to an operation. */
export function randomRequest(
  operation: Operation,
  on: { random: Random; known: KnownValues; principals: Principal[] },
): FuzzRequest {
  const { random } = on;
  const mode = random.pick(MODES);
  const principal = principalFor(operation, on);
  const fields = new Map<string, unknown>();
  for (const { name, in: place, required, schema } of operation.parameters ?? []) {
    if (!required && random.chance(0.7)) continue;
    const value = QUICK[name]?.(random) ?? valueOf(schema, knownNameOf(operation.path, name, random), on);
    fields.set(`${place}.${name}`, mode === "hostile" && random.chance(0.5) ? hostileValue(random) : value);
  }
  if (mode === "near" && random.chance(0.2)) fields.set(`query.${random.pick(["extra", "__proto__", "limit"])}`, "1");
  const path = operation.path.replace(/\{(\w+)\}/g, (_match, name: string) => {
    // An empty step or one of dots would be another path.
    const text = textIn(fields.get(`path.${name}`)).replace(/^(\.{0,2})$/, "x");
    return encodeURIComponent(Buffer.from(text).toString());
  });
  const query = new URLSearchParams();
  for (const [name, value] of fields) {
    if (name.startsWith("query.")) query.append(name.slice("query.".length), textIn(value));
  }
  const { contentType, body } = bodyOf(operation, mode, on);
  const headers: Record<string, string> = {
    ...principal.headers,
    // An address of its own, so that budgets by address end little.
    "x-forwarded-for": Array.from({ length: 4 }, () => 1 + random.below(250)).join("."),
    ...(contentType !== undefined && { "content-type": contentType }),
    ...(random.chance(0.1) && {
      accept: random.pick(["application/json", "text/html", "image/*", "", "*/*;q=0", "a"]),
    }),
    ...(random.chance(0.1) && { "if-none-match": random.pick(["*", '"x"', "W/", "\u00ff"]) }),
  };
  return {
    principal,
    method: operation.method.toUpperCase(),
    path: query.size === 0 ? path : `${path}?${query.toString()}`,
    headers,
    body,
  };
}

/** What an answer calls the thing that a path calls `id` only. */
const IDS: readonly (readonly [RegExp, string])[] = [
  [/^\/credentials\/status-changes\//, "jobId"],
  [/^\/credentials\//, "credentialId"],
  [/^\/verify\//, "verificationId"],
  [/^\/verifiers\//, "verifierId"],
  [/^\/control\/operations\//, "operationId"],
  [/^\/vp-request\//, "requestId"],
];

function knownNameOf(path: string, name: string, random: Random): string {
  if (name !== "id" || random.chance(0.1)) return name;
  return IDS.find(([form]) => form.test(path))?.[1] ?? name;
}

/** Mostly one that may, else anybody. */
function principalFor(
  { security, method, path }: Operation,
  { random, principals: all }: { random: Random; principals: Principal[] },
): Principal {
  const ends = ENDS.test(`${method} ${path}`);
  const principals = all.filter(({ lasts }) => !(ends && lasts === true));
  const schemes = security.map((requirement) => Object.keys(requirement)[0]);
  const fitting = principals.filter(({ scheme }) => schemes.includes(scheme));
  return random.pick(fitting.length > 0 && random.chance(0.75) ? fitting : principals);
}

function bodyOf(
  { requestBody }: Operation,
  mode: (typeof MODES)[number],
  on: { random: Random; known: KnownValues },
): { contentType: string | undefined; body: string | undefined } {
  const { random } = on;
  const [media, { schema }] = Object.entries(requestBody?.content ?? {})[0] ?? ["", {}];
  if (requestBody === undefined) return { contentType: undefined, body: undefined };
  const contentType = media.includes("*") ? "application/json" : media;
  if (mode === "hostile" && random.chance(0.4)) return { contentType, body: random.pick(RAW_BODIES) };
  const value = schema === undefined ? formOf(on) : valueOf(schema, "body", on);
  const changed = mode === "valid" ? value : mutated(value, random);
  const isForm = contentType.includes("form");
  const body = isForm ? new URLSearchParams(flat(changed)).toString() : JSON.stringify(changed);
  const wrongType = mode === "hostile" && random.chance(0.2);
  return { contentType: wrongType ? random.pick(["text/plain", "application/xml", "x"]) : contentType, body };
}

const RAW_BODIES = [
  ...[
    "",
    "{",
    "null",
    "[]",
    '"x"',
    "7",
    '{"a":1,"a":2}',
    '{"__proto__":{"x":1}}',
    '{"email":1e400}',
    "[".repeat(5_000),
  ],
  ...['{"name":"\\u0000"}', "x".repeat(70_000), "grant_type=&grant_type=", "%zz=%", "a=b&a=c&&=", "\ufeff{}"],
];

/** What forms and raw bodies of this API have. */
const FORM_FIELDS = [
  ...["grant_type", "code", "redirect_uri", "client_id", "client_secret", "token", "scope", "state", "response_type"],
  ...["code_challenge", "code_challenge_method", "verification_id", "timestamp", "request_uri"],
];

function formOf({ random, known }: { random: Random; known: KnownValues }): Record<string, unknown> {
  const names = FORM_FIELDS.filter(() => random.chance(0.5));
  return Object.fromEntries(names.map((name) => [name, valueOf({ type: "string" }, name, { random, known })]));
}

/** The value with one place changed. */
function mutated(value: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || random.chance(0.1)) return hostileValue(random);
  const copy = structuredClone(value) as Record<string, unknown>;
  const name = random.pick([...Object.keys(copy), "extra"]);
  if (random.chance(0.3) && !Array.isArray(copy)) Reflect.deleteProperty(copy, name);
  else copy[name] = mutated(copy[name], random);
  return copy;
}

function flat(value: unknown): [string, string][] {
  if (typeof value !== "object" || value === null) return [["x", textIn(value)]];
  return Object.entries(value).map(([name, field]) => [name, textIn(field)]);
}

function textIn(value: unknown): string {
  // Nothing is sent as an empty text.
  return typeof value === "string" ? value : JSON.stringify(value ?? "");
}
