import { DomainError } from "../../../core/errors";
import type { RejectionDescription } from "../../http/endpoint";

/** Of every page of a flow: there is none of this id, or it belongs to another browser. */
export const UNKNOWN_FLOW: RejectionDescription = {
  code: "presentation.unknown_flow",
  kind: "not_found",
  meaning: "There is no such verification in this browser.",
};

/** One answer for both, so that no browser learns which flows there are. */
export function unknownFlow(): DomainError {
  const message = "This verification is not known in this browser.";
  return new DomainError("presentation.unknown_flow", "not_found", message);
}
