/** A verifier's message that a verification has news. */
export interface Notification {
  verificationId: string;
  /** As the verifier wrote it, as JSON. */
  timestamp: string;
}

/** What is stored of a notification. */
export interface NotificationFacts {
  verificationId: string;
  /** SHA-256 of the key it carried; null when it carried none. */
  keyHash: string | null;
}

/** Parses a verifier's message; undefined when it names no verification. */
export function parseNotification(body: Buffer): Notification | undefined {
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null) return undefined;
  const { verification_id: id, timestamp } = json as { verification_id?: unknown; timestamp?: unknown };
  if (typeof id !== "string" || id === "" || id.length > 200) return undefined;
  return { verificationId: id, timestamp: JSON.stringify(timestamp ?? null).slice(0, 100) };
}
