import type { PresentedCredential, RequestStatus } from "../rules";
import type { AskedFor, FlowErrorType, FlowVerificationResult, WalletRequest } from "./rules";
import type { Logger } from "../../../core/logger";

/** What a flow asks its verifier to ask a wallet. */
export interface WalletRequestOrder {
  verifierId: string;
  asked: AskedFor;
  /** Where the wallet sends the browser, the flow's state in its query; null where no browser comes back. */
  callbackUrl: string | null;
  /** SHA-256 of the secret of the browser that began. */
  browserHash: string;
  /** How long the flow still lasts. */
  lifetimeSeconds: number;
}

/** A request of the verifier's, by what a flow stores of it. */
export type RequestHandle = Pick<WalletRequest, "requestId" | "verifierTransactionId">;

export const CREDENTIAL_STATUSES = ["SUCCESS", "INVALID", "EXPIRED", "REVOKED"] as const;

/** What was presented, for the relying party that asked. */
export interface PresentedToParty {
  vcResults: { vc: string; verificationStatus: (typeof CREDENTIAL_STATUSES)[number] }[];
  /** What the verifier read of each credential; empty where it hands on the credential alone. */
  credentials: PresentedCredential[];
}

/** Of a verdict, what the verifier knows. */
export type FlowVerdict = Pick<FlowVerificationResult, "isValid" | "reason"> &
  Omit<FlowVerificationResult["verificationDetails"], "credentialType">;

/** Which flow a call is for, and where its failures are logged. */
export interface CallContext {
  flowSessionId: string;
  logger: Logger;
}

/** Who asks wallets and verifies what they present: this process, or a verifier elsewhere. */
export interface FlowVerifier {
  /** As the logs name it. */
  name: string;
  /**
   * Refuses what it could not ask, before a person is led anywhere.
   *
   * @returns what is asked for as this verifier takes it
   * @throws DomainError
   */
  acceptAsked(asked: AskedFor): Promise<AskedFor>;
  /** @throws VerifierCallError */
  createRequest(order: WalletRequestOrder, call: CallContext): Promise<Omit<WalletRequest, "callbackHash">>;
  /**
   * Where a request stands. One call, without repetition: whoever polls repeats it.
   *
   * @throws VerifierCallError
   */
  readStatus(request: RequestHandle, call: CallContext): Promise<RequestStatus>;
  /** @throws VerifierCallError */
  readVerdict(request: RequestHandle, call: CallContext): Promise<FlowVerdict>;
  /**
   * What was presented; null when it is erased.
   *
   * @throws TransientError when the verifier cannot be asked
   */
  readPresented(request: RequestHandle, call: CallContext): Promise<PresentedToParty | null>;
  /** Whether a response code is that of the wallet's answer; null where the verifier gives none. */
  acceptsCode(request: RequestHandle, code: string | undefined): Promise<boolean | null>;
  /** The relying party has what was presented: a minute later it may be erased. Again changes nothing. */
  release(request: RequestHandle): Promise<void>;
}

/** A verifier that did not do what a flow needs of it. */
export class VerifierCallError extends Error {
  override readonly name = "VerifierCallError";

  /**
   * @param message names no person and no secret: it is stored, and shown to the relying party
   * @param options.isUnreadable whether an answer came that could not be read
   */
  constructor(
    readonly type: FlowErrorType,
    message: string,
    readonly options: { cause?: unknown; isUnreadable?: boolean } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
  }
}
