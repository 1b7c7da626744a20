import { CONTEXT } from "../../chain/did/contexts";

/** What a status list says (Bitstring Status List v1.0 §2.2). */
export const LIST_PURPOSES = ["revocation", "suspension"] as const;
export type ListPurpose = (typeof LIST_PURPOSES)[number];

/** How long a copy of a list may be used before it is asked for again, in seconds. */
export const LIST_TTL_SECONDS = 60;

/** What a status list credential is made of. */
export interface ListContent {
  /** Where it is served: its id. */
  url: string;
  issuerDid: string;
  purpose: ListPurpose;
  /** `u` and base64url of the gzipped bits. */
  encodedList: string;
  /** The time of the block the bits are of. */
  asOf: Date;
}

/** The payload of a status list credential (Bitstring Status List v1.0 §2.2). */
export function listPayload({ url, issuerDid, purpose, encodedList, asOf }: ListContent): Record<string, unknown> {
  return {
    "@context": [CONTEXT.credentials, CONTEXT.undefinedTerms],
    id: url,
    type: ["VerifiableCredential", "BitstringStatusListCredential"],
    issuer: issuerDid,
    validFrom: asOf.toISOString(),
    credentialSubject: {
      id: `${url}#list`,
      type: "BitstringStatusList",
      statusPurpose: purpose,
      encodedList,
      ttl: LIST_TTL_SECONDS * 1000,
    },
    iss: issuerDid,
    jti: url,
    iat: Math.floor(asOf.getTime() / 1000),
  };
}

/** In which form a list is wanted: signed, or its bare JSON; undefined when neither is accepted. */
export function chooseForm(accept: string | undefined): "jwt" | "json" | undefined {
  const accepted = (accept ?? "*/*").split(",").map((part) => part.split(";")[0]?.trim().toLowerCase() ?? "");
  for (const mediaType of accepted) {
    if (mediaType === "application/vc+jwt" || mediaType === "application/jwt") return "jwt";
    if (mediaType === "*/*" || mediaType === "application/*") return "jwt";
    if (mediaType === "application/json" || mediaType === "application/vc" || mediaType === "application/ld+json")
      return "json";
  }
  return undefined;
}
