import { create, type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { generateKeyPairSync, randomUUID, sign } from "node:crypto";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { sha256 } from "../../core/hash";
import {
  ExecuteCommandRequestSchema,
  RequestEnvelopeSchema,
  SubscribeEventsRequestSchema,
} from "../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { requestSigningBytes } from "../../gateway/signing/envelopes";
import type { GatewayBackend } from "./gatewayBackend";

const SERVICE = "/cairn.gateway.v1.GatewayService";

/** A message of gRPC: not compressed, its length, its bytes. */
const PREFIX_BYTES = 5;

/** A device with its session, which calls as gRPC does, with nothing between it and HTTP/2. */
export interface BenchDevice {
  userId: string;
  /** A signed command, ready to be sent. */
  command(): Buffer;
  /** A signed subscription, ready to be sent. */
  subscription(): Buffer;
}

export function createBenchDevice(backend: GatewayBackend, userId: string = randomUUID()): BenchDevice {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const deviceSessionId = backend.addSession(userId, publicKey.export({ format: "jwk" }).x ?? "");
  const payloadBytes = Buffer.from("{}");

  function signed(
    schema: typeof ExecuteCommandRequestSchema | typeof SubscribeEventsRequestSchema,
    messageType: string,
  ) {
    const envelope = create(RequestEnvelopeSchema, {
      protocolVersion: "v1",
      deviceSessionId,
      messageType,
      timestampMs: BigInt(Date.now()),
      requestId: randomUUID(),
      payloadHash: sha256(payloadBytes),
    });
    const signature = sign(null, requestSigningBytes(envelope), privateKey);
    return framed(schema, create(schema, { envelope, payloadBytes, signature }));
  }
  return {
    userId,
    command: () => signed(ExecuteCommandRequestSchema, "credentials.list"),
    subscription: () => signed(SubscribeEventsRequestSchema, "gateway.subscribe"),
  };
}

function framed<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): Buffer {
  const bytes = toBinary(schema, message);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([prefix, bytes]);
}

let callers = 0;

/** Every call comes from an address of its own: what one address may ask is not what is measured. */
function call(connection: ClientHttp2Session, method: string, body: Buffer): ClientHttp2Stream {
  callers += 1;
  const stream = connection.request({
    ":method": "POST",
    ":path": `${SERVICE}/${method}`,
    "content-type": "application/grpc+proto",
    te: "trailers",
    "x-forwarded-for": `10.${(callers >> 16) & 255}.${(callers >> 8) & 255}.${callers & 255}`,
  });
  stream.end(body);
  return stream;
}

/** Executes a command. @throws Error with the gateway's message when it is refused */
export async function execute(connection: ClientHttp2Session, command: Buffer): Promise<void> {
  const stream = call(connection, "ExecuteCommand", command);
  await new Promise<void>((resolve, reject) => {
    const check = ({ "grpc-status": status, "grpc-message": message }: Record<string, unknown>) => {
      if (status !== undefined && status !== "0") reject(new Error(`a command was refused: ${String(message)}`));
    };
    stream.on("response", check).on("trailers", check).on("error", reject).on("end", resolve).resume();
  });
}

/** Subscribes. @param onMessage gets each message's bytes @returns when the first one has come */
export async function subscribe(
  connection: ClientHttp2Session,
  subscription: Buffer,
  onMessage: (bytes: Buffer) => void,
): Promise<void> {
  const stream = call(connection, "SubscribeEvents", subscription);
  let received: Buffer = Buffer.alloc(0);
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject).on("end", () => reject(new Error("a stream ended")));
    stream.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      for (;;) {
        const end = received.length < PREFIX_BYTES ? Infinity : PREFIX_BYTES + received.readUInt32BE(1);
        if (received.length < end) return;
        onMessage(received.subarray(PREFIX_BYTES, end));
        received = received.subarray(end);
        resolve();
      }
    });
  });
}
