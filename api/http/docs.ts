import { z } from "zod";
import { DomainError } from "../../core/errors";
import { type Asset, ASSETS, PAGE, PAGE_POLICY, readAsset } from "./docsPage";
import { type CachedBody, cachedBody, cachedReply, NOT_MODIFIED } from "./cachedBody";
import { defineEndpoint, type Endpoint } from "./endpoint";
import { GENERAL_PROBLEMS } from "./generalProblems";
import { describeApi } from "./openapi";
import { statusOfKind } from "./problem";
import { declaredCodes, rejectionsOf } from "./rejections";

const TAG = "Documentation";

/**
 * The API's description: `/openapi.json`, the page that shows it, and an explanation of each problem code, which is what
 * the `type` of a problem points at.
 *
 * @param described the endpoints to describe; the ones made here are added to them
 * @param internal the endpoints of the internal port: their codes are explained, they themselves are not described
 */
export function documentationEndpoints(
  described: Endpoint[],
  internal: Endpoint[],
  about: { version: string; publicUrl: string },
): Endpoint[] {
  const endpoints: Endpoint[] = [
    openApiEndpoint("/openapi.json", () => openApi),
    pageEndpoint(),
    assetEndpoint(),
    problemsEndpoint(() => codesOf([...all, ...internal])),
    problemEndpoint((code) => explainCode([...all, ...internal], code)),
  ];
  const all = [...described, ...endpoints];
  // Written once: it is half a megabyte, which would hold up everybody for each who reads it.
  const openApi = cachedBody(JSON.stringify(describeApi(all, about)));
  return endpoints;
}

/** The description of the internal port, at its own path there. */
export function internalDocumentationEndpoint(
  described: Endpoint[],
  about: { version: string; publicUrl: string },
): Endpoint {
  const endpoint: Endpoint = {
    ...openApiEndpoint("/api/v1/internal/openapi.json", () => openApi),
    port: "internal",
  };
  const openApi = cachedBody(JSON.stringify(describeApi([...described, endpoint], about)));
  return endpoint;
}

/** @param openApi called, because the document describes this endpoint too */
function openApiEndpoint(path: string, openApi: () => CachedBody): Endpoint {
  return defineEndpoint({
    method: "get",
    path,
    tag: TAG,
    summary: "This description, as OpenAPI 3.1",
    auth: "none",
    forEveryOrigin: true,
    replies: {
      200: { description: "The document.", schema: z.looseObject({ openapi: z.string() }) },
      304: NOT_MODIFIED,
    },
    handle: (_input, { header }) =>
      Promise.resolve(
        cachedReply(openApi(), {
          header,
          headers: { "content-type": "application/json", "cache-control": "no-cache" },
        }),
      ),
  });
}

function pageEndpoint(): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/docs",
    tag: TAG,
    summary: "This description, for people",
    auth: "none",
    replies: { 200: { description: "A page.", mediaType: "text/html" } },
    handle: () => {
      const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": PAGE_POLICY };
      return Promise.resolve({ status: 200, body: PAGE, headers });
    },
  });
}

function assetEndpoint(): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/docs/assets/:file",
    tag: TAG,
    summary: "A part of the page",
    auth: "none",
    params: z.strictObject({ file: z.enum(Object.keys(ASSETS) as [Asset, ...Asset[]]) }),
    replies: { 200: { description: "A script or style sheet.", mediaType: "text/plain" }, 304: NOT_MODIFIED },
    handle: ({ params }, { header }) => {
      const headers = { "content-type": ASSETS[params.file], "cache-control": "public, max-age=3600" };
      return Promise.resolve(cachedReply(readAsset(params.file), { header, headers }));
    },
  });
}

const problemReply = z.strictObject({
  code: z.string(),
  status: z.int(),
  meanings: z.array(z.string()),
  operations: z.array(z.string()).meta({ description: "Those that declare it; empty for what any may answer with" }),
});

const problemsReply = z.strictObject({ problems: z.array(z.strictObject({ code: z.string(), url: z.string() })) });

/** @param codes called, because these endpoints have codes too */
function problemsEndpoint(codes: () => string[]): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/problems",
    tag: TAG,
    summary: "Every problem code, and where it is explained",
    auth: "none",
    forEveryOrigin: true,
    replies: { 200: { description: "The codes in alphabetical order.", schema: problemsReply } },
    handle: () =>
      Promise.resolve({
        status: 200,
        body: { problems: codes().map((code) => ({ code, url: `/problems/${code}` })) },
      }),
  });
}

function codesOf(endpoints: Endpoint[]): string[] {
  const declared = endpoints.flatMap((endpoint) => [...declaredCodes(endpoint)]);
  return [...new Set([...declared, ...Object.keys(GENERAL_PROBLEMS)])].sort();
}

function problemEndpoint(explain: (code: string) => z.input<typeof problemReply>): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/problems/:code",
    tag: TAG,
    summary: "What a problem's code means",
    auth: "none",
    forEveryOrigin: true,
    params: z.strictObject({ code: z.string().max(100) }),
    replies: { 200: { description: "The code, its status, and its meaning where it occurs.", schema: problemReply } },
    rejections: [{ code: "problem.unknown", kind: "not_found", meaning: "There is no such code." }],
    handle: ({ params }) => Promise.resolve({ status: 200, body: explain(params.code) }),
  });
}

function explainCode(endpoints: Endpoint[], code: string): z.input<typeof problemReply> {
  const found = endpoints.flatMap((endpoint) =>
    rejectionsOf(endpoint)
      .filter((rejection) => rejection.code === code)
      .map(({ kind, meaning }) => ({
        kind,
        meaning,
        operation: `${endpoint.method.toUpperCase()} ${endpoint.path}`,
      })),
  );
  const [first] = found;
  if (first === undefined) {
    const general = Object.hasOwn(GENERAL_PROBLEMS, code) ? GENERAL_PROBLEMS[code] : undefined;
    if (general !== undefined) return { code, status: general.status, meanings: [general.meaning], operations: [] };
    throw new DomainError("problem.unknown", "not_found", "There is no such code; /problems lists all of them.");
  }
  const meanings = [...new Set(found.map(({ meaning }) => meaning))];
  return { code, status: statusOfKind(first.kind), meanings, operations: found.map(({ operation }) => operation) };
}
