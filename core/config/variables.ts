import { z } from "zod";

/** Forms of variables that several parts of the configuration use. */

export const seconds = z.coerce.number().int().positive();

/** 0 takes any free port. */
export const port = z.coerce.number().int().min(0).max(65_535);

export const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x and 40 hexadecimal digits");

/** A private key of secp256k1. */
export const privateKey = z.string().regex(/^0x[0-9a-fA-F]{64}$/, "must be 0x and 64 hexadecimal digits");

export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** A URL with one of these protocols, given with their colon, such as `https:`. */
export function urlWith(...protocols: string[]) {
  return z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  });
}
