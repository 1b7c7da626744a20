/** What a holder is asked to sign. */
export interface ChallengeContent {
  /** Host of the API. */
  domain: string;
  verificationId: string;
  verifierName: string;
  credentialType: string;
  issuerName: string;
  credentialId: string;
  nonce: string;
  issuedAt: Date;
  expiresAt: Date;
}

/**
 * The text the holder's wallet shows and signs (EIP-191, `personal_sign`): who asks, for what, when, and what it means.
 * Names are given by people, so nothing in them may begin a line of its own.
 */
export function formatChallenge(content: ChallengeContent): string {
  return [
    `${content.domain} asks you to present a credential.`,
    "",
    `Verifier: ${oneLine(content.verifierName)}`,
    `Credential: ${content.credentialType} of ${oneLine(content.issuerName)}`,
    `Credential ID: ${content.credentialId}`,
    `Verification ID: ${content.verificationId}`,
    `Nonce: ${content.nonce}`,
    `Issued At: ${content.issuedAt.toISOString()}`,
    `Expires At: ${content.expiresAt.toISOString()}`,
    "",
    "By signing you show this credential to the verifier, which counts as one of its uses.",
  ].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}
