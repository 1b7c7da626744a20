import { expect } from "chai";
import { mongo } from "mongoose";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { asUnavailable } from "../../../api/http/unavailable";
import { DomainError, TransientError } from "../../../core/errors";
import { connectRedis } from "../../../core/redis";
import { testRedisUrl } from "../../support/servers";

/** What Node says when something is written after the other side has ended the connection. */
async function writeAfterTheEnd(): Promise<Error> {
  const server = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.resume();
  await once(socket, "end");
  const failure = once(socket, "error");
  socket.write("hello");
  const [error] = (await failure) as [Error];
  server.close();
  return error;
}

/** What ioredis makes of an error reply of Redis. */
async function redisReply(words: string): Promise<Error> {
  const redis = connectRedis({ url: testRedisUrl(), name: "test-unavailable" });
  try {
    await redis.eval("return redis.error_reply(ARGV[1])", 0, words);
    throw new TypeError("Redis did not refuse");
  } catch (error) {
    return error as Error;
  } finally {
    redis.disconnect();
  }
}

describe("what counts as a part that does not answer", () => {
  it("takes a connection that its other side has ended", async () => {
    const error = await writeAfterTheEnd();
    expect(asUnavailable(error)).to.be.instanceOf(TransientError).with.property("code", "connection.broken");
    expect(asUnavailable(error)?.cause).to.equal(error);
  });

  it("takes a Redis that loads its data, and one that may not be written to", async () => {
    for (const words of ["LOADING Redis is loading the dataset in memory", "READONLY You can't write here."]) {
      expect(asUnavailable(await redisReply(words)), words).to.have.property("code", "redis.unavailable");
    }
  });

  it("takes a database that elects a primary or shuts down", () => {
    for (const code of [10107, 11600, 91]) {
      const error = new mongo.MongoServerError({ message: "not now", code });
      expect(asUnavailable(error), String(code)).to.have.property("code", "mongo.unavailable");
    }
  });

  it("takes no rejection and no error of ours", async () => {
    const others = [
      new mongo.MongoServerError({ message: "E11000 duplicate key", code: 11000 }),
      new mongo.MongoServerError({ message: "unknown operator", code: 2 }),
      await redisReply("WRONGTYPE Operation against a key holding the wrong kind of value"),
      new DomainError("thing.taken", "conflict", "It is taken."),
      new TypeError("x is not a function"),
    ];
    for (const error of others) expect(asUnavailable(error), error.message).to.equal(undefined);
  });
});
