import { type Request, type RequestHandler, type Response, Router } from "express";
import { addressKey, createAddressBudget } from "../../core/addressBudget";
import {
  type BudgetState,
  type CreateBudget,
  type RateLimitPolicy,
  rateLimitHeaders,
  tooManyRequests,
} from "../../core/budgets";
import { DomainError } from "../../core/errors";
import type { Logger } from "../../core/logger";
import { authenticateSession, type SessionReader } from "./authenticate";
import { type ApiKeyReader, authenticateApiKey, limitWrongKeys } from "./apiKeys";
import { type BodyReader, jsonBodyReader, rawBodyReader } from "./body";
import type { ApiKeyCaller, CommandCaller, Endpoint, Reply, RequestContext, SessionCaller } from "./endpoint";
import { type AllowCrossOrigin, createCrossOrigin } from "./crossOrigin";
import { createGuessLimit, type GuessLimit, unlimitedGuesses } from "./guessLimit";
import { isStrict, parseInput } from "./parse";
import { plainProblem, sendProblem } from "./problem";
import { createPollSlots, type PollSlots } from "./pollSlots";
import { declaredCodes } from "./rejections";
import { authenticateCommand, clientAddressOf, type DeviceAuthenticator } from "./serviceAuthentication";
import { trackOf } from "./tracking";
import { asUnavailable } from "./unavailable";

/** What the router needs from the process around it. */
export interface RouterDeps {
  readSession: SessionReader;
  /** Needed where endpoints ask for API keys. */
  readApiKey?: ApiKeyReader;
  /** Needed where endpoints are commands. */
  authenticateDevice?: DeviceAuthenticator;
  /** Whether an address may bring so many wrong API keys only; true unless said. */
  limitWrongKeys?: boolean;
  createBudget: CreateBudget;
  bodyLimitBytes: number;
  /** Origins whose pages may call every operation, as browsers send them. */
  corsOrigins?: readonly string[];
  /** Requests that may wait for an event at once; a quarter of them for one address or account. */
  maxPolls?: number;
  /** Origin under which people reach the API, without a trailing slash. */
  publicUrl: string;
  logger: Logger;
  /**
   * Called when an endpoint answers what its declaration does not foresee, so that tests can insist that the OpenAPI
   * document is the truth. Replies are compared with their schemas only when this is given.
   */
  onUndeclared?: ((what: string) => void) | undefined;
}

/**
 * Mounts endpoints: each request is limited, parsed, authenticated, handled and answered. A path that exists answers
 * other methods with 405 and `Allow` (RFC 9110 §15.5.6), OPTIONS with 204.
 *
 * @throws Error at once, when two endpoints share method and path or a schema would let unknown fields pass
 */
export function mountEndpoints(endpoints: Endpoint[], deps: RouterDeps): RequestHandler[] {
  const router = Router({ caseSensitive: true, strict: true });
  const shared = {
    readJson: jsonBodyReader(deps.bodyLimitBytes),
    polls: pollSlotsOf(deps),
    limitGuesses: deps.limitWrongKeys === false ? unlimitedGuesses : createGuessLimit(deps.createBudget),
  };
  const crossOrigin = createCrossOrigin(deps.corsOrigins ?? []);
  const methodsOfPath = new Map<string, Map<string, AllowCrossOrigin>>();
  const exact = new Map<string, Serve>();

  for (const endpoint of endpoints) {
    const allow = crossOrigin(endpoint);
    validateEndpoint(endpoint);
    addMethod(methodsOfPath, endpoint, allow);
    const serve = serveEndpoint(endpoint, shared, { ...deps, allow });
    router[endpoint.method](endpoint.path, serve);
    if (!/[:*{}]/.test(endpoint.path)) exact.set(`${endpoint.method.toUpperCase()} ${endpoint.path}`, serve);
  }
  for (const [path, methods] of methodsOfPath) {
    const { errorReply } = endpoints.find((endpoint) => endpoint.path === path && endpoint.errorReply) ?? {};
    router.all(path, rejectOtherMethods(methods, errorReply, deps));
  }
  // Most paths have no parameters: they are found in a map, where the router would try one pattern after another.
  const serveExactPath: RequestHandler = (request, response, next) => {
    const serve = exact.get(`${request.method === "HEAD" ? "GET" : request.method} ${request.path}`);
    if (serve === undefined) next();
    else serve(request, response).catch(next);
  };
  return [serveExactPath, router];
}

const DEFAULT_MAX_POLLS = 400;

function pollSlotsOf({ maxPolls: total = DEFAULT_MAX_POLLS }: RouterDeps): PollSlots {
  const share = Math.max(1, Math.floor(total / 4));
  return createPollSlots({ total, perAddress: share, perPrincipal: share });
}

/** What all endpoints share. */
interface Shared {
  readJson: BodyReader;
  polls: PollSlots;
  limitGuesses: GuessLimit;
}

type Serve = (request: Request, response: Response) => Promise<void>;

/** Serves one endpoint, in the order: budget by address, body, parsing, caller, budget by account, handler. */
function serveEndpoint(
  endpoint: Endpoint,
  { readJson, polls, limitGuesses }: Shared,
  deps: RouterDeps & { allow: AllowCrossOrigin },
): Serve {
  const readBody = bodyReaderOf(endpoint, readJson);
  const readCaller = callerReaderOf(endpoint, { ...deps, limitGuesses });
  const { limit } = endpoint;
  const addressBudget = limit?.by === "address" ? createAddressBudget(deps.createBudget, limit) : undefined;
  const accountBudget = limit?.by === "user" ? deps.createBudget(limit) : undefined;

  async function handle(input: Parameters<Endpoint["handle"]>[0], context: RequestContext): Promise<Reply> {
    if (endpoint.waits?.(input) !== true) return endpoint.handle(input, context);
    const principal = input.caller === undefined ? undefined : accountOf(input.caller);
    const giveBack = polls.take({ address: addressKey(context.ip), principal });
    try {
      return await endpoint.handle(input, context);
    } finally {
      giveBack();
    }
  }

  async function answer(request: Request, response: Response, context: RequestContext): Promise<Reply> {
    if (addressBudget !== undefined) spend(await addressBudget.take(context.ip), response);
    const body = await readBody(request, response);
    const input = parseInput(endpoint, { params: request.params, query: request.query, body });
    const caller = await readCaller(request, response);
    if (accountBudget !== undefined && caller !== undefined) {
      spend({ policy: accountBudget.policy, state: await accountBudget.take(accountOf(caller)) }, response);
    }
    if (request.method === "HEAD" && endpoint.headReply !== undefined) return endpoint.headReply;
    const reply = await handle({ ...input, caller }, context);
    if (deps.onUndeclared) compareWithDeclaration(endpoint, reply, deps.onUndeclared);
    return reply;
  }

  return async (request, response) => {
    trackOf(response).enter(endpoint);
    deps.allow(request, response);
    const context = contextOf(request, response, deps.logger);
    try {
      send(response, await answer(request, response, context));
    } catch (error) {
      send(response, errorReplyOf(endpoint, error, { response, context, onUndeclared: deps.onUndeclared }));
    }
  };
}

/** @throws the error again where the endpoint has no error answers of its own: it becomes problem details */
function errorReplyOf(
  endpoint: Endpoint,
  error: unknown,
  on: { response: Response; context: RequestContext; onUndeclared: RouterDeps["onUndeclared"] },
): Reply {
  if (error instanceof DomainError && !declaredCodes(endpoint).has(error.code)) {
    on.onUndeclared?.(`${describe(endpoint)} rejects with ${error.code}`);
  }
  const reply = endpoint.errorReply?.(asUnavailable(error) ?? error, on.context);
  if (reply === undefined) throw error;
  if (error instanceof DomainError) trackOf(on.response).reject(error.code);
  if (reply.status >= 500) trackOf(on.response).fail(error);
  return reply;
}

function addMethod(
  methodsOfPath: Map<string, Map<string, AllowCrossOrigin>>,
  endpoint: Endpoint,
  allow: AllowCrossOrigin,
): void {
  const methods = methodsOfPath.get(endpoint.path) ?? new Map<string, AllowCrossOrigin>();
  if (methods.has(endpoint.method)) throw new Error(`${describe(endpoint)} is declared twice.`);
  methodsOfPath.set(endpoint.path, methods.set(endpoint.method, allow));
}

function validateEndpoint(endpoint: Endpoint): void {
  if (endpoint.auth === "command" && endpoint.port !== "internal") {
    throw new Error(`${describe(endpoint)} is a command, which the internal port alone may serve.`);
  }
  if (endpoint.forEveryOrigin === true && endpoint.auth !== "none") {
    throw new Error(`${describe(endpoint)} is for every origin and yet asks who calls.`);
  }
  if (endpoint.body !== undefined && endpoint.rawBody !== undefined) {
    throw new Error(`${describe(endpoint)} declares both a body and a raw body.`);
  }
  for (const name of ["params", "query", "body"] as const) {
    const schema = endpoint[name];
    if (schema === undefined || isStrict(schema)) continue;
    throw new Error(`${describe(endpoint)}: its ${name} schema lets unknown fields pass; make it z.strictObject.`);
  }
}

function contextOf(request: Request, response: Response, logger: Logger): RequestContext {
  const { requestId } = trackOf(response);
  // Both made when first needed: most requests log nothing of their own and wait for nothing.
  let child: Logger | undefined;
  let left: AbortSignal | undefined;
  return {
    requestId,
    get logger() {
      return (child ??= logger.child({ requestId }));
    },
    ip: clientAddressOf(response) ?? request.ip ?? "",
    userAgent: request.get("user-agent"),
    header: (name) => request.get(name),
    get signal() {
      return (left ??= signalOfLeaving(response));
    },
  };
}

/** Aborts when the caller leaves before the answer is sent. */
function signalOfLeaving(response: Response): AbortSignal {
  const left = new AbortController();
  const leave = () => {
    if (!response.writableFinished) left.abort(new Error("The caller has gone away."));
  };
  if (response.closed) leave();
  else response.on("close", leave);
  return left.signal;
}

function bodyReaderOf({ body, rawBody }: Endpoint, readJson: BodyReader): BodyReader {
  if (rawBody !== undefined) return rawBodyReader(rawBody.limitBytes);
  return body === undefined ? () => Promise.resolve(undefined) : readJson;
}

type AnyCaller = SessionCaller | CommandCaller | ApiKeyCaller;

function callerReaderOf(
  endpoint: Endpoint,
  deps: RouterDeps & Pick<Shared, "limitGuesses">,
): (request: Request, response: Response) => Promise<AnyCaller | undefined> {
  const { auth } = endpoint;
  const credentials = (request: Request) => ({ method: request.method, header: (name: string) => request.get(name) });
  if (auth === "none") return () => Promise.resolve(undefined);
  if (auth === "session") return (request) => authenticateSession(deps.readSession, credentials(request));
  const { readApiKey, authenticateDevice, limitGuesses } = deps;
  if (auth === "command") {
    if (authenticateDevice === undefined) throw new Error(`${describe(endpoint)} is a command, but no device is read.`);
    return (_request, response) => authenticateCommand(authenticateDevice, response);
  }
  if (readApiKey === undefined) throw new Error(`${describe(endpoint)} needs API keys, but nothing here reads them.`);
  return (request) =>
    authenticateApiKey(limitWrongKeys(readApiKey, limitGuesses, request.ip ?? ""), auth, credentials(request));
}

function accountOf(caller: AnyCaller): string {
  return "userId" in caller ? caller.userId : caller.accountId;
}

/** @throws DomainError `request.too_many` */
function spend({ policy, state }: { policy: RateLimitPolicy; state: BudgetState }, response: Response): void {
  response.set(rateLimitHeaders(policy, state));
  if (!state.allowed) throw tooManyRequests(policy, state);
}

function send(response: Response, reply: Reply): void {
  response.status(reply.status);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.set(name, value);
  if (reply.body === undefined) response.end();
  else if (typeof reply.body === "string") response.send(reply.body);
  else if (reply.body instanceof Uint8Array) response.send(Buffer.from(reply.body));
  else response.json(reply.body);
}

function compareWithDeclaration(endpoint: Endpoint, reply: Reply, report: (what: string) => void): void {
  const description = endpoint.replies[reply.status];
  if (description === undefined) {
    report(`${describe(endpoint)} answers ${reply.status}`);
    return;
  }
  if (description.schema === undefined) return;
  const result = description.schema.safeParse(sentBody(reply));
  if (!result.success)
    report(`${describe(endpoint)} answers ${reply.status} unlike its schema: ${result.error.message}`);
}

/** A reply's body as its receiver reads it. */
function sentBody({ body, headers }: Reply): unknown {
  const isWritten = body instanceof Uint8Array && /json/.test(String(headers?.["content-type"]));
  if (isWritten) return JSON.parse(Buffer.from(body).toString());
  return typeof body === "object" ? JSON.parse(JSON.stringify(body)) : body;
}

/**
 * Answers OPTIONS, preflight requests among them, and rejects the methods that a path does not have.
 *
 * @param errorReply the way in which the path's endpoints answer errors, where they have one of their own
 */
function rejectOtherMethods(
  methods: Map<string, AllowCrossOrigin>,
  errorReply: Endpoint["errorReply"],
  { publicUrl, logger }: RouterDeps,
): (request: Request, response: Response) => void {
  const names = [...methods.keys()].map((method) => method.toUpperCase());
  if (methods.has("get")) names.push("HEAD");
  const allow = [...names, "OPTIONS"].join(", ");
  return (request, response) => {
    response.set("allow", allow);
    if (request.method === "OPTIONS") {
      const asked = request.get("access-control-request-method")?.toLowerCase();
      methods.get(asked === "head" ? "get" : (asked ?? ""))?.(request, response);
      if (!response.headersSent) response.status(204).end();
      return;
    }
    const code = "request.method_not_allowed";
    const detail = `This path answers ${allow} only.`;
    const own = errorReply?.(new DomainError(code, "invalid", detail), contextOf(request, response, logger));
    if (own !== undefined) send(response, { ...own, status: 405 });
    else sendProblem(response, plainProblem(405, code, detail, { requestId: trackOf(response).requestId, publicUrl }));
  };
}

function describe(endpoint: Endpoint): string {
  return `${endpoint.method.toUpperCase()} ${endpoint.path}`;
}
