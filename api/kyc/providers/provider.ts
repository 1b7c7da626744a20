import type { KycDecision } from "../rules";

/** What a delivery carries beside its body; names in lower case. */
export type DeliveryHeaders = (name: string) => string | undefined;

/** A delivery exactly as it came. */
export interface Delivery {
  header: DeliveryHeaders;
  body: Buffer;
}

/**
 * Why a delivery is rejected. The sender is not told; a metric counts it.
 *
 * - `signature`: absent, malformed or not made with one of our secrets;
 * - `timestamp`: signed more than 300 s ago, or for a time more than 300 s ahead.
 */
export type DeliveryRejection = "signature" | "timestamp";

/** A verified delivery, reduced to what is needed of it. Nothing else of the body is stored anywhere. */
export interface VerifiedDelivery {
  /** What the provider repeats when it repeats the delivery. */
  deliveryKey: string;
  /** Undefined when the delivery is about something else. */
  decision: KycDecision | undefined;
}

/** A session at a provider, as its user needs it. */
export interface ProviderSession {
  /** The provider's id, under which its decisions arrive. */
  sessionId: string;
  /** The provider's page. */
  sessionUrl?: string;
  /** What the provider's SDK is started with. */
  sdkToken?: string;
}

/** A session that was just made. */
export interface NewSession extends ProviderSession {
  /** When the provider closes it by itself. */
  expiresAt: Date;
  /** What {@link KycProvider.resumeSession} needs where the provider does not repeat a link; sealed, it may be stored. */
  resumeHandle?: string;
}

/** One KYC provider's rules. Everything that differs between providers is behind this. */
export interface KycProvider {
  readonly name: string;
  /**
   * True when the signature covers a time, so that a delivery can be applied as it is. Otherwise an old one could be
   * replayed: then it is only a reason to ask, and {@link KycProvider.fetchDecision} says what holds.
   */
  readonly signsTime: boolean;
  /** True when the provider itself may turn an approval into a rejection, or the reverse. */
  readonly mayRevise: boolean;
  /**
   * Makes a session for a user.
   *
   * @param input.attemptId the same for every attempt at one session, where the provider recognises repetitions
   * @throws TransientError `kyc.provider_unavailable`
   */
  createSession(input: { userId: string; attemptId: string; returnUrl: string; now: Date }): Promise<NewSession>;
  /**
   * The same session again, with a link or token that is fresh where the provider's grow old.
   *
   * @throws TransientError `kyc.provider_unavailable`
   */
  resumeSession(input: {
    userId: string;
    sessionId: string;
    resumeHandle: string | null;
    returnUrl: string;
    now: Date;
  }): Promise<ProviderSession>;
  /** Verifies a delivery over its raw bytes, in constant time; undefined when it is the provider's own and recent. */
  verifyDelivery(delivery: Delivery, now: Date): DeliveryRejection | undefined;
  /**
   * Reads a verified delivery.
   *
   * @throws DomainError `webhook.malformed` when the body is not what the provider documents
   */
  parseDelivery(delivery: Delivery): VerifiedDelivery;
  /**
   * Asks the provider what holds now; null while it has nothing to say beyond that the session exists.
   *
   * @throws TransientError `kyc.provider_unavailable`
   */
  fetchDecision(input: { userId: string; sessionId: string }): Promise<KycDecision | null>;
}
