import { z } from "zod";
import { DomainError } from "../../core/errors";
import { COMMAND_IN_PROGRESS, COMMANDS, type CommandType, IDEMPOTENCY_KEY_HEADER } from "../../core/internalApi";
import { type CommandDeps, executeOnce } from "./actions";
import type { Command } from "./rules";
import type { BlindIndex } from "../../core/keys/blindIndex";
import type { Endpoint, RejectionDescription, Reply, ReplyDescription, RequestContext } from "../http/endpoint";

/** What executing commands once needs. */
export interface CommandEndpointDeps extends CommandDeps {
  blindIndex: BlindIndex;
}

/** The public operation that does a command, and what of it a device is not offered. */
interface CommandDefinition {
  operation: string;
  /** Members of the operation's input that are left at their defaults. */
  without?: string[];
  /** Rejections that, in the run after one without an answer, say that the command took effect then. */
  done?: string[];
}

/** Every command that does what a public operation does; wallet.challenge is declared by its slice. */
const DEFINITIONS: Record<Exclude<CommandType, "wallet.challenge">, CommandDefinition> = {
  "session.list": { operation: "GET /auth/sessions" },
  "session.revoke": { operation: "DELETE /auth/sessions/:id", done: ["session.not_found"] },
  "profile.update": { operation: "PATCH /auth/profile" },
  "credentials.list": { operation: "GET /credentials" },
  "credentials.read": { operation: "GET /credentials/:id" },
  // A device draws the picture itself, or takes it out of the JSON.
  "credentials.share": { operation: "GET /credentials/:id/share", without: ["format"] },
  "credentials.usage": { operation: "GET /credentials/:id/usage" },
  "verification.requests.list": { operation: "GET /verify/requests" },
  "verification.confirm": { operation: "POST /verify/confirm" },
  "wallet.list": { operation: "GET /auth/wallets" },
  "wallet.link": { operation: "POST /auth/wallet/link" },
  "wallet.unlink": { operation: "DELETE /auth/wallets/:walletAddress", done: ["wallet.not_found"] },
  "wallet.anchor": { operation: "POST /auth/wallets/:walletAddress/anchor" },
  "kyc.status": { operation: "GET /api/kyc/status" },
  "kyc.start": { operation: "POST /api/kyc/start-verification" },
};

/**
 * Makes the commands of the public operations that are served: the same input, taken from the payload alone, the same
 * handler and limits, and an answer in JSON. What a policy adds to the operation has to be added to its command as well,
 * by {@link Endpoint.does}.
 */
export function commandsOf(endpoints: Endpoint[]): Endpoint[] {
  const byName = new Map(endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  return Object.entries(DEFINITIONS).flatMap(([type, definition]) => {
    const operation = byName.get(definition.operation);
    return operation === undefined ? [] : [commandOf(type as CommandType, definition, operation)];
  });
}

/** Has a write of a device executed once, whoever declares it; anything else stays as it is. */
export function executedOnce(endpoint: Endpoint, deps: CommandEndpointDeps): Endpoint {
  if (endpoint.auth !== "command" || endpoint.method === "get") return endpoint;
  const done = Object.values(DEFINITIONS).find(({ operation }) => operation === endpoint.does)?.done ?? [];
  return {
    ...endpoint,
    rejections: [...(endpoint.rejections ?? []), ...REPETITION_REJECTIONS],
    async handle(input, context) {
      const command = await commandFor(endpoint, { input, context }, deps);
      return executeOnce(deps, command, async ({ isRerun }) => {
        try {
          const { status, body } = await endpoint.handle(input, context);
          return { status, body };
        } catch (error) {
          if (isRerun && error instanceof DomainError && done.includes(error.code)) return EMPTY;
          throw error;
        }
      });
    },
  };
}

/**
 * The digest is keyed, for what a device sends is personal data and may be guessed.
 *
 * @throws DomainError `command.idempotency_key_invalid`
 */
async function commandFor(
  endpoint: Endpoint,
  { input, context }: { input: Input; context: RequestContext },
  { blindIndex }: Pick<CommandEndpointDeps, "blindIndex">,
): Promise<Command> {
  const { params, query, body, caller } = input;
  if (caller === undefined || !("commandId" in caller)) throw new Error(`${nameOf(endpoint)} is no device's command.`);
  const { userId, sessionId } = caller;
  const commandId = `${sessionId}/${caller.commandId}`;
  if (context.header(IDEMPOTENCY_KEY_HEADER) !== commandId) {
    const message = `Send ${IDEMPOTENCY_KEY_HEADER}: <device session id>/<request id>, as the service token has them.`;
    throw new DomainError("command.idempotency_key_invalid", "invalid", message);
  }
  const digest = await blindIndex("device_commands.digest", JSON.stringify([nameOf(endpoint), params, query, body]));
  return { commandId, userId, digest };
}

const REPETITION_REJECTIONS: RejectionDescription[] = [
  {
    code: "command.idempotency_key_invalid",
    kind: "invalid",
    meaning: "The Idempotency-Key is not that of the session and request that the service token names.",
  },
  {
    code: COMMAND_IN_PROGRESS,
    kind: "conflict",
    meaning: "The command is being executed; the same request may be sent again.",
  },
  {
    code: "command.id_reused",
    kind: "conflict",
    meaning: "Another command of the session had this request id.",
  },
];

const EMPTY = { status: 200, body: {} };

type Input = Parameters<Endpoint["handle"]>[0];

function commandOf(type: CommandType, { without = [] }: CommandDefinition, operation: Endpoint): Endpoint {
  const { method, path } = COMMANDS[type];
  const shapes = {
    params: shapeOf(operation.params),
    query: withoutMembers(shapeOf(operation.query), without),
    body: shapeOf(operation.body),
  };
  const input = z.strictObject({ ...shapes.params, ...shapes.query, ...shapes.body });
  const { summary, description, limit, rejections } = operation;
  return {
    port: "internal",
    method,
    path,
    tag: "Commands",
    summary: `${type}: ${summary.charAt(0).toLowerCase()}${summary.slice(1)}`,
    auth: "command",
    does: nameOf(operation),
    replies: jsonReplies(operation.replies),
    ...(description !== undefined && { description }),
    ...(limit !== undefined && { limit }),
    ...(rejections !== undefined && { rejections }),
    // A write without input may come without a body.
    ...(method === "get"
      ? { query: input }
      : { body: Object.keys(input.shape).length === 0 ? input.default({}) : input }),
    async handle({ query: asked, body, caller }, context) {
      const given = (method === "get" ? asked : body) as Record<string, unknown>;
      const query = { ...defaultsOf(operation.query, without), ...pick(given, shapes.query) };
      const parsed = { params: pick(given, shapes.params), query, body: pick(given, shapes.body), caller };
      return jsonReply(await operation.handle(parsed, context));
    },
  };
}

type Shape = Record<string, z.ZodType>;

/** The members of an input's part. @throws Error when it is not an object, with or without a default */
function shapeOf(schema: z.ZodType | undefined): Shape {
  if (schema === undefined) return {};
  if (schema instanceof z.ZodDefault) return shapeOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodObject) return schema.shape;
  throw new Error("A command's input is made of objects: give the operation one.");
}

function withoutMembers(shape: Shape, names: string[]): Shape {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => !names.includes(name)));
}

/** What an operation takes for members that a device is not offered. */
function defaultsOf(schema: z.ZodType | undefined, names: string[]): Record<string, unknown> {
  if (names.length === 0) return {};
  const absent = Object.entries(shapeOf(schema)).filter(([name]) => names.includes(name));
  return Object.fromEntries(absent.map(([name, member]) => [name, member.parse(undefined)]));
}

function pick(given: Record<string, unknown>, shape: Shape): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => Object.hasOwn(shape, name)));
}

/** A command's payload is JSON always: an operation that has nothing to say says `{}`. */
function jsonReply({ status, body }: Reply): Reply {
  return body === undefined ? EMPTY : { status, body };
}

function jsonReplies(replies: Endpoint["replies"]): Endpoint["replies"] {
  const entries = Object.entries(replies).map(([status, reply]): [string, ReplyDescription] =>
    reply.schema === undefined
      ? ["200", { description: reply.description, schema: z.strictObject({}) }]
      : [status, reply],
  );
  return Object.fromEntries(entries);
}

/** An operation as KYC_REQUIRED_FOR names it. */
function nameOf({ method, path }: Pick<Endpoint, "method" | "path">): string {
  return `${method.toUpperCase()} ${path}`;
}
