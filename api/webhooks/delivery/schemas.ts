import { z } from "zod";
import { DomainError } from "../../../core/errors";
import { type Delivery, DELIVERY_STATES, stateOf } from "./rules";

const moment = z.iso.datetime();

export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().max(300).optional().meta({ description: "`next` of the page before" }),
});
export const deliveryParams = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,200}$/, "is not a message's id: letters, digits, _ and -")
    .meta({ description: "The message's id (`webhook-id`)" }),
});

const deliveryFields = {
  id: z.string().meta({ description: "`webhook-id`, the same in every attempt" }),
  type: z.string(),
  state: z.enum(DELIVERY_STATES),
  url: z.string(),
  attempts: z.int(),
  lastError: z.string().nullable(),
  orderedAt: moment,
  nextAttemptAt: moment.nullable(),
  deliveredAt: moment.nullable(),
  supersededBy: z.string().nullable(),
};
export const listReply = z.strictObject({
  deliveries: z.array(z.strictObject(deliveryFields)),
  next: z.string().nullable(),
});
export const deliveryReply = z.strictObject({
  ...deliveryFields,
  body: z.string().meta({ description: "The bytes that are signed and sent" }),
});

/** A delivery as its receiver sees it. */
export function showDelivery(delivery: Delivery) {
  const { deliveryId, url, body, attempts, lastError, createdAt, nextAttemptAt, deliveredAt, supersededBy } = delivery;
  return {
    id: deliveryId,
    type: (JSON.parse(body) as { type: string }).type,
    state: stateOf(delivery),
    url,
    attempts,
    lastError,
    orderedAt: createdAt.toISOString(),
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    deliveredAt: deliveredAt?.toISOString() ?? null,
    supersededBy,
  };
}

/** Where the page after this delivery begins. */
export function writeCursor({ createdAt, deliveryId }: Delivery): string {
  return Buffer.from(`${createdAt.toISOString()} ${deliveryId}`).toString("base64url");
}

/** @throws DomainError `webhook.cursor_invalid` */
export function readCursor(cursor: string): { createdAt: Date; deliveryId: string } {
  const [time = "", deliveryId = ""] = Buffer.from(cursor, "base64url").toString().split(" ");
  const createdAt = new Date(time);
  if (!Number.isNaN(createdAt.getTime()) && deliveryId !== "") return { createdAt, deliveryId };
  const message = "The cursor is none of ours: send back `next` as it came.";
  throw new DomainError("webhook.cursor_invalid", "invalid", message);
}
