import type { DcqlQuery } from "../dcql/query";
import type { Flow } from "../rules";

/**
 * States of a flow: made by the relying party; a wallet was asked; the browser came back from it; and its four ends.
 */
export const FLOW_STATUSES = ["initiated", "waiting", "returned", "succeeded", "failed", "error", "expired"] as const;
export type FlowStatus = (typeof FLOW_STATUSES)[number];

/** The ends of a flow. Nothing leads out of one. */
export type FlowEnd = Extract<FlowStatus, "succeeded" | "failed" | "error" | "expired">;

/** States in which a flow may still be answered. */
export const OPEN_STATUSES = ["initiated", "waiting", "returned"] as const satisfies FlowStatus[];

/** Where a person's wallet is. */
export const DEVICES = ["this", "other"] as const;
export type Device = (typeof DEVICES)[number];

/** How often a person may choose between wallets in one flow. */
export const MAX_WALLET_REQUESTS = 5;

/** What a relying party asks for: a DCQL query, or a presentation definition that goes to a verifier elsewhere as it is. */
export interface AskedFor {
  query: DcqlQuery | null;
  presentationDefinition: Record<string, unknown> | null;
}

/** What failed when a flow could not be led to a verdict. */
export const FLOW_ERROR_TYPES = ["NETWORK_FAILURE", "API_FAILURE", "FLOW_FAILURE", "SECURITY_FAILURE"] as const;
export type FlowErrorType = (typeof FLOW_ERROR_TYPES)[number];

/** Why a flow ended without a verdict. */
export interface FlowErrorDetails {
  type: FlowErrorType;
  /** For people; names no address and no person. */
  message: string;
  /** What helps, for people. */
  details: string;
  timestamp: Date;
}

/** What the verifier decided, without anything that a person presented. */
export interface FlowVerificationResult {
  isValid: boolean;
  /** Stable and machine readable; null when it is valid. */
  reason: string | null;
  verificationDetails: {
    credentialType: string;
    issuer: string | null;
    validationTimestamp: Date;
    /** Null where the verifier does not tell. */
    verifierLibraryVersion: string | null;
  };
}

/** What stays of a flow for the audit. */
export interface FlowAudit {
  sessionId: string;
  requestId: string | null;
  transactionId: string;
  result: "valid" | "invalid" | "error" | "expired";
  reason: string | null;
  timestamp: Date;
}

/** What a wallet was asked at the verifier. */
export interface WalletRequest {
  requestId: string;
  flow: Flow;
  /** What a link or QR code leads the wallet to. */
  walletUrl: string;
  /** SHA-256 of the state that the browser comes back with; null where none comes back. */
  callbackHash: string | null;
  /** The verifier's own name of the transaction, which opens its result there; null where it has none. */
  verifierTransactionId: string | null;
}

/** How an open flow ends. */
export interface FlowEnding {
  status: FlowEnd;
  verificationResult: FlowVerificationResult | null;
  errorDetails: FlowErrorDetails | null;
  audit: FlowAudit;
}

/** One person's way from a relying party to a wallet and back. */
export interface FlowSession {
  sessionId: string;
  /** Names the result to the relying party. It opens nothing without that party's API key and the response code. */
  transactionId: string;
  /** The verifier account of the relying party. */
  verifierId: string;
  /** The relying party as the pages name it. */
  partyName: string;
  /** What is asked for, as the pages name it. */
  credentialType: string;
  /** The names of the claims that are asked for, as the pages list them. */
  claimNames: string[];
  asked: AskedFor;
  /** Where the browser goes in the end, registered by the relying party. */
  redirectUri: string;
  /** The relying party's own state, which goes back with the browser; null for none. */
  partyState: string | null;
  /** SHA-256 of the token that begins the flow, in one browser. */
  tokenHash: string;
  /** SHA-256 of the secret of the browser that began; null before one did. */
  browserHash: string | null;
  status: FlowStatus;
  /** How often a wallet was asked. */
  walletRequests: number;
  request: WalletRequest | null;
  /** Of the verifier, for the present request. */
  polls: number;
  polledAt: Date | null;
  createdAt: Date;
  expiresAt: Date;
  verificationResult: FlowVerificationResult | null;
  errorDetails: FlowErrorDetails | null;
  audit: FlowAudit | null;
  /** When the relying party first read the result. */
  takenAt: Date | null;
  purgeAt: Date;
}

/** The state of a flow at a moment: what nobody ended in time has expired. */
export function flowStatusAt({ status, expiresAt }: Pick<FlowSession, "status" | "expiresAt">, now: Date): FlowStatus {
  return isOpen(status) && expiresAt <= now ? "expired" : status;
}

export function isOpen(status: FlowStatus): status is (typeof OPEN_STATUSES)[number] {
  return (OPEN_STATUSES as readonly FlowStatus[]).includes(status);
}

/**
 * Whether the verifier is polled for a flow. On one device nothing is asked before the browser is back with its code:
 * somebody else's wallet may have answered (OpenID4VP 1.0 §14.3).
 */
export function isPolled({ status, request }: Pick<FlowSession, "status" | "request">): boolean {
  return status === "returned" || (status === "waiting" && request?.flow === "cross_device");
}

/** Where the browser goes when a flow is over: to the relying party, with the code of its result or the error. */
export function partyUrl(
  { redirectUri, partyState }: Pick<FlowSession, "redirectUri" | "partyState">,
  parameters: Record<string, string>,
): string {
  const query = new URLSearchParams({ ...(partyState !== null && { state: partyState }), ...parameters });
  return `${redirectUri}${redirectUri.includes("?") ? "&" : "?"}${query.toString()}`;
}
