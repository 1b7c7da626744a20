import { z } from "zod";
import { SESSION_STATUSES } from "../rules";

export const verificationParams = z.strictObject({ verificationId: z.string().min(1).max(200) });
export const assetParams = z.strictObject({ file: z.enum(["page.js", "page.css"]) });
export const statusQuery = z.strictObject({
  state: z.string().max(1_024).optional().meta({ description: "The client's state, for whoever is not the browser." }),
  known: z
    .enum(SESSION_STATUSES)
    .optional()
    .meta({ description: "What the caller knows already: the answer waits up to ten seconds for something else." }),
});

export const statusReply = z.strictObject({
  status: z.enum(SESSION_STATUSES),
  expires_at: z.iso.datetime(),
  next: z.string().nullable().meta({ description: "Where the browser goes when it is over." }),
});
