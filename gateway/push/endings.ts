import { assertNever } from "../../core/errors";
import { type Rejection, reject } from "../envelope/rejection";
import type { RegistrationRefusal } from "./pushHub";
import type { Ending } from "./subscription";

/** When a stream that could not be served, or was ended for the gateway's own reasons, may be asked for again. */
const AT_ONCE_MS = 0;
const SOON_MS = 1_000;
/** Streams of a device that vanished without a word are found dead by then. */
const STREAM_RETRY_MS = 30_000;

/** How the end of a stream is told to its reader. */
export function rejectionOfEnding(ending: Exclude<Ending, "cancelled">): Rejection {
  switch (ending) {
    case "session_revoked":
      return reject("SESSION_REVOKED");
    case "session_expired":
      return reject("SESSION_EXPIRED");
    case "session_unknown":
      return reject("SESSION_UNKNOWN");
    case "reader_slow":
      return reject("READER_SLOW", { retryAfterMs: SOON_MS });
    case "too_old":
      return reject("STREAM_TOO_OLD", { retryAfterMs: AT_ONCE_MS });
    case "shutdown":
      return reject("GATEWAY_STOPPING", { retryAfterMs: AT_ONCE_MS });
    default:
      return assertNever(ending);
  }
}

/** How a reader learns that it is given no stream. */
export function rejectionOfRefusal(refusal: RegistrationRefusal): Rejection {
  switch (refusal) {
    case "session_limit":
      return reject("STREAMS_SESSION", { retryAfterMs: STREAM_RETRY_MS });
    case "user_limit":
      return reject("STREAMS_USER", { retryAfterMs: STREAM_RETRY_MS });
    case "gateway_limit":
      return reject("GATEWAY_FULL", { retryAfterMs: SOON_MS });
    case "closed":
      return reject("GATEWAY_STOPPING", { retryAfterMs: AT_ONCE_MS });
    default:
      return assertNever(refusal);
  }
}
