import { z } from "zod";
import { DomainError } from "../../../core/errors";
import { accountAddress } from "../../http/accountFields";
import { namesTag } from "../../http/cachedBody";
import { defineEndpoint, type Endpoint } from "../../http/endpoint";
import { listHeaders, LIST_LIMIT, LIST_REJECTIONS, listNumber } from "../routes";
import { readStatusListToken, signStatusListToken, type TokenDeps } from "./actions";
import { acceptsToken } from "./rules";

const MEDIA_TYPE = "application/statuslist+jwt";

/** The Token Status Lists that SD-JWT VCs name, made from what the chain says. */
export function tokenListEndpoints(deps: TokenDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/token-status-lists/:issuer/:list",
      tag: "Status lists",
      summary: "Read a Token Status List",
      description:
        "draft-ietf-oauth-status-list: two bits a credential; 0 is valid, 1 revoked, 2 suspended. As of the block that `cairn-block-number` names.",
      auth: "none",
      forEveryOrigin: true,
      limit: LIST_LIMIT,
      params: z.strictObject({ issuer: accountAddress, list: listNumber }),
      query: z.strictObject({
        time: z.string().max(20).optional().meta({ description: "Lists of former times are not offered: 501" }),
      }),
      replies: {
        200: { description: "The status list token.", mediaType: MEDIA_TYPE },
        304: { description: "It is what If-None-Match names." },
      },
      rejections: [
        ...LIST_REJECTIONS,
        {
          code: "status_list.not_acceptable",
          kind: "not_acceptable",
          meaning: "The list does not come in any form that is accepted.",
        },
        {
          code: "status_list.time_not_supported",
          kind: "not_implemented",
          meaning: "Only the present list is offered.",
        },
      ],
      handle: async ({ params: { issuer, list }, query }, { header }) => {
        if (query.time !== undefined) throw timeNotSupported();
        if (!acceptsToken(header("accept"))) throw notAcceptable();
        const token = await readStatusListToken(deps, { issuer, list });
        const headers = listHeaders(token);
        if (namesTag(header("if-none-match"), token.etag)) return { status: 304, headers };
        const signed = await signStatusListToken(deps, token);
        // Bytes, so that nothing adds a charset to the media type.
        return { status: 200, body: Buffer.from(signed), headers: { ...headers, "content-type": MEDIA_TYPE } };
      },
    }),
  ];
}

function notAcceptable(): DomainError {
  return new DomainError("status_list.not_acceptable", "not_acceptable", `A status list comes as ${MEDIA_TYPE}.`);
}

/** §8.4: a list of another time than now is answered with 501 where it is not offered. */
function timeNotSupported(): DomainError {
  const message = "Only the present list is offered: leave out time.";
  return new DomainError("status_list.time_not_supported", "not_implemented", message);
}
