import type { RelayHandler } from "../../../chain/relayer/handlers";
import type { IssuerDeps } from "../actions";
import type { AnchorIssuerDeps } from "./actions";

/** Queues the next step as soon as one is mined, and records why one is not. */
export function issuerAnchoringHandler(
  deps: Pick<AnchorIssuerDeps, "issuers"> & Pick<IssuerDeps, "enqueueAnchoring">,
): RelayHandler {
  return {
    onBroadcast: () => Promise.resolve(),
    onRetryableError: ({ subject }, error) =>
      deps.issuers.recordOnChainState(addressOf(subject), { anchoringError: error.message }),
    onOutcome: ({ subject }) => deps.enqueueAnchoring(addressOf(subject)),
  };
}

/** Subjects are `identity/<address>` and `accreditation/<address>`. */
function addressOf(subject: string): string {
  return subject.slice(subject.indexOf("/") + 1);
}
