import { addSeconds, type Clock } from "../../../core/clock";
import { randomId, randomToken } from "../../../core/crypto";
import { DomainError } from "../../../core/errors";
import { equalsInConstantTime, sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { Context } from "../../../process/context";
import { describeAsked } from "./describeAsked";
import { beginUrlOf } from "./paths";
import { unknownFlow } from "./rejections";
import { type AskedFor, type FlowSession, flowStatusAt } from "./rules";
import type { FlowStore } from "./store";
import type { FlowVerifier } from "./verifier";

/** What a relying party wants to have proved, and where its browser goes then. */
export interface NewFlow {
  verifierId: string;
  partyName: string;
  asked: AskedFor;
  /** As the pages name what is asked for; undefined: by the query. */
  credentialType: string | undefined;
  redirectUri: string;
  /** The relying party's own, which goes back with the browser. */
  state: string | null;
  logger: Logger;
}

interface CreateFlowDeps {
  clock: Clock;
  config: Pick<Context["config"], "http" | "presentations" | "presentationFlow">;
  flows: Pick<FlowStore, "insert">;
  verifier: Pick<FlowVerifier, "acceptAsked">;
}

/**
 * Makes a flow: one browser may begin it, within its time.
 *
 * @throws DomainError when the verifier could not ask for this
 */
export async function createFlow(
  { clock, config, flows, verifier }: CreateFlowDeps,
  { verifierId, partyName, asked: given, credentialType, redirectUri, state, logger }: NewFlow,
): Promise<{ session: FlowSession; beginUrl: string }> {
  const asked = await verifier.acceptAsked(given);
  const token = randomToken();
  const createdAt = clock.now();
  const expiresAt = addSeconds(createdAt, config.presentationFlow.sessionSeconds);
  const session: FlowSession = {
    sessionId: randomId(),
    transactionId: randomToken("txn_"),
    verifierId,
    partyName,
    ...describeAsked(asked, credentialType),
    asked,
    redirectUri,
    partyState: state,
    tokenHash: sha256Hex(token),
    browserHash: null,
    status: "initiated",
    walletRequests: 0,
    request: null,
    polls: 0,
    polledAt: null,
    createdAt,
    expiresAt,
    verificationResult: null,
    errorDetails: null,
    audit: null,
    takenAt: null,
    // A browser may begin at the last moment, and the flow's time starts then.
    purgeAt: addSeconds(expiresAt, config.presentationFlow.sessionSeconds + config.presentations.retentionSeconds),
  };
  await flows.insert(session);
  logger.info({ flowSessionId: session.sessionId, verifierId }, "starting verification flow");
  return { session, beginUrl: beginUrlOf(config.http.publicUrl, token) };
}

interface BeginFlowDeps {
  clock: Clock;
  config: Pick<Context["config"], "presentationFlow">;
  flows: Pick<FlowStore, "findByToken" | "begin">;
}

/**
 * Begins a flow in a browser: in the first that comes, and again in that one alone.
 *
 * @param input.browserSecret what the browser's cookie holds; undefined for none
 * @returns the flow's id and the secret for the browser's cookie
 * @throws DomainError `presentation.unknown_flow`, `presentation.flow_taken`, `presentation.flow_expired`
 */
export async function beginFlow(
  { clock, config, flows }: BeginFlowDeps,
  { token, browserSecret: known }: { token: string; browserSecret: string | undefined },
): Promise<{ sessionId: string; browserSecret: string }> {
  const session = await flows.findByToken(sha256Hex(token));
  if (session === null) throw unknownFlow();
  const { sessionId } = session;
  if (known !== undefined && isOfBrowser(session, known)) return { sessionId, browserSecret: known };
  const browserSecret = known ?? randomToken(BROWSER_SECRET_PREFIX);
  const now = clock.now();
  const expiresAt = addSeconds(now, config.presentationFlow.sessionSeconds);
  if (await flows.begin(sessionId, { browserHash: sha256Hex(browserSecret), now, expiresAt })) {
    return { sessionId, browserSecret };
  }
  if (session.browserHash === null && flowStatusAt(session, now) === "expired") throw flowExpired();
  throw flowTaken();
}

/** Of the secrets in browsers' cookies. */
export const BROWSER_SECRET_PREFIX = "VPB-";

/** Whether a flow was begun by the browser that holds this secret. */
export function isOfBrowser(
  { browserHash }: Pick<FlowSession, "browserHash">,
  browserSecret: string | undefined,
): boolean {
  if (browserHash === null || browserSecret === undefined) return false;
  return equalsInConstantTime(browserHash, sha256Hex(browserSecret));
}

/**
 * A flow, for the browser that began it.
 *
 * @throws DomainError `presentation.unknown_flow` for any other
 */
export async function readFlow(
  { flows }: { flows: Pick<FlowStore, "find"> },
  { sessionId, browserSecret }: { sessionId: string; browserSecret: string | undefined },
): Promise<FlowSession> {
  const session = await flows.find(sessionId);
  if (session === null || !isOfBrowser(session, browserSecret)) throw unknownFlow();
  return session;
}

function flowTaken(): DomainError {
  const message = "This link was opened before: go back to the site you came from and begin again.";
  return new DomainError("presentation.flow_taken", "conflict", message);
}

function flowExpired(): DomainError {
  const message = "This link has expired: go back to the site you came from and begin again.";
  return new DomainError("presentation.flow_expired", "gone", message);
}
