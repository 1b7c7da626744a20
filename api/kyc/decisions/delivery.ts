import { tellableReason } from "../reasons";
import { type KycAnnouncement, type KycSubstatus, statusOf } from "../rules";

/** The messages KYC has words for. */
type KycTemplate = "kyc.approved" | "kyc.declined" | "kyc.needs_review" | "kyc.resubmission_requested" | "kyc.expired";

/** Whom a change is told to: the user's mailbox and the user's devices. Both tell one id once. */
export interface TellingParts {
  notify(notification: {
    _id: string;
    userId: string;
    template: KycTemplate;
    facts: { reason?: string; mayRetry?: boolean };
  }): Promise<void>;
  publish(event: {
    _id: string;
    userId: string;
    kind: "kyc.changed";
    data: Record<string, string | number | boolean | null>;
    at: Date;
  }): Promise<void>;
}

/** What is worth a letter; the rest the user did a moment ago and knows. */
const TEMPLATE_OF: Partial<Record<KycSubstatus, KycTemplate>> = {
  approved: "kyc.approved",
  declined: "kyc.declined",
  needs_review: "kyc.needs_review",
  resubmission_requested: "kyc.resubmission_requested",
  expired: "kyc.expired",
};

/** Tells a user of a change, once for each version however often it is called. */
export async function tellOfChange(parts: TellingParts, userId: string, change: KycAnnouncement): Promise<void> {
  const { version, substatus, mayRetry, at } = change;
  const _id = `kyc-${userId}-${version}`;
  const reason = tellableReason(change.reason);
  const data = { status: statusOf(substatus), substatus, version };
  await parts.publish({ _id, userId, kind: "kyc.changed", data, at });
  const template = TEMPLATE_OF[substatus];
  if (template === undefined) return;
  await parts.notify({ _id, userId, template, facts: { mayRetry, ...(reason !== undefined && { reason }) } });
}
