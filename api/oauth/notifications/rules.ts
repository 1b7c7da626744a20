import { equalsInConstantTime } from "../../../core/hash";
import type { OAuthClient } from "../clients/rules";
import { type OAuthSession, statusAt } from "../rules";

/** A verifier's message that a verification has news. */
export interface Notification {
  verificationId: string;
  /** As the verifier wrote it, as JSON. */
  timestamp: string;
}

/** What is stored of a notification. */
export interface NotificationFacts {
  verificationId: string;
}

/** Why a notification is not stored. */
export interface NotificationRejection {
  outcome: "session_not_found" | "session_not_authorized" | "session_already_processed" | "unauthorized";
  reason: string;
  /** `info` for what verifiers do in the ordinary course of things: they deliver at least once. */
  level: "info" | "error";
}

/**
 * Why a notification is not stored; null when it is: its session waits for a wallet, and it carries the key agreed upon.
 *
 * @param facts.keyHash SHA-256 of the key it carried; null when it carried none
 */
export function notificationRejection(facts: {
  session: OAuthSession | null;
  client: OAuthClient | null;
  keyHash: string | null;
  now: Date;
}): NotificationRejection | null {
  const { session, client, keyHash, now } = facts;
  if (session === null) return { outcome: "session_not_found", reason: "session not found", level: "error" };
  if (client === null) return { outcome: "session_not_authorized", reason: "session not authorized", level: "error" };
  if (client.verifierUrl === null) {
    // Every wallet knows the verification's id, and this process's own verifier needs no message.
    return { outcome: "unauthorized", reason: "the verification is no other verifier's", level: "error" };
  }
  const expected = client.notificationKeyHash;
  if (expected !== null && !equalsInConstantTime(expected, keyHash ?? "")) {
    return { outcome: "unauthorized", reason: "it does not carry the verifier's key", level: "error" };
  }
  const status = statusAt(session, now);
  if (status === "authorized") return null;
  // Without a result no wallet was heard: it may have answered in vain.
  const level = status === "expired" && session.result === null ? "error" : "info";
  return { outcome: "session_already_processed", reason: "session already processed", level };
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
