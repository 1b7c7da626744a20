import type { VerificationStore } from "./verifications";
import type { WebhookSender } from "./webhooks";

/** What the endpoints of the mock verifier work with. */
export interface VerifierContext {
  /** Its own address. */
  url: string;
  clientId: string;
  verifications: VerificationStore;
  webhooks: WebhookSender;
  /** The Authorization header that the management API requires; none when absent. */
  managementAuthorization: string | undefined;
  /** What deep links begin with: a wallet's own scheme, or the page on which a person answers for the wallet. */
  deepLinkBase: string;
}
