import { z } from "zod";
import type { BootProblem } from "../errors";
import type { Given } from "./part";

/** Forms of variables that several parts of the configuration use. */

export const seconds = z.coerce.number().int().positive();

/** 0 takes any free port. */
export const port = z.coerce.number().int().min(0).max(65_535);

export const address = z.string().regex(/^0x[0-9a-fA-F]{40}$/, "must be 0x and 40 hexadecimal digits");

/** A private key of secp256k1. */
export const privateKey = z.string().regex(/^0x[0-9a-fA-F]{64}$/, "must be 0x and 64 hexadecimal digits");

export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

/** The protocol of a URL with its colon, in lower case however it is spelt; undefined when it is no URL. */
export function protocolOf(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) ? new URL(text).protocol : undefined;
}

/** Whether a host name or address is of this machine alone. */
export function isLoopback(host: string): boolean {
  return /^((.+\.)?localhost\.?|127(\.\d{1,3}){3}|\[?::1\]?|\[?::ffff:(127(\.\d{1,3}){3}|7f..:.{1,4})\]?)$/i.test(host);
}

/** Whether a URL names no machine that others could reach: one on loopback, or "this host" whichever that is. */
export function isLocalUrl(text: string): boolean {
  const { hostname } = new URL(text);
  return isLoopback(hostname) || hostname === "0.0.0.0" || hostname === "[::]";
}

/** A URL that names several hosts, as MongoDB's may, with the first of them alone: only so is it a URL by RFC 3986. */
function withFirstHost(text: string): string {
  return text.replace(/^([a-z+]+:\/\/(?:[^/@]*@)?[^/,?@]*),[^/?]*/i, "$1");
}

/** A URL with one of these protocols, given with their colon, such as `https:`. */
export function urlWith(...protocols: string[]) {
  return z.string().refine((text) => protocols.includes(protocolOf(withFirstHost(text)) ?? ""), {
    message: `must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
  });
}

/** Fewest characters of a database's password in production. */
const MIN_PASSWORD_LENGTH = 8;

/**
 * Problems of a database's URL without a password or with a poor one. Whoever reaches a database without a password owns
 * it, so that its absence has to be said twice: by the URL and by a variable of its own.
 *
 * @param options.permission the variable that says it the second time, by `true`
 * @param options.isAuthenticated whether something else in the URL stands in a password's place
 */
export function authenticationProblems(
  given: Given,
  options: { url: string; permission: string; form: string; isAuthenticated?: (url: URL) => boolean },
): BootProblem[] {
  const { url: subject, permission, form, isAuthenticated = () => false } = options;
  const text = given[subject];
  const single = text === undefined ? undefined : withFirstHost(text);
  if (single === undefined || !URL.canParse(single)) return [];
  const url = new URL(single);
  if (url.password === "") {
    if (given[permission] === "true" || isAuthenticated(url)) return [];
    const fix = `give ${form}, or say ${permission}=true where nobody but Cairn can reach that server`;
    return [{ subject, problem: "has no password", fix }];
  }
  if (url.password.length >= MIN_PASSWORD_LENGTH && url.password !== "password") return [];
  const problem = `has a password that can be guessed or is shorter than ${MIN_PASSWORD_LENGTH} characters`;
  return [{ subject, problem, fix: "give that server a password drawn at random" }];
}
