import { assertNever } from "../../core/errors";

/** What a user must have done before anything is paid for it. */
export type RelayerGate = "none" | "email" | "kyc";

/** How users are let through, by gate. Each throws a DomainError for those who are not. */
export interface GateChecks {
  /** @throws DomainError `email.unconfirmed` */
  requireConfirmedEmail(userId: string): Promise<unknown>;
  /** @throws DomainError `kyc.required` */
  requireVerified(userId: string): Promise<unknown>;
}

/**
 * Lets pass whom the relayer pays for.
 *
 * @throws DomainError `email.unconfirmed`, `kyc.required`
 */
export async function passGate(gate: RelayerGate, checks: GateChecks, userId: string): Promise<void> {
  switch (gate) {
    case "none":
      return;
    case "email":
      await checks.requireConfirmedEmail(userId);
      return;
    case "kyc":
      await checks.requireVerified(userId);
      return;
    default:
      assertNever(gate);
  }
}
