import { z } from "zod";
import { randomId } from "../../core/crypto";
import { TransientError } from "../../core/errors";
import {
  BrowserSessionCheckReply,
  CLIENT_ADDRESS_HEADER,
  InternalSessionReply,
  SessionsCheckReply,
  UserEventsReply,
} from "../../core/internalApi";
import type { BackendAnswer, BackendConnection, BackendRequest } from "./http";
import type { MintToken } from "./serviceToken";

/** What the gateway asks the API on its internal port. Every method throws TransientError when there is no answer. */
export interface InternalApi {
  /** @returns undefined where there is no such session */
  readSession(deviceSessionId: string): Promise<InternalSessionReply | undefined>;
  /** @param ids at most 1,000 */
  checkSessions(ids: string[]): Promise<SessionsCheckReply["sessions"]>;
  /** @returns undefined where there is no such session */
  checkBrowserSession(token: string): Promise<BrowserSessionCheckReply | undefined>;
  /** The events that follow a cursor. */
  readEvents(userId: string, options: { after: bigint; limit: number }): Promise<UserEventsReply>;
  /** Passes a request on and returns what the API answered, whatever it is. */
  forward(request: ForwardedRequest): Promise<BackendAnswer>;
}

/** A request of a holder or of somebody who is not logged in yet. */
export interface ForwardedRequest extends BackendRequest {
  requestId: string;
  /** For whom; absent before login. */
  user?: { userId: string; deviceSessionId: string } | undefined;
  /** The caller's IP address. */
  address: string;
}

const JSON_TYPE = "application/json";

/** Creates the client of the API's internal port. */
export function createInternalApi(deps: { connection: BackendConnection; mintToken: MintToken }): InternalApi {
  const { connection, mintToken } = deps;

  /** Asks for the gateway itself. A refusal because of the session asked about is answered by undefined. */
  async function ask<Reply>(
    schema: z.ZodType<Reply>,
    { method, path, body }: { method: "GET" | "POST"; path: string; body?: object },
  ): Promise<Reply | undefined> {
    const token = await mintToken({ requestId: randomId() });
    const answer = await connection.send({
      method,
      path: `/api/v1/internal${path}`,
      headers: {
        authorization: `Bearer ${token}`,
        accept: JSON_TYPE,
        ...(body === undefined ? {} : { "content-type": JSON_TYPE }),
      },
      body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    });
    if (problemCodeOf(answer)?.startsWith("session.") === true) return undefined;
    return readReply(schema, answer, path);
  }

  return {
    readSession: (id) => ask(InternalSessionReply, { method: "GET", path: `/sessions/${encodeURIComponent(id)}` }),
    async checkSessions(ids) {
      const reply = await ask(SessionsCheckReply, { method: "POST", path: "/sessions/check", body: { ids } });
      return reply?.sessions ?? [];
    },
    checkBrowserSession: (token) =>
      ask(BrowserSessionCheckReply, { method: "POST", path: "/browser-sessions/check", body: { token } }),
    async readEvents(userId, { after, limit }) {
      const path = `/users/${encodeURIComponent(userId)}/events?after=${after}&limit=${limit}`;
      const reply = await ask(UserEventsReply, { method: "GET", path });
      if (reply === undefined) throw new RangeError("events are answered or fail");
      return reply;
    },
    async forward({ requestId, user, address, ...request }) {
      const token = await mintToken({ requestId, user });
      const headers = {
        ...request.headers,
        accept: JSON_TYPE,
        authorization: `Bearer ${token}`,
        "x-request-id": requestId,
        [CLIENT_ADDRESS_HEADER]: address,
      };
      return connection.send({ ...request, headers });
    },
  };
}

/** @throws TransientError when the API refuses the gateway, or answers something else than agreed */
function readReply<Reply>(schema: z.ZodType<Reply>, { status, body }: BackendAnswer, path: string): Reply {
  const where = path.split(/[/?]/)[1] ?? "";
  if (status !== 200) {
    throw new TransientError("backend.unavailable", `The API answered ${status} where it is asked for ${where}.`);
  }
  try {
    return schema.parse(JSON.parse(body.toString("utf8")));
  } catch (error) {
    throw new TransientError("backend.unavailable", `The API's answer about ${where} is not understood.`, {
      cause: error,
    });
  }
}

/** The stable code of problem details (RFC 9457); undefined where the answer is none. */
export function problemCodeOf({ status, body }: Pick<BackendAnswer, "status" | "body">): string | undefined {
  if (status < 400) return undefined;
  try {
    return problem.parse(JSON.parse(body.toString("utf8"))).code;
  } catch {
    // Not from the API itself, such as the page of a proxy between us.
    return undefined;
  }
}

const problem = z.object({ code: z.string().regex(/^[a-z0-9_.]{1,64}$/) });
