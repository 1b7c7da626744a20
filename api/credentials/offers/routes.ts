import { defineEndpoint, type Endpoint, type RejectionDescription } from "../../http/endpoint";
import { ISSUING_REJECTIONS } from "../routes";
import { cancelOffer, createOffer, getOffer, type OfferDeps } from "./actions";
import * as shapes from "./schemas";

const TAG = "Issuance";

const UNKNOWN: RejectionDescription = {
  code: "credential_offer.unknown",
  kind: "not_found",
  meaning: "There is no such offer, or it is another issuer's.",
};

/** What issuers do to have a credential fetched by a wallet. */
export function offerEndpoints(deps: OfferDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "post",
      path: "/credential-offers",
      tag: TAG,
      summary: "Offer a credential to a wallet",
      description:
        "OpenID4VCI 1.0, pre-authorized code flow: the holder's wallet follows the link, proves a key of its own and gets " +
        "the credential as `dc+sd-jwt`, bound to that key. Link and code are shown this once.",
      auth: "issuer",
      limit: { name: "credential-offers", limit: 6_000, windowSeconds: 60, by: "user" },
      body: shapes.offerBody,
      replies: { 201: { description: "The offer.", schema: shapes.createdOfferReply } },
      rejections: ISSUING_REJECTIONS,
      handle: async ({ body, caller }) => {
        const { subjectDid, type, content, maxUsages, expiresAt, withTxCode } = body;
        const created = await createOffer(deps, {
          issuer: caller.accountId,
          subjectDid,
          type,
          content,
          maxUsages,
          expiresAt,
          withTxCode,
        });
        return { status: 201, headers: { "cache-control": "no-store" }, body: shapes.showCreatedOffer(created) };
      },
    }),
    defineEndpoint({
      method: "get",
      path: "/credential-offers/:id",
      tag: TAG,
      summary: "Read where an offer stands",
      auth: "issuer",
      params: shapes.offerParams,
      replies: { 200: { description: "The offer, without its link.", schema: shapes.offerReply } },
      rejections: [UNKNOWN],
      handle: async ({ params, caller }) => ({
        status: 200,
        body: shapes.showOffer(await getOffer(deps, { issuer: caller.accountId, offerId: params.id })),
      }),
    }),
    defineEndpoint({
      method: "delete",
      path: "/credential-offers/:id",
      tag: TAG,
      summary: "Cancel an offer",
      auth: "issuer",
      params: shapes.offerParams,
      replies: { 204: { description: "No wallet can fetch the credential any more." } },
      rejections: [
        UNKNOWN,
        {
          code: "credential_offer.issued",
          kind: "conflict",
          meaning: "A wallet has the credential, or is about to: revoke it instead.",
        },
      ],
      handle: async ({ params, caller }) => {
        await cancelOffer(deps, { issuer: caller.accountId, offerId: params.id });
        return { status: 204 };
      },
    }),
  ];
}
