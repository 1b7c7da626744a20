import { z } from "zod";
import { DomainError } from "../../../core/errors";
import { LOG_RESULTS, type UsageCursor, type UsageEntry } from "./rules";

export const usageParams = z.strictObject({ id: z.uuid() });
export const usageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(400).optional().meta({ description: "`next` of the page before" }),
});
export const filteredUsageQuery = usageQuery.extend({
  credentialId: z.uuid().meta({ description: "The credential's id" }).optional(),
  result: z.enum(LOG_RESULTS).optional(),
});

const usageEntry = z.strictObject({
  credentialId: z.uuid(),
  verificationId: z.uuid(),
  presenterId: z.string().meta({ description: "The DID that the presenter gave as its own; nobody verified it" }),
  signer: z.string().nullable().meta({
    description: "The account whose signature a rejected attempt bore; null for a use, and where it named nobody",
  }),
  verifierId: z.string(),
  verifierName: z.string(),
  result: z.enum(LOG_RESULTS),
  reason: z.string(),
  timestamp: z.iso.datetime(),
});
export const usageReply = z.strictObject({ entries: z.array(usageEntry), next: z.string().nullable() });
export const fullUsageReply = z.strictObject({
  entries: z.array(usageEntry.extend({ issuer: z.string(), subjectDid: z.string(), ipAddress: z.string() })),
  next: z.string().nullable(),
});

/** An entry as holders and issuers see it: without the caller's address, which is personal. */
export function showUsage(entry: UsageEntry): z.input<typeof usageEntry> {
  return {
    credentialId: entry.credentialId,
    verificationId: entry.verificationId,
    presenterId: entry.presenterId,
    signer: entry.signer,
    verifierId: entry.verifierId,
    verifierName: entry.verifierName,
    result: entry.result,
    reason: entry.reason,
    timestamp: entry.timestamp.toISOString(),
  };
}

/** An entry as administrators see it. */
export function showFullUsage(entry: UsageEntry) {
  const { issuer, subjectDid, ipAddress } = entry;
  return { ...showUsage(entry), issuer, subjectDid, ipAddress };
}

/** The cursor of the next page; null after the last. */
export function nextCursor(entries: UsageEntry[], limit: number): string | null {
  const last = entries.length === limit ? entries.at(-1) : undefined;
  if (last === undefined) return null;
  return Buffer.from(`${last.timestamp.toISOString()} ${last.id}`).toString("base64url");
}

/** @throws DomainError `usage.cursor_invalid` */
export function parseCursor(cursor: string | undefined): UsageCursor | null {
  if (cursor === undefined) return null;
  const [time = "", id = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const timestamp = new Date(time);
  if (!Number.isNaN(timestamp.getTime()) && id !== "") return { timestamp, id };
  throw new DomainError("usage.cursor_invalid", "invalid", "The cursor is none of ours: send back `next` as it came.");
}
