import { z } from "zod";
import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { PAGE_SCRIPT, PAGE_STYLE } from "./page";

const ASSETS = {
  "page.js": { type: "text/javascript; charset=utf-8", text: PAGE_SCRIPT },
  "page.css": { type: "text/css; charset=utf-8", text: PAGE_STYLE },
};

/** The script and the style of the page: files of their own, for its policy allows nothing inline. */
export function oauthAssetEndpoint(): Endpoint {
  return defineEndpoint({
    method: "get",
    path: "/oauth/assets/:file",
    tag: "OAuth gateway",
    summary: "A part of the page",
    auth: "none",
    params: z.strictObject({ file: z.enum(["page.js", "page.css"]) }),
    quiet: true,
    replies: { 200: { description: "The script or the style sheet.", mediaType: "text/plain" } },
    handle: ({ params }) => {
      const { type, text } = ASSETS[params.file];
      return Promise.resolve({
        status: 200,
        headers: { "content-type": type, "cache-control": "public, max-age=300" },
        body: text,
      });
    },
  });
}
