import { statusPosition } from "../../chain/status/credId";
import { emptyObject, type JsonObject } from "../../core/json";
import type { PublicJwk } from "../../core/keys/verifyJws";
import { type ClaimPath, concealClaims } from "../../core/sdJwt/conceal";
import { type CredentialContent, type Installation, typeUrl } from "./rules";

/** How an SD-JWT VC is to be made. */
export interface SdJwtVcForm {
  format: "dc+sd-jwt";
  /** The claims that the holder may disclose or not; the others are always shown. */
  disclosable: readonly ClaimPath[];
  /** Digests of nothing, so that their number does not tell how many claims there are. */
  decoys: number;
  /** The key that presents it; null: the subject DID's controller, whoever that is. */
  holderKey: PublicJwk | null;
}

/**
 * The payload of an SD-JWT VC (SD-JWT VC §2.2.2, RFC 9901 §4) and its disclosures. The holder's DID is always
 * disclosable by itself: what asks for a claim learns no name that is the same everywhere.
 *
 * @param drawSalt draws at least 128 fresh random bits as base64url
 */
export function sdJwtVcContent(
  content: CredentialContent,
  form: SdJwtVcForm,
  { publicUrl, drawSalt }: Pick<Installation, "publicUrl"> & { drawSalt: () => string },
): { payload: JsonObject; disclosures: string[] } {
  const { issuer, issuerDid, credentialId, subjectDid, type, issuedAt, expiresAt } = content;
  const about = Object.assign(emptyObject(), { sub: subjectDid }, content.claims);
  const concealed = concealClaims(about, {
    paths: [["sub"], ...form.disclosable],
    decoys: form.decoys,
    drawSalt,
  });
  const { list, listIndex } = statusPosition(content.index);
  const holder = form.holderKey === null ? { kid: `${subjectDid}#controller` } : { jwk: { ...form.holderKey } };
  const payload = Object.assign(emptyObject(), {
    iss: issuerDid,
    vct: typeUrl(publicUrl, { issuer, type }),
    jti: `urn:uuid:${credentialId}`,
    iat: Math.floor(issuedAt.getTime() / 1000),
    exp: Math.floor(expiresAt.getTime() / 1000),
    cnf: holder,
    // Token Status List §6.2
    status: { status_list: { idx: listIndex, uri: `${publicUrl}/token-status-lists/${issuer}/${list}` } },
    ...concealed.payload,
  });
  return { payload, disclosures: concealed.disclosures };
}
