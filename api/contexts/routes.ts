import { OWN_CONTEXT_PATH, ownContext } from "../../chain/did/contexts";
import type { Context } from "../../process/context";
import { defineEndpoint, type Endpoint } from "../http/endpoint";

const MEDIA_TYPE = "application/ld+json";

/** The JSON-LD context that credentials and DID documents name. */
export function contextEndpoints({ config }: Pick<Context, "config">): Endpoint[] {
  const body = Buffer.from(JSON.stringify(ownContext(config.http.publicUrl)));
  const headers = {
    "content-type": MEDIA_TYPE,
    "cache-control": "public, max-age=31536000, immutable",
  };
  return [
    defineEndpoint({
      method: "get",
      path: OWN_CONTEXT_PATH,
      tag: "DIDs",
      summary: "Read the JSON-LD context of our own terms",
      description: "Defines the service type `DidDocument` and the credential status type `CairnRegistryStatus`.",
      auth: "none",
      forEveryOrigin: true,
      replies: { 200: { description: "The context.", mediaType: MEDIA_TYPE } },
      handle: () => Promise.resolve({ status: 200, body, headers }),
    }),
  ];
}
