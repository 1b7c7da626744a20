import { invalid } from "../rejection";
import type { Json } from "../../../core/json";

/**
 * The time of a NumericDate claim (RFC 7519 §2), seconds since the epoch; null when it is absent.
 *
 * @throws PresentationRejection `credential_malformed`
 */
export function dateOf(seconds: Json | undefined, name: string): Date | null {
  if (seconds === undefined) return null;
  return requireDate(typeof seconds === "number" ? seconds * 1000 : Number.NaN, name);
}

/**
 * The time of a text such as `2026-01-01T00:00:00Z` (VCDM 2.0 §4.9); null when it is absent.
 *
 * @throws PresentationRejection `credential_malformed`
 */
export function timeOf(text: Json | undefined, name: string): Date | null {
  if (text === undefined) return null;
  return requireDate(typeof text === "string" ? text : Number.NaN, name);
}

/** The earlier of two times; null is none. */
export function earlier(a: Date | null, b: Date | null): Date | null {
  return a === null || (b !== null && b < a) ? b : a;
}

/** The later of two times; null is none. */
export function later(a: Date | null, b: Date | null): Date | null {
  return a === null || (b !== null && b > a) ? b : a;
}

function requireDate(time: number | string, name: string): Date {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) throw invalid("credential_malformed", `${name} is no time.`);
  return date;
}
