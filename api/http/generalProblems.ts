/** A problem that no operation declares by itself, because any may answer with it. */
export interface GeneralProblem {
  status: 404 | 405 | 500 | 503;
  meaning: string;
}

const RETRY = "Try again in a moment.";

/**
 * Problems of every operation, and of none in particular: paths and methods that do not exist, errors of ours, and
 * everything that passes by itself (503). A test compares the latter with the codes in the source.
 */
export const GENERAL_PROBLEMS: Readonly<Record<string, GeneralProblem>> = {
  "request.unknown_path": { status: 404, meaning: "There is nothing at this path." },
  "request.method_not_allowed": { status: 405, meaning: "The path answers other methods, which `Allow` names." },
  "internal.error": {
    status: 500,
    meaning: "Something went wrong on our side; it is logged under the request's id.",
  },
  "anchoring.contended": passing("An anchoring changed while it was worked on."),
  "connection.broken": passing("The connection to a node broke."),
  "index.empty": passing("The index has not seen the chain yet."),
  "index.stale": passing("The index is too far behind the chain."),
  "index.unverified": passing("The index is not sure to hold every event of what was asked for."),
  "issuer.busy": passing("Another transaction of the issuer is pending."),
  "issuer.nonce_moved": passing("The issuer's nonce moved while a write was signed."),
  "kyc.busy": passing("Another request of the user starts the verification."),
  "kyc.contended": passing("The verification of an identity changes faster than it can be followed."),
  "kyc.provider_behind": passing("The KYC provider does not say yet what its webhook announced."),
  "kyc.provider_unavailable": passing("The KYC provider could not be asked."),
  "kyc.session_unknown": passing("A KYC delivery is about a session that is not recorded yet."),
  "kyc_sandbox.undelivered": passing("The sandbox's webhook was not taken."),
  "mail.deferred": passing("The mail server asks to try again later."),
  "mail.unreachable": passing("The mail server could not be reached."),
  "mongo.unavailable": passing("The database does not answer."),
  "passwords.busy": passing("Too many passwords are being hashed at once."),
  "redis.unavailable": passing("Redis does not answer."),
  "relayer.contended": passing("The relayer's transactions changed while one was added."),
  "relayer.insufficient_funds": passing("The relayer's account cannot pay for the transaction."),
  "rpc.failed": passing("The node answered with an error."),
  "rpc.unreachable": passing("No node of the chain answers."),
  "session.unsettled": passing("The session changed while it was read."),
  "verification.contended": passing("The credential's state changed over and over while it was verified."),
  "verifier.refused": passing("The wallet verifier refused our request."),
  "verifier.unintelligible": passing("The wallet verifier's answer could not be read."),
  "fetch.failed": passing("A status list or another document elsewhere could not be fetched."),
  "relayer.day_budget_used_up": passing("What the relayer may spend in a day is spent."),
  "relayer.fees_too_high": passing("The chain's fees are above what the relayer pays."),
  "relayer.stopped": passing("The relayer was stopped by its operator."),
  "verifier.unreachable": passing("The wallet verifier could not be reached."),
  "webhook.no_handler": passing("This worker does not read deliveries of that source."),
};

function passing(meaning: string): GeneralProblem {
  return { status: 503, meaning: `${meaning} ${RETRY}` };
}
