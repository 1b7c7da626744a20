import { createPrivateKey, type KeyObject, sign, X509Certificate } from "node:crypto";
import { Wallet } from "ethers";
import { CompactEncrypt, compactVerify, importJWK, type JWK } from "jose";
import { systemClock } from "../../core/clock";
import type { DemoTarget } from "./demo";
import { withRegistry } from "./registry";

/** What a verifier asks, as a wallet reads it (OpenID4VP 1.0 §5). */
export interface AskedFor {
  clientId: string;
  responseUri: string;
  nonce: string;
  state: string;
  encryptionKey: JWK;
  /** The id of the credential query. */
  queryId: string;
}

/** A wallet with one key, whose address is its holder's DID, and one credential. */
export interface DemoWallet {
  did: string;
  /** Follows a link or QR code to the request, and verifies who asks by the certificate that signed it. */
  readRequest(link: string): Promise<AskedFor>;
  /** Presents a credential to who asked: signed by the DID's controller, encrypted. */
  present(asked: AskedFor, credential: string): Promise<PresentationAnswer>;
}

/** What a wallet is answered with. */
export interface PresentationAnswer {
  status: number;
  /** Where it sends the browser; null for nowhere. */
  redirectUri: string | null;
}

/** Creates a wallet with a fresh key. Its DID needs no transaction: every address is a DID of its own. */
export async function createDemoWallet(target: DemoTarget): Promise<DemoWallet> {
  const { address, privateKey, signingKey } = Wallet.createRandom();
  const { did } = await withRegistry(target, (registry) => registry.resolveDID(address));
  const key = joseKeyOf(privateKey, signingKey.publicKey);
  return {
    did,
    readRequest,
    async present({ clientId, responseUri, nonce, state, encryptionKey, queryId }, credential) {
      const presentation = signEs256k(key, `${did}#controller`, {
        iss: did,
        aud: clientId,
        nonce,
        iat: Math.floor(systemClock.now().getTime() / 1000),
        vp: { type: ["VerifiablePresentation"], verifiableCredential: [credential] },
      });
      const response = await new CompactEncrypt(
        Buffer.from(JSON.stringify({ vp_token: { [queryId]: [presentation] }, state })),
      )
        .setProtectedHeader({ alg: "ECDH-ES", enc: "A128GCM", kid: encryptionKey.kid ?? "" })
        .encrypt(await importJWK(encryptionKey, "ECDH-ES"));
      const answered = await fetch(responseUri, { method: "POST", body: new URLSearchParams({ response }) });
      const { redirect_uri: redirectUri } = (await answered.json()) as { redirect_uri?: string };
      return { status: answered.status, redirectUri: redirectUri ?? null };
    },
  };
}

async function readRequest(link: string): Promise<AskedFor> {
  const parameters = new URL(link).searchParams;
  const fetched = await fetch(parameters.get("request_uri") ?? "");
  if (fetched.status !== 200) throw new Error(`The request object answered ${fetched.status}.`);
  const { payload } = await compactVerify(await fetched.text(), ({ x5c: [leaf = ""] = [] }) =>
    Promise.resolve(new X509Certificate(Buffer.from(leaf, "base64")).publicKey),
  );
  const claims = JSON.parse(Buffer.from(payload).toString("utf8")) as {
    client_id: string;
    response_uri: string;
    nonce: string;
    state: string;
    dcql_query: { credentials: [{ id: string }] };
    client_metadata: { jwks: { keys: [JWK] } };
  };
  if (claims.client_id !== parameters.get("client_id")) throw new Error("The link and the request name two verifiers.");
  return {
    clientId: claims.client_id,
    responseUri: claims.response_uri,
    nonce: claims.nonce,
    state: claims.state,
    encryptionKey: claims.client_metadata.jwks.keys[0],
    queryId: claims.dcql_query.credentials[0].id,
  };
}

/** ES256K (RFC 8812 §3.2), which jose does not sign. */
function signEs256k(key: KeyObject, kid: string, payload: object): string {
  const input = [{ alg: "ES256K", typ: "JWT", kid }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** @param publicKey uncompressed: `0x04`, x and y */
function joseKeyOf(privateKey: string, publicKey: string): KeyObject {
  const bytes = Buffer.from(publicKey.slice(2), "hex");
  const [x, y] = [bytes.subarray(1, 33), bytes.subarray(33)].map((part) => part.toString("base64url"));
  const d = Buffer.from(privateKey.slice(2), "hex").toString("base64url");
  return createPrivateKey({ key: { kty: "EC", crv: "secp256k1", x: x ?? "", y: y ?? "", d }, format: "jwk" });
}
