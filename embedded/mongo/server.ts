import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { BSONError } from "bson";
import { runCommand } from "./commands/dispatch";
import { Engine } from "./store/engine";
import { MongoServerError } from "./errors";
import type { Doc } from "./bson/values";
import { Framer, ProtocolError, type Request, formatReply, parseMessage } from "./wire";

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

export interface EmbeddedMongoOptions {
  /** 0 for any free port. */
  port?: number;
  /** Loopback only; 127.0.0.1 by default. */
  host?: string;
  /** The folder for the data; in memory without one. */
  dataFolder?: string | undefined;
  /** The value of NODE_ENV: the server refuses to run in production. */
  environment: string | undefined;
  /**
   * Receives a line for each connection that was ended for what it sent, for each internal error, and for whatever
   * concerns the data folder: a tail that was cut, a disk that is full. Standard error by default.
   */
  report?: (line: string) => void;
}

export interface EmbeddedMongo {
  readonly port: number;
  /** Ends all connections, writes what is left and frees the folder. */
  close(): Promise<void>;
}

/** Raised for a start in production, or on an address that other machines can reach. */
export class EmbeddedMongoRefusedError extends Error {
  override readonly name = "EmbeddedMongoRefusedError";
}

/**
 * Starts a server that implements MongoDB's wire protocol, for a developer's machine and for tests.
 *
 * @throws EmbeddedMongoRefusedError in production or for an address that others can reach; FolderInUseError,
 * JournalDamagedError for the data folder.
 */
export async function startEmbeddedMongo(options: EmbeddedMongoOptions): Promise<EmbeddedMongo> {
  const { port = 0, host = "127.0.0.1", dataFolder, environment, report = toStandardError } = options;
  if (environment === "production") {
    throw new EmbeddedMongoRefusedError(
      "The embedded MongoDB server does not run in production. Set MONGODB_URI to a real MongoDB.",
    );
  }
  if (!LOOPBACK.has(host)) {
    throw new EmbeddedMongoRefusedError(
      `The embedded MongoDB server has no authentication and listens on loopback only, not on ${host}.`,
    );
  }
  const engine = new Engine(dataFolder, report);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serve({ engine, report }, socket, ++connections);
  });
  try {
    await listening(server, port, host);
  } catch (error) {
    engine.close();
    throw error;
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => {
          engine.close();
          resolve();
        });
      }),
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

const toStandardError = (line: string): void => void process.stderr.write(`embedded mongo: ${line}\n`);

interface Serving {
  readonly engine: Engine;
  readonly report: (line: string) => void;
}

/** Answers one connection's requests in the order they come. */
function serve(serving: Serving, socket: Socket, connectionId: number): void {
  const framer = new Framer();
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    socket.cork();
    try {
      for (const message of framer.push(chunk)) {
        const request = parseMessage(message);
        const reply = answer(serving, request, connectionId);
        if (request.wantsReply) for (const part of formatReply(request, reply)) socket.write(part);
      }
    } catch (error) {
      serving.report(`connection ${connectionId} ended: ${(error as Error).message}`);
      socket.destroy();
    } finally {
      socket.uncork();
    }
  });
}

function answer({ engine, report }: Serving, request: Request, connectionId: number): Doc | Uint8Array {
  try {
    const reply = runCommand(engine, request.readCommand(), connectionId);
    return reply instanceof Uint8Array ? reply : { ...reply, ok: 1 };
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    return rejectionReply(error, report);
  }
}

function rejectionReply(error: unknown, report: Serving["report"]): Doc {
  if (error instanceof MongoServerError) {
    return { ok: 0, errmsg: error.message, code: error.code, codeName: error.codeName, ...error.extra };
  }
  if (error instanceof BSONError) return { ok: 0, errmsg: error.message, code: 22, codeName: "InvalidBSON" };
  const thrown = error instanceof Error ? error : new Error(String(error));
  report(thrown.stack ?? thrown.message);
  return { ok: 0, errmsg: `embedded MongoDB server error: ${thrown.message}`, code: 1, codeName: "InternalError" };
}
