import { z } from "zod";
import { userName } from "../schemas";

const moment = z.iso.datetime();

export const profileBody = z.strictObject({ name: userName });

export const profileReply = z.strictObject({ userId: z.uuid(), email: z.string(), name: z.string() });

export const exportReply = z.strictObject({
  exportedAt: moment,
  userId: z.uuid(),
  data: z.record(z.string(), z.unknown()).meta({
    description:
      "By kind: account, sessions, devices, commands, wallets, credentials, verifications, usage, kyc, notifications, events",
  }),
});

export const erasureReply = z.strictObject({
  status: z.literal("erasing"),
  since: moment,
  remains: z.array(z.string()).meta({ description: "What cannot be erased, or must stay, in sentences." }),
});
