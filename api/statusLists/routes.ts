import { z } from "zod";
import { DomainError } from "../../core/errors";
import { accountAddress } from "../http/accountFields";
import { namesTag } from "../http/cachedBody";
import { defineEndpoint, type Endpoint, type EndpointLimit, type RejectionDescription } from "../http/endpoint";
import { readStatusList, signStatusList, type StatusList, type StatusListDeps } from "./actions";
import { LIST_PURPOSES, LIST_TTL_SECONDS, chooseForm } from "./rules";

export const listNumber = z.coerce
  .number()
  .int()
  .nonnegative()
  .meta({ description: "Counted from 0, each of 131,072 credentials" });

const params = z.strictObject({ issuer: accountAddress, purpose: z.enum(LIST_PURPOSES), list: listNumber });

export const LIST_LIMIT: EndpointLimit = { name: "status-lists", limit: 600, windowSeconds: 60, by: "address" };

export const LIST_REJECTIONS: RejectionDescription[] = [
  { code: "issuer.unknown", kind: "not_found", meaning: "No issuer of this address is registered here." },
  { code: "issuer.not_ready", kind: "conflict", meaning: "The issuer's DID document is not anchored yet." },
  { code: "status_list.unknown", kind: "not_found", meaning: "No issuer has so many credentials." },
];

/** W3C status lists, made from what the chain says. */
export function statusListEndpoints(deps: StatusListDeps): Endpoint[] {
  return [
    defineEndpoint({
      method: "get",
      path: "/status-lists/:issuer/:purpose/:list",
      tag: "Status lists",
      summary: "Read a status list credential",
      description:
        "Bitstring Status List v1.0, as of the block that `cairn-block-number` names. Signed (`application/vc+jwt`) unless JSON is asked for.",
      auth: "none",
      forEveryOrigin: true,
      limit: LIST_LIMIT,
      params,
      replies: {
        200: { description: "The status list credential.", mediaType: "application/vc+jwt" },
        304: { description: "It is what If-None-Match names." },
      },
      rejections: [
        ...LIST_REJECTIONS,
        {
          code: "status_list.not_acceptable",
          kind: "not_acceptable",
          meaning: "The list does not come in any form that is accepted.",
        },
      ],
      handle: async ({ params: { issuer, purpose, list } }, { header }) => {
        const form = chooseForm(header("accept"));
        if (form === undefined) {
          const message = "A status list comes as application/vc+jwt or application/json: accept one of them.";
          throw new DomainError("status_list.not_acceptable", "not_acceptable", message);
        }
        const found = await readStatusList(deps, { issuer, purpose, list });
        const headers = listHeaders(found);
        if (namesTag(header("if-none-match"), found.etag)) return { status: 304, headers };
        const [body, contentType] =
          form === "json"
            ? [JSON.stringify(found.payload), "application/vc"]
            : [await signStatusList(deps, found), "application/vc+jwt"];
        return { status: 200, body: Buffer.from(body), headers: { ...headers, "content-type": contentType } };
      },
    }),
  ];
}

/** Headers of a list: how new it is, and that everybody may read it. */
export function listHeaders({ etag, block }: Pick<StatusList, "etag" | "block">): Record<string, string> {
  return {
    etag,
    "cache-control": `public, max-age=${LIST_TTL_SECONDS}`,
    vary: "Accept",
    "cairn-block-number": String(block.number),
    "cairn-block-hash": block.hash,
  };
}
