import { canonicalSignature } from "../../../chain/signature";
import { sha256Hex } from "../../../core/hash";

/** What an answer is recognised by when it comes again, in whatever encoding its signature does. */
export function hashConfirmation(answer: { verificationId: string; signature: string; presenterDid: string }): string {
  const { verificationId, signature, presenterDid } = answer;
  return sha256Hex(`${verificationId}\n${presenterDid}\n${canonicalSignature(signature)}`);
}
