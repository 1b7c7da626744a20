import { mongo } from "mongoose";
import { randomBytes } from "node:crypto";
import { type EmbeddedMongo, startEmbeddedMongo } from "../../../embedded/mongo/server";

/** The server under test and a database of its own on it. */
export interface Subject {
  readonly uri: string;
  readonly client: mongo.MongoClient;
  readonly db: mongo.Db;
  /** A collection nobody else uses. */
  fresh(): mongo.Collection;
  /** One more client, with its own connections; closed with the subject. */
  connect(options?: mongo.MongoClientOptions): Promise<mongo.MongoClient>;
  close(): Promise<void>;
}

/**
 * Connects to the server these tests are about: the one `MONGODB_URI_CONFORMANCE` or `MONGODB_URI` names, else an
 * embedded one in memory. Whatever the conformance tests assert holds for MongoDB 7 and 8 as well.
 */
export async function connectSubject(): Promise<Subject> {
  const given = process.env["MONGODB_URI_CONFORMANCE"] ?? process.env["MONGODB_URI"];
  const own = given === undefined ? await startEmbeddedMongo({ environment: undefined }) : undefined;
  return subjectAt(given ?? `mongodb://127.0.0.1:${own?.port}`, own);
}

/** A subject on an embedded server in memory, for what only that one does. */
export async function connectEmbedded(report: (line: string) => void = () => undefined): Promise<Subject> {
  const own = await startEmbeddedMongo({ environment: undefined, report });
  return subjectAt(`mongodb://127.0.0.1:${own.port}`, own);
}

async function subjectAt(uri: string, own: EmbeddedMongo | undefined): Promise<Subject> {
  const clients: mongo.MongoClient[] = [];
  const connect = async (options: mongo.MongoClientOptions = {}): Promise<mongo.MongoClient> => {
    const client = await new mongo.MongoClient(uri, options).connect();
    clients.push(client);
    return client;
  };
  const client = await connect();
  const db = client.db(`conformance_${randomBytes(6).toString("hex")}`);
  let collections = 0;
  return {
    uri,
    client,
    db,
    connect,
    fresh: () => db.collection(`c${++collections}`),
    async close() {
      await db.dropDatabase();
      await Promise.all(clients.map((each) => each.close()));
      await own?.close();
    },
  };
}

/** Creates an index; gives its name. */
export function addIndex(
  collection: mongo.Collection,
  keys: mongo.IndexSpecification,
  options: mongo.IndexOptions = {},
): Promise<string> {
  return collection.createIndex(keys, options, {});
}

/** The error that `act` is rejected with. Throws when it succeeds. */
export async function rejectionOf(act: Promise<unknown>): Promise<mongo.MongoServerError> {
  try {
    await act;
  } catch (error) {
    if (error instanceof mongo.MongoServerError) return error;
    throw error;
  }
  throw new Error("expected a rejectionOf, but it succeeded");
}
