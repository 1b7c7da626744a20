import { z } from "zod";

/**
 * What the bodies must look like before they are passed on. The API reads them again and whole; what is not named here
 * is for it alone.
 */

export const sendEmailCodeBody = z.looseObject({
  email: z.string().trim().max(254).pipe(z.email("is not an e-mail address: give one such as alice@example.org")),
});

export const confirmEmailCodeBody = z.looseObject({
  challenge_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "is no UUID in lower case"),
  code: z.string().regex(/^\d{6}$/, "is not six digits"),
  public_key: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "is not the base64url of 32 bytes"),
  proof: z.string().regex(/^[A-Za-z0-9_-]{86}$/, "is not the base64url of 64 bytes"),
});
