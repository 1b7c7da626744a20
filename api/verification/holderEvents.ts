import type { RecordedUse, UsedCredential, Verification } from "./rules";

/** What a credential's holder is told of verifications. */
export interface HolderEvents {
  /** Stores an event for the devices of the user who holds a DID, once for each key; nothing where no user does. */
  appendHolderEvent(event: {
    did: string;
    type: "verification.requested" | "verification.decided" | "credential.used" | "fraud.alert";
    key: string;
    payload: Record<string, string>;
    at: Date;
  }): Promise<void>;
}

/** Tells the holder that a verifier asks for a credential. */
export async function tellRequested(
  { appendHolderEvent }: HolderEvents,
  { verificationId, credentialId, subjectDid: did, createdAt: at }: Verification,
): Promise<void> {
  const payload = { verificationId, credentialId };
  await appendHolderEvent({ did, type: "verification.requested", key: verificationId, payload, at });
}

/** What became of a verification. */
type Outcome = "verified" | "failed" | "declined" | "expired";

/** Tells the holder what became of a verification. */
export async function tellDecided(
  { appendHolderEvent }: HolderEvents,
  { verificationId, credentialId, did }: { verificationId: string; credentialId: string; did: string },
  { status, at }: { status: Outcome; at: Date },
): Promise<void> {
  const payload = { verificationId, credentialId, status };
  await appendHolderEvent({ did, type: "verification.decided", key: `${verificationId}/${status}`, payload, at });
}

/** Tells the holder that a use of a credential was taken, and with it the verification decided. */
export async function tellUsed(
  deps: HolderEvents,
  { credentialId, subjectDid: did }: UsedCredential,
  { verificationId, usedAt: at }: RecordedUse,
): Promise<void> {
  const payload = { credentialId, verificationId };
  await deps.appendHolderEvent({ did, type: "credential.used", key: verificationId, payload, at });
  await tellDecided(deps, { verificationId, credentialId, did }, { status: "verified", at });
}

/** Tells the holder that somebody may have tried to misuse a credential. */
export async function tellFraud(
  { appendHolderEvent }: HolderEvents,
  { credentialId, subjectDid: did }: UsedCredential,
  { alertId, kind, at }: { alertId: string; kind: string; at: Date },
): Promise<void> {
  await appendHolderEvent({ did, type: "fraud.alert", key: alertId, payload: { credentialId, kind }, at });
}
