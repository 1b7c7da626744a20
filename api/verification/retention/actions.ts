import { addSeconds, type Clock } from "../../../core/clock";
import type { Context } from "../../../process/context";
import type { AlertStore } from "../alerts/store";
import type { VerificationStore } from "../store";
import type { UsageStore } from "../usage/store";

/** What ending retention needs. */
export interface RetentionDeps {
  usage: Pick<UsageStore, "purge" | "clearAddresses">;
  verifications: Pick<VerificationStore, "purge">;
  alerts: Pick<AlertStore, "purge" | "clearAddresses">;
  clock: Clock;
  config: Pick<Context["config"], "retention">;
}

/** How many documents were deleted, and how many lost their IP address. */
export interface RetentionReport {
  usage: number;
  verifications: number;
  alerts: number;
  addresses: number;
}

const DAY_SECONDS = 24 * 60 * 60;

/**
 * Deletes usage log entries, verifications and alerts whose retention is over, and empties IP addresses, whose is
 * shorter. Each is deleted on condition that it is over, so that it may run in several processes and be killed.
 */
export async function endRetention(deps: RetentionDeps): Promise<RetentionReport> {
  const { usage, verifications, alerts, clock } = deps;
  const { usageDays, verificationDays, alertDays, ipAddressDays } = deps.config.retention;
  const before = (days: number) => addSeconds(clock.now(), -days * DAY_SECONDS);
  const deleted = {
    usage: await usage.purge(before(usageDays)),
    verifications: await verifications.purge(before(verificationDays)),
    alerts: await alerts.purge(before(alertDays)),
  };
  const addressesBefore = before(ipAddressDays);
  const addresses = (await usage.clearAddresses(addressesBefore)) + (await alerts.clearAddresses(addressesBefore));
  return { ...deleted, addresses };
}
