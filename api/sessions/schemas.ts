import { z } from "zod";
import { anyPassword, emailAddress, normalizePassword } from "../http/loginFields";
import { hasLoneSurrogate, PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH, passwordLength } from "./users/passwordPolicy";

const NAME_MAX_LENGTH = 200;

const newPassword = z
  .string()
  .transform(normalizePassword)
  .pipe(
    z
      .string()
      .refine(
        (text) => passwordLength(text) >= PASSWORD_MIN_LENGTH,
        `is too short: use at least ${PASSWORD_MIN_LENGTH} characters`,
      )
      .refine(
        (text) => passwordLength(text) <= PASSWORD_MAX_LENGTH,
        `is too long: use at most ${PASSWORD_MAX_LENGTH} characters`,
      )
      .refine((text) => !hasLoneSurrogate(text), "holds half a character: enter it anew"),
  )
  .meta({
    minLength: PASSWORD_MIN_LENGTH,
    maxLength: PASSWORD_MAX_LENGTH,
    format: "password",
    description: "Any characters. Common passwords, repetitions, sequences, and name or e-mail address are refused.",
  });

/** What a user is called. */
export const userName = z
  .string()
  .transform((text) => text.trim().normalize("NFC"))
  .pipe(
    z
      .string()
      .min(1, "is empty: give the name you go by")
      .max(NAME_MAX_LENGTH, `is too long: use at most ${NAME_MAX_LENGTH} characters`)
      .regex(/^[^\p{Control}\p{Surrogate}]*$/u, "holds control characters: remove them"),
  )
  .meta({ minLength: 1, maxLength: NAME_MAX_LENGTH, examples: ["Alice Smith"] });

const cookie = z.boolean().default(false).meta({
  description: "For browsers: hold the token in an HttpOnly cookie and answer with a csrfToken instead of sessionId.",
});

export const registerBody = z.strictObject({ email: emailAddress, password: newPassword, name: userName, cookie });
export const loginBody = z.strictObject({ email: emailAddress, password: anyPassword, cookie });
export const passwordBody = z.strictObject({ currentPassword: anyPassword, newPassword });
export const sessionParams = z.strictObject({
  id: z.uuid().meta({ description: "`id` of an entry of GET /auth/sessions" }),
});

const moment = z.iso.datetime();
const token = z
  .string()
  .optional()
  .meta({ description: "The session token, to be sent as `Authorization: Bearer`; absent when a cookie holds it." });
const csrfToken = z.string().optional().meta({
  description: "To be sent as X-CSRF-Token with every request that changes state; present with a cookie only.",
});
const wallet = z.strictObject({ walletAddress: z.string(), did: z.string() });

export const openedReply = z.strictObject({ userId: z.uuid(), sessionId: token, csrfToken, expiresAt: moment });

export const loginReply = openedReply.extend({
  walletAddress: z.string().nullable().meta({ description: "The first linked wallet; null before one is linked." }),
  did: z.string().nullable(),
  wallets: z.array(wallet),
});

const opener = wallet.nullable().meta({
  description:
    "The wallet that opened the session, and the DID as whose holder; null for e-mail and password, and for devices",
});

export const sessionReplyBody = z.strictObject({
  userId: z.uuid(),
  email: z.string(),
  emailVerifiedAt: moment
    .nullable()
    .meta({ description: "When somebody proved to read the mail of the address; null where nobody did." }),
  name: z.string(),
  id: z.uuid().meta({ description: "Names the session in the device list; not a secret." }),
  device: z.string(),
  wallet: opener,
  createdAt: moment,
  lastActivityAt: moment,
  expiresAt: moment.meta({ description: "When the session ends if nothing more is asked." }),
  csrfToken,
});

export const deviceListReply = z.strictObject({
  sessions: z.array(
    z.strictObject({
      id: z.uuid(),
      kind: z.enum(["browser", "device"]).meta({
        description:
          "`browser`: whoever has the token uses it; `device`: registered with a key that signs every command.",
      }),
      device: z.string().meta({ examples: ["Firefox on Linux"], description: "A device's own name, where it has one" }),
      wallet: opener,
      createdAt: moment,
      lastActivityAt: moment,
      expiresAt: moment,
      current: z.boolean(),
    }),
  ),
});

export const revokedReply = z.strictObject({ revoked: z.int().meta({ description: "How many sessions ended." }) });
