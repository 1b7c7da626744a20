import type { Clock } from "../../../core/clock";
import { randomToken } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { endFlow, type Outcome } from "./endFlow";
import { callbackUrlOf } from "./paths";
import { type Device, type FlowSession, flowStatusAt, MAX_WALLET_REQUESTS, type WalletRequest } from "./rules";
import type { FlowMetrics } from "./flowMetrics";
import type { FlowStore } from "./store";
import { type FlowVerifier, VerifierCallError } from "./verifier";

/** The largest QR code holds a little more (ISO/IEC 18004: version 40, level M, bytes). */
const MAX_QR_LINK_LENGTH = 2_300;

export interface AskWalletDeps {
  clock: Clock;
  config: Pick<Context["config"], "http">;
  flows: Pick<FlowStore, "askWallet" | "end" | "find">;
  flowMetrics: Pick<FlowMetrics, "ended">;
  verifier: FlowVerifier;
  onStep?: ((step: string) => void | Promise<void>) | undefined;
}

/**
 * Asks a wallet where the person says it is: on this device by a link, from which the wallet sends the browser back; on
 * another one by a QR code, from which nobody comes back (OpenID4VP 1.0 §14.3). Again asks anew, in place of before.
 *
 * @returns the flow as it is then; ended, when the verifier made no request
 * @throws DomainError `presentation.flow_wallets_exhausted`
 */
export async function askWallet(
  deps: AskWalletDeps,
  { session, device, logger }: { session: FlowSession; device: Device; logger: Logger },
): Promise<FlowSession> {
  const { sessionId, walletRequests } = session;
  const status = flowStatusAt(session, deps.clock.now());
  if (status !== "initiated" && status !== "waiting") return session;
  if (walletRequests >= MAX_WALLET_REQUESTS) throw walletsExhausted();
  // What other systems ask an authorization server for, this process answers itself: a state that binds the way back.
  logger.info({ flowSessionId: sessionId, device }, "handling authorization challenge");
  const state = device === "this" ? randomToken() : null;
  let request: WalletRequest;
  try {
    request = await createRequest(deps, { session, state, logger });
  } catch (error) {
    if (!(error instanceof VerifierCallError)) throw error;
    logger.error({ err: error, flowSessionId: sessionId }, "failed to create authorization request");
    return endFlow(deps, { session, outcome: unasked(error), logger });
  }
  await deps.onStep?.("flow.requested");
  const isAsked = await deps.flows.askWallet(sessionId, { walletRequests, request, now: deps.clock.now() });
  const { requestId } = request;
  if (isAsked)
    logger.info({ flowSessionId: sessionId, presentationRequestId: requestId }, "redirecting user to wallet");
  return (await deps.flows.find(sessionId)) ?? session;
}

async function createRequest(
  { verifier, config, clock }: Pick<AskWalletDeps, "verifier" | "config" | "clock">,
  { session, state, logger }: { session: FlowSession; state: string | null; logger: Logger },
): Promise<WalletRequest> {
  const { sessionId: flowSessionId, transactionId, verifierId, asked, browserHash, expiresAt } = session;
  if (browserHash === null) throw new RangeError("a wallet is asked for a browser that began");
  const callbackUrl = state === null ? null : callbackUrlOf(config.http.publicUrl, state);
  const lifetimeSeconds = Math.max(1, Math.floor((expiresAt.getTime() - clock.now().getTime()) / 1000));
  logger.info({ flowSessionId, verifier: verifier.name }, "creating authorization request");
  const order = { verifierId, asked, callbackUrl, browserHash, lifetimeSeconds };
  const created = await verifier.createRequest(order, { flowSessionId, logger });
  if (created.flow === "cross_device" && created.walletUrl.length > MAX_QR_LINK_LENGTH) {
    throw new VerifierCallError("FLOW_FAILURE", "The request is too long for a QR code.");
  }
  const line = { flowSessionId, presentationRequestId: created.requestId, transactionId };
  logger.info(line, "authorization request created");
  logger.info({ ...line, flow: created.flow }, "constructing OpenID4VP request");
  return { ...created, callbackHash: state === null ? null : sha256Hex(state) };
}

function unasked({ type }: VerifierCallError): Outcome {
  const message = "Failed to initiate verification";
  const details = "The service that verifies cannot be asked now. Go back and begin again.";
  return { status: "error", errorDetails: { type, message, details } };
}

function walletsExhausted(): DomainError {
  const message = "You have chosen between wallets too often: go back to the site you came from and begin again.";
  return new DomainError("presentation.flow_wallets_exhausted", "conflict", message);
}
