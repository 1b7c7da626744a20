import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Party, party } from "./certificates";
import { type JoseKey, VCT } from "./sdJwtWallet";

/** Asks for two claims of the test issuer's credential. */
export const IDENTITY_QUERY = {
  credentials: [
    {
      id: "identity",
      format: "dc+sd-jwt",
      meta: { vct_values: [VCT] },
      claims: [{ path: ["given_name"] }, { path: ["age"] }],
    },
  ],
};

/** An issuer and the file that has verifiers trust it. */
export interface TrustedIssuer {
  issuer: Party;
  /** For `PRESENTATION_TRUST_ANCHORS_FILE`. */
  anchorsFile: string;
  removeAnchors(): void;
}

export async function createTrustedIssuer(): Promise<TrustedIssuer> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-anchors-"));
  const anchorsFile = join(folder, "anchors.pem");
  const issuer = await party("Issuer", { authority: false, host: "issuer.example" });
  writeFileSync(anchorsFile, issuer.certificate.toString());
  return { issuer, anchorsFile, removeAnchors: () => rmSync(folder, { recursive: true }) };
}

/** A certified key as JOSE has it. */
export function joseKeyOf({ privateKey }: Party): JoseKey {
  const publicKey = createPublicKey(privateKey);
  return { alg: "ES256", privateKey, publicKey, jwk: publicKey.export({ format: "jwk" }) as JoseKey["jwk"] };
}
