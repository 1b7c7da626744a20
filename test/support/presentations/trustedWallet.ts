import { createPublicKey } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../../core/clock";
import type { Answer } from "../ask";
import { encoded, type Party, party } from "./certificates";
import { issue, type JoseKey, present, VCT } from "./sdJwtWallet";
import { post, readRequest, submit } from "./wallet";

/** What is asked of {@link TrustedWallet}: one identity credential's name and age. */
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

/** A wallet that holds one identity credential, of an issuer that a certificate vouches for. */
export interface TrustedWallet {
  /** For `PRESENTATION_TRUST_ANCHORS_FILE`. */
  anchorsFile: string;
  /** The issuer as the credential names it. */
  issuer: string;
  /** Presents what the request behind a link asks for, under each of its ids. @returns what the verifier answered */
  answer(link: string): Promise<Answer>;
  /** As `answer`, but reads the request now and submits when called. */
  prepare(link: string): Promise<() => Promise<Answer>>;
  /** Tells the verifier that the holder declined. */
  decline(link: string): Promise<Answer>;
  close(): void;
}

/** @param clock the verifier's, by which proofs are dated */
export async function createTrustedWallet(clock: Clock = systemClock): Promise<TrustedWallet> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-wallet-"));
  const anchorsFile = join(folder, "anchors.pem");
  const issuer = await party("Issuer", { authority: false, host: "issuer.example" });
  writeFileSync(anchorsFile, issuer.certificate.toString());
  const issued = await issue({ issuer: joseKeyOf(issuer), header: { x5c: [encoded(issuer)] } });
  async function prepare(link: string): Promise<() => Promise<Answer>> {
    const request = await readRequest(link);
    const { client_id: aud, nonce, dcql_query: query } = request.claims;
    const presentation = () => [present(issued, clock.now(), { kb: { aud, nonce } })];
    return () => submit(request, Object.fromEntries(query.credentials.map(({ id }) => [id, presentation()])));
  }
  return {
    anchorsFile,
    issuer: "https://issuer.example",
    answer: async (link) => (await prepare(link))(),
    prepare,
    async decline(link) {
      const { claims: request } = await readRequest(link);
      return post(request.response_uri, { error: "access_denied", state: request.state });
    },
    close: () => rmSync(folder, { recursive: true }),
  };
}

function joseKeyOf({ privateKey }: Party): JoseKey {
  const publicKey = createPublicKey(privateKey);
  return { alg: "ES256", privateKey, publicKey, jwk: publicKey.export({ format: "jwk" }) as JoseKey["jwk"] };
}
