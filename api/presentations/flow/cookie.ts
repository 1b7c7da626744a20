import { readCookie } from "../../../core/sessionCookie";
import { secretCookie } from "../../http/cookies";
import type { RequestContext } from "../../http/endpoint";
import { BROWSER_SECRET_PREFIX } from "./actions";

const COOKIE = "__Host-cairn-presentation";
const SECRET = new RegExp(`^${BROWSER_SECRET_PREFIX}[A-Za-z0-9_-]{43}$`);

/** The browser's secret; undefined when the request carries none. */
export function readBrowserSecret(context: Pick<RequestContext, "header">): string | undefined {
  const value = readCookie(context.header("cookie"), COOKIE);
  return value !== undefined && SECRET.test(value) ? value : undefined;
}

/** The `Set-Cookie` header that gives the browser its secret. */
export function browserSecretCookie(browserSecret: string): { "set-cookie": string } {
  return { "set-cookie": secretCookie(COOKIE, browserSecret) };
}
