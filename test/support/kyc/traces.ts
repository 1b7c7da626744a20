import { connect } from "node:net";
import type { Mongo } from "../../../core/mongo";
import { PERSONAL } from "./mockProvider";

/** What reaches Redis while it is watched. */
export interface RedisTraffic {
  /** Every command of every connection, with its arguments. */
  text(): string;
  end(): void;
}

/** Watches every command that reaches Redis, whoever sends it. */
export async function watchRedis(redisUrl: string): Promise<RedisTraffic> {
  const { hostname, port } = new URL(redisUrl);
  const chunks: Buffer[] = [];
  const socket = connect(Number(port), hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      resolve();
    });
    socket.write("MONITOR\r\n");
  });
  return { text: () => Buffer.concat(chunks).toString("latin1"), end: () => void socket.destroy() };
}

/** Everything in a database, as text. */
export async function everythingIn(mongo: Mongo): Promise<string> {
  const collections = await mongo.listCollections();
  const documents = await Promise.all(collections.map(({ name }) => mongo.collection(name).find().toArray()));
  return JSON.stringify(documents);
}

/** The provider's personal data that a text contains. */
export function personalDataIn(text: string): string[] {
  return Object.values(PERSONAL).filter((secret) => text.includes(secret));
}
