import { z } from "zod";
import { anyPassword, emailAddress } from "../../http/loginFields";

/** Names of devices: long enough for people, short enough for a list. */
const MAX_DEVICE_NAME_LENGTH = 100;

const challengeId = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "is no UUID in lower case")
  .meta({ examples: ["55555555-5555-4555-8555-555555555555"] });

function base64url(bytes: number, example: string) {
  const length = Math.ceil((bytes * 4) / 3);
  return z
    .string()
    .regex(new RegExp(`^[A-Za-z0-9_-]{${length}}$`), `is not the base64url of ${bytes} bytes`)
    .transform((text) => Buffer.from(text, "base64url"))
    .meta({ pattern: `^[A-Za-z0-9_-]{${length}}$`, examples: [example] });
}

export const sendCodeBody = z.strictObject({ email: emailAddress });
export const sendCodeReply = z.strictObject({ challenge_id: challengeId });

export const confirmCodeBody = z
  .strictObject({
    challenge_id: challengeId,
    code: z
      .string()
      .regex(/^\d{6}$/, "is not six digits")
      .meta({ examples: ["123456"] }),
    public_key: base64url(32, "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w").meta({
      description: "The device's raw Ed25519 public key (RFC 8032)",
    }),
    proof: base64url(64, "4yLQmQHWuzVdfsH3AOXy7b0j_7Cc5bPb6NeGZ3VQH_mTb9uVO3n_zys8LP_GJDoyjgwQoO-RvyRrNCnfqvq3Aw").meta(
      { description: "The device's signature of the possession bytes of challenge_id and public_key" },
    ),
    device_name: z
      .string()
      .transform((text) => text.trim().normalize("NFC"))
      .pipe(
        z
          .string()
          .min(1, "is empty: give what the owner calls the device")
          .max(MAX_DEVICE_NAME_LENGTH, `is too long: use at most ${MAX_DEVICE_NAME_LENGTH} characters`)
          .regex(/^[^\p{Control}\p{Surrogate}]*$/u, "holds control characters: remove them"),
      )
      .meta({ minLength: 1, maxLength: MAX_DEVICE_NAME_LENGTH, examples: ["Alice's phone"] }),
    password: anyPassword
      .optional()
      .meta({ description: "Where nobody ever confirmed the account's address: its password" }),
    reset: z.boolean().default(false).meta({
      description:
        "Where nobody ever confirmed the account's address and its password is not known: ends its password, all its sessions and the links of its wallets",
    }),
  })
  .refine(({ password, reset }) => password === undefined || !reset, {
    path: ["reset"],
    message: "cannot be asked for together with a password",
  });
export const confirmCodeReply = z.strictObject({ device_session_id: challengeId });
