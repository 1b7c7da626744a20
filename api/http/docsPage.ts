import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type CachedBody, cachedBody } from "./cachedBody";

/** The page that shows the API's description. */
export const PAGE = `<!doctype html>
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

const START_SCRIPT = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null });\n`;

/** Files the page loads; the first two come from the package swagger-ui-dist. */
export const ASSETS = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "start.js": "text/javascript; charset=utf-8",
};
export type Asset = keyof typeof ASSETS;

/** Scripts and styles from this origin alone, none inline; the data: images are icons in the style sheet. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const loaded = new Map<Asset, CachedBody>();

/** A file of {@link ASSETS}; each is read once. */
export function readAsset(file: Asset): CachedBody {
  const body = loaded.get(file) ?? cachedBody(loadAsset(file));
  loaded.set(file, body);
  return body;
}

function loadAsset(file: Asset): Buffer {
  if (file === "start.js") return Buffer.from(START_SCRIPT);
  return readFileSync(join(dirname(require.resolve("swagger-ui-dist/package.json")), file));
}
