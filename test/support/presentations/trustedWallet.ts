import { type Clock, systemClock } from "../../../core/clock";
import type { Answer } from "../ask";
import { encoded } from "./certificates";
import { issue, present } from "./sdJwtWallet";
import { createTrustedIssuer, joseKeyOf } from "./trustedIssuer";
import { post, readRequest, submit } from "./wallet";

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
  const { issuer, anchorsFile, removeAnchors } = await createTrustedIssuer();
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
    close: removeAnchors,
  };
}
