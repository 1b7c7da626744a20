import { z } from "zod";
import { SERVICE_TOKEN_MAX_SECONDS } from "../../core/internalApi";
import type { Endpoint, RejectionDescription, ReplyDescription } from "./endpoint";
import { API_KEY_PREFIXES } from "../../core/keys/apiKeys";
import { SESSION_COOKIE } from "../../core/sessionCookie";
import { CSRF_HEADER } from "./authenticate";
import { PROBLEM_MEDIA_TYPE, statusOfKind } from "./problem";
import { rejectionsOf } from "./rejections";

type Json = Record<string, unknown>;

/** An OpenAPI 3.1 document; plain JSON. */
export interface OpenApiDocument extends Json {
  openapi: string;
  paths: Record<string, Record<string, Json>>;
}

const PROBLEM_SCHEMA: Json = {
  type: "object",
  description: "Problem details (RFC 9457).",
  required: ["type", "title", "status", "detail", "code", "requestId"],
  properties: {
    type: { type: "string", format: "uri", description: "Explains the code." },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string", description: "What was rejected, why, and how to fix it; for people." },
    code: { type: "string", description: "Stable; for programs.", examples: ["session.idle"] },
    requestId: { type: "string", description: "Also in the x-request-id header and in our logs." },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["field", "message"],
        properties: {
          field: { type: "string", examples: ["body.email"] },
          message: { type: "string" },
          code: { type: "string", description: "Names the error.", examples: ["address.checksum_mismatch"] },
        },
      },
    },
  },
};

/**
 * Describes endpoints as an OpenAPI 3.1.1 document. Request and reply schemas are made from the zod schemas that parse
 * the requests, so that the description cannot drift from what the server does.
 *
 * @throws Error when a schema has no JSON Schema equivalent
 */
export function describeApi(endpoints: Endpoint[], about: { version: string; publicUrl: string }): OpenApiDocument {
  const isInternal = endpoints.some(({ port }) => port === "internal");
  const paths: OpenApiDocument["paths"] = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:([A-Za-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method]: operation(endpoint) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Cairn",
      version: about.version,
      summary: "A blockchain-anchored DID registry with an indexer and a verification gateway",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: about.publicUrl }],
    tags: [...new Set(endpoints.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "The session token, `SES-...`." },
        cookie: {
          type: "apiKey",
          in: "cookie",
          name: SESSION_COOKIE,
          description: "Requests that change state also need the X-CSRF-Token header.",
        },
        ...apiKeySchemes(),
        ...(isInternal && { service: SERVICE_SCHEME }),
        csrf: { type: "apiKey", in: "header", name: CSRF_HEADER, description: "The csrfToken of the login." },
      },
    },
  };
}

const SERVICE_SCHEME: Json = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: `A gateway's service token (EdDSA, ${SERVICE_TOKEN_MAX_SECONDS} s at most); for commands it names user and device session.`,
};

function apiKeySchemes(): Json {
  const schemes = Object.entries(API_KEY_PREFIXES).map(([kind, prefix]) => [
    `${kind}Key`,
    { type: "http", scheme: "bearer", description: `An API key of this kind, \`${prefix}...\`.` },
  ]);
  return Object.fromEntries(schemes) as Json;
}

function operation(endpoint: Endpoint): Json {
  return {
    operationId: operationId(endpoint),
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...(endpoint.description !== undefined && { description: endpoint.description }),
    ...security(endpoint),
    ...parameters(endpoint),
    ...requestBody(endpoint),
    responses: responses(endpoint),
  };
}

function requestBody({ body, rawBody }: Endpoint): Json {
  if (rawBody !== undefined) return { requestBody: { content: { [rawBody.mediaType ?? "*/*"]: {} } } };
  if (body === undefined) return {};
  const required = !body.safeParse(undefined).success;
  return { requestBody: { required, content: { "application/json": { schema: schemaOf(body, "input") } } } };
}

function operationId({ method, path }: Endpoint): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function security({ auth, method, port }: Endpoint): Json {
  if (port === "internal") return { security: [{ service: [] }] };
  if (auth === "none") return { security: [] };
  if (auth !== "session") return { security: [{ [`${auth}Key`]: [] }] };
  return { security: [{ bearer: [] }, method === "get" ? { cookie: [] } : { cookie: [], csrf: [] }] };
}

function parameters({ params, query }: Endpoint): Json {
  const list = [...fields(params, "path"), ...fields(query, "query")];
  return list.length === 0 ? {} : { parameters: list };
}

function fields(schema: z.ZodType | undefined, place: "path" | "query"): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description !== undefined && { description }),
    schema: rest,
  }));
}

function replies(endpoint: Endpoint): Record<string, Json> {
  const headers = {
    "x-request-id": { schema: { type: "string" } },
    ...(endpoint.limit !== undefined && {
      RateLimit: { schema: { type: "string" }, description: "Budget left (draft-ietf-httpapi-ratelimit-headers)." },
      "RateLimit-Policy": { schema: { type: "string" }, description: "The budget." },
    }),
  };
  const entries = Object.entries(endpoint.replies).map(([status, reply]) => [
    status,
    { description: reply.description, headers, ...content(reply) },
  ]);
  return Object.fromEntries(entries) as Record<string, Json>;
}

function content({ schema, mediaType }: ReplyDescription): Json {
  if (schema === undefined && mediaType === undefined) return {};
  const media = schema === undefined ? {} : { schema: schemaOf(schema, "output") };
  return { content: { [mediaType ?? "application/json"]: media } };
}

/** Every answer by status; where an operation declares a reply of that status too, both are described. */
function responses(endpoint: Endpoint): Json {
  const problem = { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } };
  const answers: Record<string, Json> = { ...replies(endpoint) };
  for (const [status, list] of rejectionsByStatus(endpoint)) {
    const own = answers[status];
    const meanings = list.map(({ code, meaning }) => `\`${code}\`: ${meaning}`);
    answers[status] = {
      ...own,
      description: [...(own === undefined ? [] : [own["description"]]), ...meanings].join("\n\n"),
      content: { ...(own?.["content"] as Json | undefined), ...problem },
      "x-codes": list.map(({ code }) => code),
    };
  }
  const description = "Any other problem, such as 503 while something does not answer.";
  return { ...answers, default: { description, content: problem } };
}

function rejectionsByStatus(endpoint: Endpoint): Map<number, RejectionDescription[]> {
  const byStatus = new Map<number, RejectionDescription[]>();
  for (const rejection of rejectionsOf(endpoint)) {
    const status = statusOfKind(rejection.kind);
    byStatus.set(status, [...(byStatus.get(status) ?? []), rejection]);
  }
  return byStatus;
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const described = z.toJSONSchema(schema, { io, target: "draft-2020-12", unrepresentable: "throw" }) as Json;
  // The dialect is OpenAPI 3.1's own default.
  delete described["$schema"];
  return described;
}
