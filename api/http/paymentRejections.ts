import type { RejectionDescription } from "./endpoint";

/** The rejections of operations that the relayer pays for. */
export const PAYMENT_REJECTIONS: RejectionDescription[] = [
  {
    code: "relayer.budget_used_up",
    kind: "too_many",
    meaning:
      "The relayer has paid for this identity or account as much as it does in a day; Retry-After says how long.",
  },
  {
    code: "relayer.backing_off",
    kind: "too_many",
    meaning: "A transaction that the relayer paid for reverted; Retry-After says when it pays for the next.",
  },
  {
    code: "email.unconfirmed",
    kind: "forbidden",
    meaning: "The relayer pays for users whose e-mail address is confirmed: register a device with a mailed code.",
  },
  { code: "kyc.required", kind: "forbidden", meaning: "The relayer pays for verified users alone." },
];
