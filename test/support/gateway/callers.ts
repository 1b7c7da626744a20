import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { type Client, credentials, loadPackageDefinition, type Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { join } from "node:path";
import type { SignedRequest } from "../../../gateway/envelope/envelope";
import {
  type ExecuteCommandResponse,
  ExecuteCommandResponseSchema,
  GatewayService,
  ResponseEnvelopeSchema,
} from "../../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gateway/gen/google/rpc/error_details_pb";

/** A client of one protocol. */
export interface Caller {
  /** @throws ConnectError, whatever the client's own errors are */
  execute(request: SignedRequest): Promise<ExecuteCommandResponse>;
  close(): void;
}

const PROTO = join(__dirname, "..", "..", "..", "gateway", "proto");

type Answered = (error: ServiceError | null, answer?: MessageInitShape<typeof ExecuteCommandResponseSchema>) => void;
type GrpcClient = Client & { executeCommand(request: object, answered: Answered): void };

/** gRPC by @grpc/grpc-js, with code that it makes of the proto files. */
function grpcCaller(address: string): Caller {
  const options = { includeDirs: [PROTO], longs: String, defaults: true };
  const loaded = loadPackageDefinition(loadSync("cairn/gateway/v1/gateway.proto", options)) as unknown as {
    cairn: { gateway: { v1: { GatewayService: new (address: string, credentials: unknown) => GrpcClient } } };
  };
  const client = new loaded.cairn.gateway.v1.GatewayService(address, credentials.createInsecure());
  return {
    execute: ({ envelope, payloadBytes, signature }) =>
      new Promise((resolve, reject) => {
        const sent = envelope === undefined ? null : { ...envelope, timestampMs: String(envelope.timestampMs) };
        client.executeCommand({ envelope: sent, payloadBytes, signature }, (error, answer) => {
          if (error !== null) reject(connectErrorOf(error));
          else if (answer === undefined) reject(new Error("grpc-js gave neither an error nor an answer"));
          else resolve(responseOf(answer));
        });
      }),
    close: () => client.close(),
  };
}

function responseOf(answer: MessageInitShape<typeof ExecuteCommandResponseSchema>): ExecuteCommandResponse {
  const { envelope } = answer;
  if (envelope === undefined) return create(ExecuteCommandResponseSchema, answer);
  return create(ExecuteCommandResponseSchema, {
    ...answer,
    envelope: create(ResponseEnvelopeSchema, { ...envelope, timestampMs: BigInt(String(envelope.timestampMs)) }),
  });
}

/** A status of gRPC as Connect reads it, with its details. */
function connectErrorOf({ code, details, metadata }: ServiceError): ConnectError {
  const trailer = new Headers({ "grpc-status": String(code), "grpc-message": encodeURIComponent(details) });
  const binary = statusDetails(metadata);
  if (binary !== undefined) trailer.set("grpc-status-details-bin", binary.toString("base64"));
  const error = findTrailerError(trailer);
  if (error === undefined) throw new Error("the call failed with OK");
  return error;
}

function statusDetails(metadata: Metadata): Buffer | undefined {
  const [first] = metadata.get("grpc-status-details-bin");
  return Buffer.isBuffer(first) ? first : undefined;
}

function webCaller(transport: Transport): Caller {
  const client = createClient(GatewayService, transport);
  return {
    execute: ({ envelope, payloadBytes, signature }) =>
      client.executeCommand({ ...(envelope === undefined ? {} : { envelope }), payloadBytes, signature }),
    close: () => undefined,
  };
}

/** The official clients, by protocol. */
export const CALLERS: Record<string, (to: { grpc: string; http: string }) => Caller> = {
  "gRPC (grpc-js)": ({ grpc }) => grpcCaller(grpc),
  "gRPC-Web": ({ http }) => webCaller(createGrpcWebTransport({ baseUrl: http })),
  "Connect, binary": ({ http }) => webCaller(createConnectTransport({ baseUrl: http, useBinaryFormat: true })),
  "Connect, JSON": ({ http }) => webCaller(createConnectTransport({ baseUrl: http })),
};

/** The facts of a rejection that programs read. */
export function factsOf(error: ConnectError) {
  const [info] = error.findDetails(ErrorInfoSchema);
  const [retry] = error.findDetails(RetryInfoSchema);
  const delay = retry?.retryDelay;
  return {
    code: error.code,
    reason: info?.reason,
    domain: info?.domain,
    metadata: info?.metadata ?? {},
    retryAfterMs: delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6,
  };
}
