import { z } from "zod";
import type { FraudAlert } from "./rules";

const moment = z.iso.datetime();

export const alertsQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(50) });

export const alertsReply = z.strictObject({
  alerts: z.array(
    z.strictObject({
      alertId: z.string(),
      credentialId: z.uuid(),
      kind: z.enum(["holder_mismatch", "reuse"]),
      issuer: z.string(),
      subjectDid: z.string(),
      presenters: z.array(z.string()).meta({
        description: "The DIDs that presenters gave as their own, but never the holder's whose signature was missing",
      }),
      signers: z.array(z.string()).meta({ description: "The accounts whose signatures the attempts bore" }),
      verifierId: z.uuid(),
      verifierName: z.string(),
      ipAddress: z.string(),
      attempts: z.int(),
      firstAt: moment,
      lastAt: moment,
      notifiedAt: moment.nullable(),
    }),
  ),
});

/** An alert as it goes out. */
export function showAlert({ firstAt, lastAt, notifiedAt, ...alert }: FraudAlert) {
  return {
    ...alert,
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
    notifiedAt: notifiedAt?.toISOString() ?? null,
  };
}
