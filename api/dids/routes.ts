import { z } from "zod";
import { withContext } from "../../chain/did/document";
import { defineEndpoint, type Endpoint, type Reply } from "../http/endpoint";
import { chooseRepresentation, DOCUMENT, RESULT, type Representation } from "./contentNegotiation";
import { type DidDeps, failedResolution, type Resolution, resolveDid } from "./actions";
import { ResolutionError } from "./rules";

const params = z.strictObject({
  did: z.string().meta({
    description: "The DID, URL-encoded where options follow",
    examples: ["did:mychain:0x70997970c51812dc3a010c7d01b50e0d17dc79c8"],
  }),
});

// Any option passes here: the resolver rejects unknown ones with the error that its standard names.
const query = z.record(z.string(), z.unknown()).meta({
  properties: {
    versionId: {
      type: "string",
      description: "The version to resolve: how many changes the DID had; 0 is the default document",
    },
    versionTime: { type: "string", format: "date-time", description: "Resolve the version that was current then; UTC" },
    expandRelativeUrls: { type: "string", enum: ["true", "false"], description: "Documents hold absolute URLs anyway" },
  },
});

/** Browsers and proxies may store an answer, but must ask whether it is still current. */
const HEADERS = { "cache-control": "no-cache", vary: "Accept" };

/** DID resolution over HTTP (DID Resolution 1.0 §12.1, the GET binding). */
export function didEndpoints(deps: DidDeps): Endpoint[] {
  const result = (description: string) => ({ description, mediaType: RESULT.contentType });
  return [
    defineEndpoint({
      method: "get",
      path: "/1.0/identifiers/:did",
      tag: "DIDs",
      summary: "Resolve a DID",
      description:
        "Every address of the chain has a DID; until its first change it controls itself, and `didDocumentMetadata.registered` says whether a document's address was published. From the index, whose last block `didResolutionMetadata.index` names. Where the chain names a document that its issuer registered here, the document's signing keys are merged in (`didDocumentMetadata.documentKeys`: `merged`, or `unavailable`). Accept chooses between the whole result (`application/did-resolution`) and the document alone (`application/did`, `application/did+ld+json`, `application/did+json`, `application/ld+json`).",
      auth: "none",
      forEveryOrigin: true,
      limit: { name: "did-resolution", limit: 1_200, windowSeconds: 60, by: "address" },
      params,
      query,
      replies: {
        200: result("The DID document, or the result that holds it."),
        400: result("INVALID_DID or INVALID_OPTIONS."),
        404: result("NOT_FOUND: no such version of the DID."),
        406: result("REPRESENTATION_NOT_SUPPORTED."),
        410: result("The DID is deactivated; there is no document."),
        500: result("INTERNAL_ERROR: the index cannot vouch for what it knows."),
        501: result("METHOD_NOT_SUPPORTED or FEATURE_NOT_SUPPORTED."),
      },
      handle: async (input, context) => {
        const representation = chooseRepresentation(context.header("accept"));
        if (representation === undefined) {
          const message = `None of the media types asked for can be given; ${DOCUMENT.contentType} and ${RESULT.contentType} can.`;
          return represent(
            deps,
            failedResolution(new ResolutionError("REPRESENTATION_NOT_SUPPORTED", message)),
            RESULT,
          );
        }
        return represent(deps, await resolveDid(deps, input.params.did, input.query), representation);
      },
    }),
  ];
}

function represent({ config }: Pick<DidDeps, "config">, resolution: Resolution, asked: Representation): Reply {
  const { status, didDocument, didResolutionMetadata, didDocumentMetadata } = resolution;
  // Without a document the result is what there is to say.
  const representation = asked.holds === "document" && didDocument === null ? RESULT : asked;
  const { context } = representation;
  const document =
    didDocument &&
    (context === null ? didDocument : withContext(didDocument, { version: context, publicUrl: config.http.publicUrl }));
  const body =
    representation.holds === "document"
      ? document
      : {
          didDocument: document,
          didResolutionMetadata: {
            ...(document && { contentType: contentTypeOfDocument(representation) }),
            ...didResolutionMetadata,
          },
          didDocumentMetadata,
        };
  // As bytes: a charset added to the media type would make it another one than the metadata names.
  const bytes = Buffer.from(JSON.stringify(body));
  const retry = status === 500 ? { "retry-after": "5" } : {};
  return { status, body: bytes, headers: { ...HEADERS, ...retry, "content-type": representation.contentType } };
}

function contentTypeOfDocument({ context }: Representation): string {
  return context === "v1" ? "application/did+ld+json" : DOCUMENT.contentType;
}
