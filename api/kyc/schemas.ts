import { z } from "zod";
import { KYC_SUBSTATUSES } from "./rules";

const status = z.enum(["not_verified", "pending", "verified", "rejected"]);
const substatus = z.enum(KYC_SUBSTATUSES).meta({
  description: "Where exactly the verification stands, beyond what `status` says.",
});

export const startedReply = z.object({
  status,
  substatus,
  provider: z.string().meta({ examples: ["sandbox"] }),
  sessionId: z.string().meta({ description: "The provider's id of the session; for reference, not a secret." }),
  sessionUrl: z.string().optional().meta({ description: "The provider's page: send the user there." }),
  sdkToken: z.string().optional().meta({ description: "What the provider's SDK is started with." }),
  expiresAt: z.iso.datetime().meta({ description: "When the provider closes the session if nobody finishes it." }),
});

export const statusReply = z.object({
  status,
  substatus: substatus.nullable(),
  provider: z.string().nullable(),
  sessionId: z.string().nullable(),
  rejectionReason: z
    .object({ code: z.string(), message: z.string() })
    .nullable()
    .meta({ description: "Why, where there is a reason that may be given." }),
  mayRetry: z.boolean(),
  startedAt: z.iso.datetime().nullable(),
  updatedAt: z.iso.datetime().nullable(),
  decidedAt: z.iso.datetime().nullable(),
});

export const verificationReply = z.object({
  status: z.literal("verified"),
  provider: z.string(),
  sessionId: z.string(),
  verifiedAt: z.iso.datetime(),
});

export const receivedReply = z.object({ received: z.literal(true) });

export const providerParams = z.strictObject({
  provider: z.string().regex(/^[a-z]{1,32}$/, "is no provider's name"),
});

export const sandboxParams = z.strictObject({
  sessionId: z.string().regex(/^sbx_[A-Za-z0-9_-]{43}$/, "is no sandbox session"),
});
