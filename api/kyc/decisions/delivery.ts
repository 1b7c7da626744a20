import { publicReason } from "../reasons";
import { type KycNotice, type KycSubstatus, statusOf } from "../rules";

/** The messages KYC has words for. */
type KycTemplate = "kyc.approved" | "kyc.declined" | "kyc.needs_review" | "kyc.resubmission_requested" | "kyc.expired";

/** How a user is notified: by mail and on devices. Both deliver one change once. */
export interface NotifyDeps {
  notify(notification: {
    _id: string;
    userId: string;
    template: KycTemplate;
    facts: { reason?: string; mayRetry?: boolean };
  }): Promise<void>;
  appendUserEvent(event: {
    userId: string;
    type: "kyc.changed";
    key: string;
    payload: Record<string, string | number>;
    at: Date;
  }): Promise<void>;
}

/** Changes worth a mail; the others the user has just made and knows. */
const TEMPLATE_OF: Partial<Record<KycSubstatus, KycTemplate>> = {
  approved: "kyc.approved",
  declined: "kyc.declined",
  needs_review: "kyc.needs_review",
  resubmission_requested: "kyc.resubmission_requested",
  expired: "kyc.expired",
};

/** Notifies a user of a change, once for each version however often it is called. */
export async function notifyOfChange(deps: NotifyDeps, userId: string, change: KycNotice): Promise<void> {
  const { version, substatus, mayRetry, at } = change;
  const _id = `kyc-${userId}-${version}`;
  const reason = publicReason(change.reason);
  const payload = { status: statusOf(substatus), substatus, version };
  await deps.appendUserEvent({ userId, type: "kyc.changed", key: String(version), payload, at });
  const template = TEMPLATE_OF[substatus];
  if (template === undefined) return;
  await deps.notify({ _id, userId, template, facts: { mayRetry, ...(reason !== undefined && { reason }) } });
}
