import type { Context } from "../../../process/context";
import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { schemaUrl, typeUrl } from "../rules";
import { getClaimSchema, getCurrentSchema, putClaimSchema, type TypeDeps } from "./actions";
import { credentialSchema, typeMetadata } from "./rules";
import * as shapes from "./schemas";

/** The schemas of issuers' credential types. */
export function typeEndpoints(deps: TypeDeps & Pick<Context, "config">): Endpoint[] {
  return [
    defineEndpoint({
      method: "put",
      path: "/credential-types/:type",
      tag: "Credentials",
      summary: "Set the schema of a credential type",
      auth: "issuer",
      limit: { name: "credential-types", limit: 60, windowSeconds: 60, by: "user" },
      params: shapes.typeParams,
      body: shapes.typeBody,
      replies: {
        200: { description: "Claims of the type are validated by it from now on.", schema: shapes.typeReply },
      },
      rejections: [
        {
          code: "credential_type.schema_invalid",
          kind: "invalid",
          meaning:
            "The schema describes no object, is too large, or uses what cannot be checked in bounded time: references to " +
            "itself, or patterns with look-around or back-references.",
        },
      ],
      handle: async ({ params, body, caller }) => {
        const { schemaId, type } = await putClaimSchema(deps, {
          issuer: caller.accountId,
          type: params.type,
          schema: body.schema,
        });
        return { status: 200, body: { type, schemaId, schema: schemaUrl(deps.config.http.publicUrl, schemaId) } };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credential-schemas/:schemaId",
      tag: "Credentials",
      summary: "Read the schema of a credential type",
      description:
        "What a credential's `credentialSchema` names (Verifiable Credentials JSON Schema): it describes the whole credential; the claims are properties of `credentialSubject`.",
      auth: "none",
      forEveryOrigin: true,
      params: shapes.schemaParams,
      replies: { 200: { description: "The JSON Schema.", mediaType: "application/schema+json" } },
      rejections: [{ code: "credential_type.unknown", kind: "not_found", meaning: "There is no schema of this name." }],
      handle: async ({ params }) => {
        const { schemaId, type, body } = await getClaimSchema(deps, params.schemaId);
        const url = schemaUrl(deps.config.http.publicUrl, schemaId);
        const headers = {
          "content-type": "application/schema+json",
          "cache-control": "public, max-age=31536000, immutable",
        };
        return { status: 200, body: Buffer.from(JSON.stringify(credentialSchema({ url, type, body }))), headers };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credential-types/:issuer/:type",
      tag: "Credentials",
      summary: "Read the type metadata of SD-JWT VCs",
      description: "What the `vct` of a `dc+sd-jwt` names (SD-JWT VC §4): the claims by the type's present schema.",
      auth: "none",
      forEveryOrigin: true,
      params: shapes.issuerTypeParams,
      replies: { 200: { description: "The type metadata.", schema: shapes.typeMetadataReply } },
      rejections: [
        { code: "credential_type.unknown", kind: "not_found", meaning: "The issuer has no such credential type." },
      ],
      handle: async ({ params }) => {
        const { issuer, type, body } = await getCurrentSchema(deps, params);
        const vct = typeUrl(deps.config.http.publicUrl, { issuer, type });
        const headers = { "cache-control": "public, max-age=300" };
        return { status: 200, body: typeMetadata({ vct, type, body }), headers };
      },
    }),
  ];
}
