import { createHash, randomBytes } from "node:crypto";
import { expect } from "chai";
import { Openid4vciClient, setGlobalConfig } from "@openid4vc/openid4vci";
import { type JoseKey, signJws } from "../presentations/sdJwtWallet";

type Client = ConstructorParameters<typeof Openid4vciClient>[0];

// The suite's servers have no certificates.
setGlobalConfig({ allowInsecureUrls: true });

/** A credential as a wallet of another maker's library fetched it. */
export interface Fetched {
  credential: string;
  /** What the issuer says of the credential. */
  configuration: { format: string; vct?: string };
  /** Fetches it again, with the same token. */
  again(): Promise<string>;
  /** Tells the issuer that it is stored. */
  acknowledge(): Promise<void>;
}

/** Follows an issuer's link with a foreign library: offer, metadata, token, nonce, proof, credential. */
export async function acceptOffer(
  link: string,
  key: JoseKey,
  options: { txCode?: string; now: Date },
): Promise<Fetched> {
  const client = new Openid4vciClient({ callbacks: callbacksFor(key) });
  const credentialOffer = await client.resolveCredentialOffer(link);
  const issuerMetadata = await client.resolveIssuerMetadata(credentialOffer.credential_issuer);
  const { accessTokenResponse } = await client.retrievePreAuthorizedCodeAccessTokenFromOffer({
    credentialOffer,
    issuerMetadata,
    ...(options.txCode !== undefined && { txCode: options.txCode }),
  });
  const [credentialConfigurationId = ""] = credentialOffer.credential_configuration_ids;
  const accessToken = accessTokenResponse.access_token;
  let notificationId = "";
  async function retrieve(): Promise<string> {
    const { c_nonce: nonce } = await client.requestNonce({ issuerMetadata });
    const { jwt } = await client.createCredentialRequestJwtProof({
      issuerMetadata,
      credentialConfigurationId,
      signer: { method: "jwk", alg: key.alg, publicJwk: key.jwk as never },
      issuedAt: options.now,
      nonce,
    });
    const { credentialResponse } = await client.retrieveCredentials({
      issuerMetadata,
      accessToken,
      credentialConfigurationId,
      proofs: { jwt: [jwt] },
    });
    const [issued] = credentialResponse.credentials ?? [];
    expect(credentialResponse.credentials).to.have.length(1);
    notificationId = credentialResponse.notification_id ?? "";
    return (issued as { credential: string }).credential;
  }
  return {
    credential: await retrieve(),
    configuration: issuerMetadata.credentialIssuer.credential_configurations_supported[
      credentialConfigurationId
    ] as Fetched["configuration"],
    again: retrieve,
    async acknowledge() {
      const notification = { notificationId, event: "credential_accepted" as const };
      await client.sendNotification({ issuerMetadata, accessToken, notification });
    },
  };
}

function callbacksFor(key: JoseKey): Client["callbacks"] {
  return {
    hash: (data, algorithm) => createHash(algorithm.replace("-", "")).update(data).digest(),
    generateRandom: (length) => randomBytes(length),
    // Anonymous: no client authentication.
    clientAuthentication: () => undefined,
    signJwt: (_signer, { header, payload }) => ({ jwt: signJws(key, header, payload), signerJwk: key.jwk as never }),
  };
}
