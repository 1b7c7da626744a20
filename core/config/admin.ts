import { z } from "zod";
import { configPart } from "./part";

/** The admin's API key of a developer's machine; production has no default. */
export const DEVELOPMENT_ADMIN_API_KEY = "CAIRN-ADM-development-only";
const DEVELOPMENT_ADMIN_EMAIL = "admin@cairn.example";

export const adminPart = configPart({
  environment: {
    ADMIN_API_KEY: z
      .string()
      .regex(/^CAIRN-ADM-[A-Za-z0-9_-]{16,}$/, "must be CAIRN-ADM- and at least 16 letters, digits, _ or -")
      .optional(),
    ADMIN_EMAIL: z.email("must be an e-mail address").optional(),
  },
  secrets: [{ variable: "ADMIN_API_KEY", prefix: "CAIRN-ADM-" }],
  shape({ ADMIN_API_KEY, ADMIN_EMAIL }, { production }): AdminConfig {
    const adminApiKey = ADMIN_API_KEY ?? (production ? undefined : DEVELOPMENT_ADMIN_API_KEY);
    const adminEmail = ADMIN_EMAIL ?? (production ? undefined : DEVELOPMENT_ADMIN_EMAIL);
    return { ...(adminApiKey !== undefined && { adminApiKey }), ...(adminEmail !== undefined && { adminEmail }) };
  },
});

interface AdminConfig {
  /** Without one nobody is admin. */
  adminApiKey?: string;
  /** Receives mail about possible fraud. */
  adminEmail?: string;
}
