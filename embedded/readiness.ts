import { connect } from "node:net";
import { deserialize, type Document, serialize } from "bson";

const LOOPBACK = "127.0.0.1";
const TIMEOUT_MS = 2_000;

/** Whether the Redis server on this loopback port is that process and answers. False while it still loads its data. */
export async function redisAnswers(port: number, pid: number | undefined): Promise<boolean> {
  const isWhole = (received: Buffer) => received.includes("+PONG\r\n") || received.toString().startsWith("-");
  const answer = (await exchange(port, Buffer.from("INFO server\r\nPING\r\n"), isWhole)).toString();
  return answer.includes(`\r\nprocess_id:${pid}\r\n`) && answer.endsWith("+PONG\r\n");
}

/** Whether a MongoDB server on this loopback port answers `hello` as one that takes writes. */
export async function mongoAnswers(port: number): Promise<boolean> {
  return (await runCommand(port, { hello: 1 }))["isWritablePrimary"] === true;
}

/** The process id of the `mongod` on this loopback port. */
export async function mongodPid(port: number): Promise<number> {
  return Number((await runCommand(port, { serverStatus: 1 }))["pid"]);
}

async function runCommand(port: number, command: Document): Promise<Document> {
  const body = serialize({ ...command, $db: "admin" });
  const message = Buffer.alloc(21 + body.length);
  message.writeInt32LE(message.length, 0);
  message.writeInt32LE(1, 4); // request id
  message.writeInt32LE(2013, 12); // OP_MSG; flags (16) stay 0, section kind (20) 0 is a single document
  message.set(body, 21);
  const isWhole = (received: Buffer) => received.length >= 4 && received.length >= received.readInt32LE(0);
  const answer = await exchange(port, message, isWhole);
  return deserialize(answer.subarray(21));
}

/** Whether a chain on this loopback port answers `eth_chainId`. */
export async function chainAnswers(port: number): Promise<boolean> {
  const response = await fetch(`http://${LOOPBACK}:${port}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const answer = (await response.json()) as { result?: unknown };
  return typeof answer.result === "string";
}

function exchange(port: number, request: Buffer, isWhole: (received: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect({ host: LOOPBACK, port }, () => socket.write(request));
    const fail = (error: Error) => {
      socket.destroy();
      reject(error);
    };
    socket.setTimeout(TIMEOUT_MS, () => fail(new Error(`no answer within ${TIMEOUT_MS} ms`)));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (!isWhole(received)) return;
      socket.destroy();
      resolve(received);
    });
    socket.once("error", fail).once("close", () => fail(new Error("the connection was closed without an answer")));
  });
}
