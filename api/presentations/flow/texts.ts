import { assertNever } from "../../../core/errors";
import { REJECTION_REASONS, type RejectionReason } from "../rejection";
import type { Flow } from "../rules";
import type { FlowStatus } from "./rules";

/** What the page says: a heading, and a sentence on where things stand. */
export interface PageText {
  heading: string;
  text: string;
}

/**
 * The text of a flow's page. It names what was asked for and why it was not accepted, never a claim.
 *
 * @param flow undefined before a wallet was chosen
 * @param end what is known of a flow that is over
 */
export function textOf(
  status: FlowStatus,
  flow: Flow | undefined,
  end: { credentialType: string; reason: string | null; message: string | null; details: string | null },
): PageText {
  switch (status) {
    case "initiated":
      return { heading: "Where is your wallet?", text: "Nothing is shown before you agree in your wallet." };
    case "waiting":
      return flow === "same_device"
        ? { heading: "Open your wallet", text: "Waiting for you to come back from your wallet …" }
        : { heading: "Scan with your wallet", text: "Waiting for your wallet …" };
    case "returned":
      return { heading: "One moment", text: "Your wallet has answered. The answer is being verified …" };
    case "succeeded":
      return {
        heading: "Verification successful",
        text: `Your ${end.credentialType} has been successfully verified.`,
      };
    case "failed":
      return { heading: "Verification failed", text: reasonText(end.reason) };
    case "error":
      return { heading: end.message ?? "Verification error", text: end.details ?? BEGIN_AGAIN };
    case "expired":
      return { heading: end.message ?? "Verification request has expired", text: end.details ?? BEGIN_AGAIN };
    default:
      return assertNever(status);
  }
}

const BEGIN_AGAIN = "Go back and begin again.";

/** Why a presentation was not accepted, for the person who made it. */
function reasonText(reason: string | null): string {
  if (reason === "wallet.access_denied") return "You declined in your wallet. Nothing was shown.";
  if (reason?.startsWith("wallet.") === true) return "Your wallet could not answer. Nothing was shown.";
  return isReason(reason) ? REASON_TEXTS[reason] : "What your wallet showed was not accepted.";
}

function isReason(reason: string | null): reason is RejectionReason {
  return (REJECTION_REASONS as readonly (string | null)[]).includes(reason);
}

const BROKEN = "What your wallet sent could not be verified.";
const UNTRUSTED = "The issuer of the credential is not trusted here.";

const REASON_TEXTS: Record<RejectionReason, string> = {
  response_malformed: BROKEN,
  credential_malformed: BROKEN,
  algorithm_not_allowed: BROKEN,
  issuer_unknown: UNTRUSTED,
  issuer_not_trusted: UNTRUSTED,
  issuer_signature_invalid: BROKEN,
  disclosure_invalid: BROKEN,
  holder_binding_missing: "Your wallet did not prove that the credential is yours.",
  holder_binding_invalid: "Your wallet did not prove that the credential is yours.",
  nonce_mismatch: "Your wallet answered another request.",
  audience_mismatch: "Your wallet answered somebody else's request.",
  credential_expired: "The credential has expired. Ask its issuer for a new one.",
  credential_not_yet_valid: "The credential is not valid yet.",
  credential_revoked: "The credential was revoked by its issuer.",
  credential_suspended: "The credential is suspended by its issuer.",
  status_invalid: "The credential's status could not be confirmed.",
  query_not_satisfied: "What your wallet showed is not what was asked for.",
};
