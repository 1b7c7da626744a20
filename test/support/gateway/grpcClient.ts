import {
  type ClientReadableStream,
  credentials,
  loadPackageDefinition,
  type Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { join } from "node:path";
import type { SignedRequest } from "../../../gateway/envelope/envelope";

/** An event as grpc-js reads it. */
export interface GrpcEvent {
  envelope: {
    protocolVersion: string;
    deviceSessionId: string;
    eventType: string;
    eventId: string;
    timestampMs: string;
    cursor: string;
    subscriptionHash: Buffer;
    position: string;
    payloadHash: Buffer;
    traceId: string;
    keyId: string;
  };
  payloadBytes: Buffer;
  signature: Buffer;
}

interface GatewayClient {
  subscribeEvents(request: object): ClientReadableStream<GrpcEvent>;
  close(): void;
}

const PROTO = join(__dirname, "..", "..", "..", "gateway", "proto");

/** A client of @grpc/grpc-js, which makes its code of gateway.proto by itself. */
export function grpcClient(address: string): GatewayClient {
  const definition = loadSync("cairn/gateway/v1/gateway.proto", {
    includeDirs: [PROTO],
    longs: String,
    defaults: true,
  });
  const loaded = loadPackageDefinition(definition) as unknown as {
    cairn: { gateway: { v1: { GatewayService: new (address: string, credentials: unknown) => GatewayClient } } };
  };
  return new loaded.cairn.gateway.v1.GatewayService(address, credentials.createInsecure());
}

/** A stream as a test reads it. */
export interface GrpcStream {
  events: GrpcEvent[];
  /** Numbers of the user's events received so far. */
  cursors(): number[];
  /** Resolves when the stream ends: the status, and the reason of its ErrorInfo. */
  ended: Promise<{ code: string; reason: string | undefined; message: string }>;
  call: ClientReadableStream<GrpcEvent>;
}

/** Subscribes by grpc-js. */
export function subscribeByGrpc(client: GatewayClient, { envelope, ...request }: SignedRequest): GrpcStream {
  const call = client.subscribeEvents({
    ...request,
    envelope: { ...envelope, timestampMs: String(envelope?.timestampMs) },
  });
  const events: GrpcEvent[] = [];
  call.on("data", (event: GrpcEvent) => events.push(event));
  const ended = new Promise<{ code: string; reason: string | undefined; message: string }>((resolve) => {
    call.on("error", ({ code, metadata, details }: ServiceError) =>
      resolve({ code: status[code], reason: reasonOf(metadata), message: details }),
    );
    call.on("end", () => resolve({ code: "OK", reason: undefined, message: "" }));
  });
  const cursors = () => events.map(({ envelope: { cursor } }) => Number(cursor)).filter((cursor) => cursor > 0);
  return { events, cursors, ended, call };
}

/** The reason of google.rpc.ErrorInfo: field 1 of the details' first Any. */
function reasonOf(metadata: Metadata): string | undefined {
  const [details] = metadata.get("grpc-status-details-bin");
  return /google\.rpc\.ErrorInfo[^A-Z]*?([A-Z][A-Z_]+[A-Z])/.exec(details?.toString("latin1") ?? "")?.[1];
}
