import type { FraudAlert } from "./rules";

/** What the administrator reads: what was tried, on what, by whom, and where to look further. */
export function alertWording(alert: FraudAlert, waiting: number): { subject: string; paragraphs: string[] } {
  const { credentialId, kind, issuer, subjectDid, presenters, signers, verifierName, ipAddress, attempts } = alert;
  const what =
    kind === "holder_mismatch"
      ? `Somebody other than its holder presented credential ${credentialId}.`
      : `Credential ${credentialId} was presented again after its last use.`;
  const times = attempts === 1 ? "one attempt" : `${attempts} attempts`;
  return {
    subject: kind === "holder_mismatch" ? "A credential was presented by another" : "A used credential was presented",
    paragraphs: [
      `${what} It was refused.`,
      `Issuer: ${issuer}. Holder: ${subjectDid}. Signed by: ${namesOf(signers)}. Presented as: ${namesOf(presenters)}.`,
      `Verifier: ${verifierName}. Address: ${ipAddress || "unknown"}. So far ${times}, the last at ${alert.lastAt.toISOString()}.`,
      "GET /admin/fraud-alerts lists all alerts, GET /admin/usage every attempt.",
      ...(waiting > 0
        ? [`${waiting} more alerts about this verifier wait to be sent; mails are limited, the list is complete.`]
        : []),
    ],
  };
}

function namesOf(names: string[]): string {
  return names.length === 0 ? "nobody who can be named" : names.join(", ");
}
