import { type Clock, addSeconds } from "../../../core/clock";
import { sha256Hex } from "../../../core/hash";
import type { Logger } from "../../../core/logger";
import type { FraudAlert } from "./rules";
import type { AlertStore } from "./store";
import { alertWording } from "./wording";

/** What notifying the administrator needs. */
export interface NotifyAdminDeps {
  alerts: AlertStore;
  clock: Clock;
  /**
   * Sends the administrator one alert, by mail for instance.
   *
   * @param waiting how many other alerts about the same verifier wait to be sent
   */
  notifyAdmin(alert: FraudAlert, waiting: number): Promise<void>;
}

/** What listing alerts needs. */
export interface ListAlertsDeps {
  alerts: Pick<AlertStore, "list">;
}

/** The newest alerts. */
export function listAlerts({ alerts }: ListAlertsDeps, { limit }: { limit: number }): Promise<FraudAlert[]> {
  return alerts.list(limit);
}

/**
 * Alerts about one verifier that are sent one by one in an hour; a flood of mail hides what matters in it. Each verifier
 * has its own allowance, so that no verifier's flood keeps another's alert waiting.
 */
const MAX_PER_HOUR = 20;

/** Most waiting alerts that are counted. */
const MAX_COUNTED = 10_000;

/**
 * Notifies the administrator of an alert that was not sent yet; safe to run twice. Beyond the hour's allowance of its
 * verifier an alert waits, and the next one that is sent says how many do.
 *
 * @returns whether it was sent
 */
export async function notifyAdminOf(deps: NotifyAdminDeps, alertId: string): Promise<boolean> {
  const { alerts, clock, notifyAdmin } = deps;
  const alert = await alerts.find(alertId);
  if (alert === null || alert.notifiedAt !== null) return false;
  const { verifierId } = alert;
  if (await isAllowanceUsedUp(deps, verifierId)) return false;
  const waiting = await alerts.countUnnotified(verifierId, MAX_COUNTED);
  // Sent first, recorded second: dying in between sends it twice, which is better than never.
  await notifyAdmin(alert, waiting - 1);
  await alerts.markNotified(alertId, clock.now());
  return true;
}

async function isAllowanceUsedUp(
  { alerts, clock }: Pick<NotifyAdminDeps, "alerts" | "clock">,
  verifierId: string,
): Promise<boolean> {
  return (await alerts.notifiedSince(verifierId, addSeconds(clock.now(), -60 * 60))) >= MAX_PER_HOUR;
}

/** Alerts that could be sent now, the oldest first: none about a verifier whose allowance is used up. */
export async function sendableAlerts(
  deps: Pick<NotifyAdminDeps, "alerts" | "clock">,
  { limit }: { limit: number },
): Promise<FraudAlert[]> {
  const allowed = new Set<string>();
  const usedUp = new Set<string>();
  for (;;) {
    const found = await deps.alerts.unnotified(limit, [...usedUp]);
    const before = usedUp.size;
    for (const { verifierId } of found) {
      if (allowed.has(verifierId) || usedUp.has(verifierId)) continue;
      ((await isAllowanceUsedUp(deps, verifierId)) ? usedUp : allowed).add(verifierId);
    }
    if (usedUp.size === before) return found;
  }
}

/** What mailing an alert needs. */
export interface MailAlertDeps {
  logger: Logger;
  /** Writes to the administrator, where an address and a way to carry mail are configured. */
  mailAdmin(mail: { id: string; wording: ReturnType<typeof alertWording> }): Promise<void>;
}

/** Logs an alert and mails it to the administrator. */
export async function mailAlert(
  { logger, mailAdmin }: MailAlertDeps,
  alert: FraudAlert,
  waiting: number,
): Promise<void> {
  const { alertId, kind, attempts } = alert;
  logger.warn({ alertId, kind, attempts }, "possible credential fraud");
  await mailAdmin({ id: `fraud-${sha256Hex(alertId)}`, wording: alertWording(alert, waiting) });
}
