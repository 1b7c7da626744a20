import { z } from "zod";
import type { Verification } from "../rules";

export const declineBody = z.strictObject({
  reason: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .optional()
    .meta({ description: "For the verifier, who reads it with GET /verify/{id}; nothing when left out" }),
});

export const declineReply = z.strictObject({
  verificationId: z.uuid(),
  status: z.literal("declined"),
  reason: z.string().nullable(),
  declinedAt: z.iso.datetime(),
});

/** A declined request as its holder sees it. */
export function showDeclined({ verificationId, declined }: Verification) {
  return {
    verificationId,
    status: "declined" as const,
    reason: declined?.reason ?? null,
    declinedAt: declined?.at.toISOString() ?? "",
  };
}
