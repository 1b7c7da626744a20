import type { NextFunction, Request, RequestHandler, Response } from "express";
import { monotonicMs } from "../../core/clock";
import { randomId } from "../../core/crypto";
import type { Logger } from "../../core/logger";
import type { Endpoint } from "./endpoint";

/** What is known of a request while it is served. */
export interface Track {
  requestId: string;
  /** Records which endpoint serves the request; its path is what logs and metrics show, never the caller's URL. */
  enter(endpoint: Endpoint): void;
  /** Records an error nobody foresaw, for the request's log line. */
  fail(error: unknown): void;
  /** Records the stable code of the rejection. */
  reject(code: string): void;
}

/** A request that was answered. */
export interface FinishedRequest {
  method: string;
  /** Path as declared, such as `/auth/sessions/:id`; `none` where no endpoint matched. */
  route: string;
  status: number;
  seconds: number;
}

const REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/;

/**
 * Gives every request an id (the caller's `x-request-id` when it is well formed, else a fresh one), sends it back, and
 * writes one log line when the request ends: method, path as declared, status, duration and rejection. Addresses, query
 * strings, headers and bodies stay out, for they hold secrets or personal data.
 */
export function trackRequests(logger: Logger, onFinished: (request: FinishedRequest) => void): RequestHandler {
  return (request: Request, response: Response, next: NextFunction) => {
    const startedMs = monotonicMs();
    const given = request.get("x-request-id");
    const requestId = given !== undefined && REQUEST_ID.test(given) ? given : randomId();
    let endpoint: Endpoint | undefined;
    let failure: unknown;
    let code: string | undefined;
    const track: Track = {
      requestId,
      enter: (entered) => (endpoint = entered),
      fail: (error) => (failure = error),
      reject: (rejected) => (code = rejected),
    };
    response.locals["track"] = track;
    response.set("x-request-id", requestId);
    response.on("close", () => {
      const seconds = (monotonicMs() - startedMs) / 1000;
      const route = endpoint?.path ?? "none";
      // 499 is nobody's standard, but what proxies log when the caller left before the answer.
      const status = response.writableFinished ? response.statusCode : 499;
      onFinished({ method: request.method, route, status, seconds });
      const line = { requestId, method: request.method, route, status, ms: Math.round(seconds * 1000), code };
      if (failure !== undefined) logger.error({ ...line, err: failure }, "request failed");
      else if (endpoint?.quiet === true) logger.debug(line, "request");
      else logger.info(line, "request");
    });
    next();
  };
}

/** The track of the request a response belongs to. */
export function trackOf(response: Response): Track {
  return response.locals["track"] as Track;
}
