import { assertNever } from "../../core/errors";
/** The messages, and the facts each needs. */
export type NotificationTemplate =
  "kyc.approved" | "kyc.declined" | "kyc.needs_review" | "kyc.resubmission_requested" | "kyc.expired";

/** Facts that fill a template. Texts for people only: no document, address or name of theirs. */
export interface NotificationFacts {
  /** Why, in a sentence for the person; absent where there is no reason or it must not be given. */
  reason?: string;
  /** Whether the person may try again. */
  mayRetry?: boolean;
}

/** A message in words. */
export interface Wording {
  subject: string;
  /** Paragraphs, in plain text. */
  paragraphs: string[];
}

/**
 * The words of a message to a person.
 *
 * @param publicUrl where the person goes on, the console's origin
 */
export function wordingOf(template: NotificationTemplate, facts: NotificationFacts, publicUrl: string): Wording {
  const reason = facts.reason === undefined ? [] : [`The reason given: ${facts.reason}`];
  switch (template) {
    case "kyc.approved":
      return {
        subject: "Your identity is verified",
        paragraphs: [
          "Good news: your identity has been verified.",
          `Everything that asked for a verified identity is open to you now: ${publicUrl}`,
        ],
      };
    case "kyc.declined":
      return {
        subject: "Your identity could not be verified",
        paragraphs: [
          "We are sorry: your identity could not be verified.",
          ...reason,
          facts.mayRetry === false
            ? "The decision is final. Write to our support if you think it is mistaken."
            : `You may try again whenever you are ready: ${publicUrl}`,
        ],
      };
    case "kyc.needs_review":
      return {
        subject: "Your verification is being looked at by a person",
        paragraphs: [
          "Thank you for what you sent. A person is looking at it now; this can take a day or two.",
          "There is nothing you need to do. We write to you as soon as it is decided.",
        ],
      };
    case "kyc.resubmission_requested":
      return {
        subject: "Your verification needs another try",
        paragraphs: [
          "What you sent was not quite enough to verify your identity.",
          ...reason,
          `Please start the verification again; it continues where it was: ${publicUrl}`,
        ],
      };
    case "kyc.expired":
      return {
        subject: "Your verification has expired",
        paragraphs: [
          "The identity verification you began was not finished in time, so it has been closed. Nothing was decided.",
          `You can begin a new one whenever you are ready: ${publicUrl}`,
        ],
      };
    default:
      return assertNever(template);
  }
}
