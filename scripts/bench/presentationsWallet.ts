import { createHash, generateKeyPairSync, type KeyObject, sign, type X509Certificate } from "node:crypto";
import { CompactEncrypt, importJWK } from "jose";
import type { CreatedRequest } from "../../api/presentations/requests/actions";
import { randomToken } from "../../core/crypto";
import type { Submission } from "./presentationsLoad";

const VCT = "https://credentials.example/identity";
const CLAIMS = { given_name: "Ada", family_name: "Lovelace", birthdate: "1815-12-10", nationality: "GB" };

/** Asks for two of the four claims. */
export const QUERY = {
  credentials: [
    {
      id: "identity",
      format: "dc+sd-jwt",
      meta: { vct_values: [VCT] },
      claims: [{ path: ["given_name"] }, { path: ["birthdate"] }],
    },
  ],
};

/** Who signs credentials: a certificate that an authority issued. */
export interface BenchSigner {
  issuer: string;
  privateKey: KeyObject;
  certificate: X509Certificate;
}

/** One presentation that will pass. */
export interface BenchPresentation {
  submission: Submission;
  /** For the floor: what is decrypted, with which key, and the signed parts inside. */
  jwe: string;
  privateJwk: object;
  issuerJwt: string;
  disclosures: string[];
  keyBindingJwt: string;
  holderJwk: object;
}

/** Presents a new credential of a new holder to a request, encrypted. */
export async function presentTo(
  { request }: CreatedRequest,
  signer: BenchSigner,
  address: string,
): Promise<BenchPresentation> {
  const { encryptionKey, nonce, clientId, requestId } = request;
  if (encryptionKey === null) throw new Error("the request asks for no encryption");
  const { publicJwk, privateJwk } = encryptionKey;
  const holder = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const holderJwk = holder.publicKey.export({ format: "jwk" });
  const disclosures = Object.entries(CLAIMS).map((claim) => encode([randomToken(), ...claim]));
  const iat = Math.floor(Date.now() / 1000);
  const issuerJwt = signed(
    signer.privateKey,
    { alg: "ES256", typ: "dc+sd-jwt", x5c: [signer.certificate.raw.toString("base64")] },
    {
      iss: signer.issuer,
      iat,
      exp: iat + 86_400,
      vct: VCT,
      cnf: { jwk: holderJwk },
      _sd_alg: "sha-256",
      _sd: disclosures.map(hashOf).sort(),
    },
  );
  const presented = disclosures.filter((_, place) => place === 0 || place === 2);
  const sdJwt = [issuerJwt, ...presented, ""].join("~");
  const keyBinding = { iat, aud: clientId, nonce, sd_hash: hashOf(sdJwt) };
  const keyBindingJwt = signed(holder.privateKey, { alg: "ES256", typ: "kb+jwt" }, keyBinding);
  const answer = { vp_token: { identity: [sdJwt + keyBindingJwt] }, state: requestId };
  const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(answer)))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A128GCM", kid: publicJwk.kid })
    .encrypt(await importJWK(publicJwk, "ECDH-ES"));
  const submission = { form: new URLSearchParams({ response: jwe }).toString(), address };
  return { submission, jwe, privateJwk, issuerJwt, disclosures: presented, keyBindingJwt, holderJwk };
}

function signed(key: KeyObject, header: object, payload: object): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const signature = sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
