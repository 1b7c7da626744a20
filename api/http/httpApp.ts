import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { DomainError } from "../../core/errors";
import type { Endpoint } from "./endpoint";
import { plainProblem, problemOf, sendProblem } from "./problem";
import { mountEndpoints, type RouterDeps } from "./router";
import { type FinishedRequest, trackOf, trackRequests } from "./tracking";

export interface HttpAppDeps extends RouterDeps {
  /** How many proxies in front are trusted to name the caller's address. */
  trustProxy: number;
  onFinished(request: FinishedRequest): void;
  /** Asked of every request before anything else of it is looked at; an error that it throws is the answer. */
  authenticate?: RequestHandler;
}

/**
 * Builds the Express application around endpoints: request ids, security headers, routing, and one place in which
 * errors become problem details (RFC 9457).
 */
export function createHttpApp(endpoints: Endpoint[], deps: HttpAppDeps): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // Express would answer any request with `If-None-Match: *` with 304; operations that have tags compare them themselves.
  Object.defineProperty(app.request, "fresh", { get: () => false });
  app.set("trust proxy", deps.trustProxy);
  app.set("query parser", "simple");
  app.use(trackRequests(deps.logger, deps.onFinished));
  app.use(securityHeaders(deps.publicUrl));
  if (deps.authenticate !== undefined) app.use(deps.authenticate);
  app.use(mountEndpoints(endpoints, deps));
  app.use(notFound(deps.publicUrl));
  app.use(answerErrors(deps.publicUrl));
  return app;
}

/** Answers are data, not pages: nothing in them may run, be framed or be cached. Pages override what they need. */
function securityHeaders(publicUrl: string): RequestHandler {
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        "default-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
      },
    },
    crossOriginResourcePolicy: { policy: "same-origin" },
    // Only where the API really is behind TLS; a developer's localhost must not be pinned to https.
    strictTransportSecurity: publicUrl.startsWith("https:") ? { maxAge: 31_536_000, includeSubDomains: false } : false,
  });
  return (request, response, next) => {
    response.set("cache-control", "no-store");
    setHeaders(request, response, next);
  };
}

function notFound(publicUrl: string): RequestHandler {
  return (_request, response) => {
    const { requestId } = trackOf(response);
    const detail = `There is nothing at this path; ${publicUrl}/docs lists what there is.`;
    sendProblem(response, plainProblem(404, "request.unknown_path", detail, { requestId, publicUrl }));
  };
}

function answerErrors(publicUrl: string): ErrorRequestHandler {
  return (thrown: unknown, _request, response, next) => {
    const track = trackOf(response);
    const error = isUndecodable(thrown)
      ? new DomainError("request.malformed", "invalid", "The path holds a percent-encoding that cannot be decoded.")
      : thrown;
    const { problem, headers, unforeseen } = problemOf(error, { requestId: track.requestId, publicUrl });
    track.reject(problem.code);
    if (unforeseen || problem.status === 503) track.fail(error);
    if (response.headersSent) {
      // Too late for another answer: Express cuts the connection, so that the caller does not take half for whole.
      next(thrown);
      return;
    }
    for (const [name, value] of Object.entries(headers)) response.set(name, value);
    sendProblem(response, problem);
  };
}

/** Express's router reports a path it cannot decode as a URIError with status 400. */
function isUndecodable(thrown: unknown): boolean {
  return thrown instanceof URIError && (thrown as { status?: unknown }).status === 400;
}
