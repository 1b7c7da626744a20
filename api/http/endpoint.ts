import type { z } from "zod";
import type { RateLimitPolicy } from "../../core/budgets";
import type { ApiKeyKind } from "../../core/keys/apiKeys";
import type { ErrorKind } from "../../core/errors";
import type { Logger } from "../../core/logger";

/** What every handler knows of the request beside its parsed input. */
export interface RequestContext {
  requestId: string;
  logger: Logger;
  /** Address of the caller, as the trusted proxies name it. */
  ip: string;
  userAgent: string | undefined;
  /** The request's header, lower-case name; for what no schema describes (conditional requests, content negotiation). */
  header(name: string): string | undefined;
  /** Aborts when the caller has gone away. */
  signal: AbortSignal;
}

/** Who a request with a session speaks for. */
export interface SessionCaller {
  userId: string;
  /** Identifies the session without revealing its token. */
  sessionId: string;
  /** How the token came: a cookie is sent by the browser by itself, a bearer token by the caller's own decision. */
  via: "bearer" | "cookie";
}

/** Who a command speaks for: a registered device of a user, which signed it. */
export interface CommandCaller extends SessionCaller {
  /** Names the command within the device's session; a retry has the same. */
  commandId: string;
}

/** Who a request with an API key speaks for. */
export interface ApiKeyCaller {
  /** The issuer, verifier or administrator. */
  accountId: string;
  /** Identifies the key without revealing it. */
  keyId: string;
}

/**
 * How a caller proves who it is: not at all, by a session, by an API key of the kind named, or, on the internal port, by
 * the word of the gateway that a device of the user signed the command.
 */
export type Authentication = "none" | "session" | "command" | ApiKeyKind;

/** Where an operation is served: to everybody, or to gateways alone, which bring a service token. */
export type EndpointPort = "public" | "internal";

/** A body that is handed over byte for byte, for what is signed or is no JSON. */
export interface RawBodyDefinition {
  limitBytes: number;
  /** As the description shows it; any media type is taken. */
  mediaType?: string;
}

/** What a handler answers with. A body that is a string or bytes is sent as it is; anything else as JSON. */
export interface Reply {
  status: number;
  body?: unknown;
  headers?: Record<string, string | string[]>;
}

/** A reply as the OpenAPI description shows it. */
export interface ReplyDescription {
  description: string;
  schema?: z.ZodType;
  /** `application/json` when absent. */
  mediaType?: string;
}

/** A rejection a caller should be ready for: its stable code, and what it means to the caller. */
export interface RejectionDescription {
  code: string;
  kind: ErrorKind;
  meaning: string;
}

/** An endpoint's own budget: counted for each address, or for each user (or API key's account) where one is required. */
export interface EndpointLimit extends RateLimitPolicy {
  by: "address" | "user";
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;
type ReceivedBody<Body, Raw> = Raw extends RawBodyDefinition ? Buffer : Parsed<Body>;
type Caller<Auth extends Authentication> = Auth extends "session"
  ? SessionCaller
  : Auth extends "command"
    ? CommandCaller
    : Auth extends ApiKeyKind
      ? ApiKeyCaller
      : undefined;

/** One operation of the API: how its input is parsed, who may call it, what it does and how it is described. */
export interface EndpointDefinition<
  Params extends z.ZodType | undefined,
  Query extends z.ZodType | undefined,
  Body extends z.ZodType | undefined,
  Auth extends Authentication,
  Raw extends RawBodyDefinition | undefined = undefined,
> {
  method: "get" | "post" | "put" | "patch" | "delete";
  /** `public` when absent. */
  port?: EndpointPort;
  /** The public operation that a command does, such as `POST /auth/wallet/link`: a policy for one is for both. */
  does?: string;
  /** Express path, for instance `/auth/sessions/:id`. */
  path: string;
  /** Groups operations in the documentation: the slice's name for people. */
  tag: string;
  summary: string;
  description?: string;
  auth: Auth;
  /** Schemas of the input. Objects are strict (`z.strictObject`): unknown fields are rejected. */
  params?: Params;
  query?: Query;
  body?: Body;
  /** Instead of `body`: the handler gets the exact bytes, none when there are none. */
  rawBody?: Raw;
  /** Rejected with 429 `request.too_many` beyond this; the answer carries the `RateLimit` headers. */
  limit?: EndpointLimit | undefined;
  /** Whether a request waits for an event: such requests are counted, and rejected with 429 beyond their number. */
  waits?(input: { query: Parsed<Query> }): boolean;
  /** Whether pages of every origin may read it; else those of the configured origins alone. For public data only. */
  forEveryOrigin?: boolean;
  /** Asked by machines every few seconds: its requests are logged at debug level only. */
  quiet?: boolean;
  replies: Record<number, ReplyDescription>;
  rejections?: RejectionDescription[];
  /**
   * For a GET that changes something: what HEAD is answered with instead, for it must not (RFC 9110 §9.2.1). Without
   * it HEAD does what GET does, and the body stays behind.
   */
  headReply?: Reply;
  /**
   * For endpoints whose protocol or page has error answers of its own: the answer to an error, instead of problem
   * details. Undefined leaves the error to those.
   */
  errorReply?(error: unknown, context: RequestContext): Reply | undefined;
  handle(
    input: { params: Parsed<Params>; query: Parsed<Query>; body: ReceivedBody<Body, Raw>; caller: Caller<Auth> },
    context: RequestContext,
  ): Promise<Reply>;
}

/** An endpoint of any input, as the router and the OpenAPI generator see it. */
export type Endpoint = Omit<
  EndpointDefinition<z.ZodType, z.ZodType, z.ZodType, Authentication, RawBodyDefinition>,
  "handle" | "waits"
> & {
  waits?(input: { query: unknown }): boolean;
  handle(
    input: {
      params: unknown;
      query: unknown;
      body: unknown;
      caller: SessionCaller | CommandCaller | ApiKeyCaller | undefined;
    },
    context: RequestContext,
  ): Promise<Reply>;
};

/**
 * Declares an endpoint; its handler's input is typed by the schemas. The same declaration drives parsing and the
 * OpenAPI document, so that the two cannot drift apart.
 */
export function defineEndpoint<
  Params extends z.ZodType | undefined = undefined,
  Query extends z.ZodType | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  Auth extends Authentication = "none",
  Raw extends RawBodyDefinition | undefined = undefined,
>(definition: EndpointDefinition<Params, Query, Body, Auth, Raw>): Endpoint {
  // The router parses with these very schemas before it calls the handler, so the erased types hold.
  return definition as unknown as Endpoint;
}
