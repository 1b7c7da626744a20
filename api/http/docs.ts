import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { DomainError } from "../../core/errors";
import { defineEndpoint, type Endpoint } from "./endpoint";
import { describeApi } from "./openapi";
import { statusOfKind } from "./problem";
import { rejectionsOf } from "./rejections";

const TAG = "Documentation";

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Cairn API</title>
    <link rel="stylesheet" href="/docs/assets/swagger-ui.css">
  </head>
  <body>
    <div id="page"><p>This page needs JavaScript; the same description is at <a href="/openapi.json">/openapi.json</a>.</p></div>
    <script src="/docs/assets/swagger-ui-bundle.js"></script>
    <script src="/docs/assets/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });\n`;

/** Files the page loads; the first two come from the package swagger-ui-dist. */
const ASSETS = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
};
type Asset = keyof typeof ASSETS;

/** Scripts and styles from this origin alone, none inline; the data: images are icons in the style sheet. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * The API's description: `/openapi.json`, the page that shows it, and an explanation of each problem code, which is what
 * the `type` of a problem points at.
 *
 * @param described the endpoints to describe; the ones made here are added to them
 */
export function documentationEndpoints(
  described: Endpoint[],
  about: { version: string; publicUrl: string },
): Endpoint[] {
  const assets = new Map<Asset, Buffer>();

  const endpoints = [
    defineEndpoint({
      method: "get",
      path: "/openapi.json",
      tag: TAG,
      summary: "This description, as OpenAPI 3.1",
      auth: "none",
      replies: { 200: { description: "The document.", schema: z.looseObject({ openapi: z.string() }) } },
      handle: () => Promise.resolve({ status: 200, body: openApi }),
    }),
    defineEndpoint({
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
    }),
    defineEndpoint({
      method: "get",
      path: "/docs/assets/:file",
      tag: TAG,
      summary: "A part of the page",
      auth: "none",
      params: z.strictObject({ file: z.enum(Object.keys(ASSETS) as [Asset, ...Asset[]]) }),
      replies: { 200: { description: "A script or style sheet.", mediaType: "text/plain" } },
      handle: ({ params }) => {
        const headers = { "content-type": ASSETS[params.file], "cache-control": "public, max-age=3600" };
        return Promise.resolve({ status: 200, body: asset(params.file), headers });
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/problems/:code",
      tag: TAG,
      summary: "What a problem's code means",
      auth: "none",
      params: z.strictObject({ code: z.string().max(100) }),
      replies: { 200: { description: "The code, its status, and its meaning where it occurs.", schema: problemReply } },
      rejections: [{ code: "problem.unknown", kind: "not_found", meaning: "No operation declares this code." }],
      handle: ({ params }) => Promise.resolve({ status: 200, body: explain(params.code) }),
    }),
  ];
  const all = [...described, ...endpoints];
  const openApi = describeApi(all, about);
  return endpoints;

  function explain(code: string): z.input<typeof problemReply> {
    const found = all.flatMap((endpoint) =>
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
      throw new DomainError(
        "problem.unknown",
        "not_found",
        "No operation declares this code; /openapi.json lists all codes.",
      );
    }
    const meanings = [...new Set(found.map(({ meaning }) => meaning))];
    return { code, status: statusOfKind(first.kind), meanings, operations: found.map(({ operation }) => operation) };
  }

  function asset(file: Asset): Buffer {
    const bytes = assets.get(file) ?? readAsset(file);
    assets.set(file, bytes);
    return bytes;
  }
}

const problemReply = z.strictObject({
  code: z.string(),
  status: z.int(),
  meanings: z.array(z.string()),
  operations: z.array(z.string()),
});

function readAsset(file: Asset): Buffer {
  if (file === "start.js") return Buffer.from(START);
  return readFileSync(join(dirname(require.resolve("swagger-ui-dist/package.json")), file));
}
