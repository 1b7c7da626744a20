import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb";
import type { Rejection } from "./rejection";

/**
 * A rejection as every protocol sends it: the gRPC status with google.rpc.ErrorInfo and, where a retry helps,
 * google.rpc.RetryInfo.
 */
export function toConnectError({ code, reason, domain, message, metadata, retryAfterMs }: Rejection): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason, domain, metadata } };
  const retry =
    retryAfterMs === undefined ? [] : [{ desc: RetryInfoSchema, value: { retryDelay: durationOf(retryAfterMs) } }];
  return new ConnectError(message, code, undefined, [info, ...retry]);
}

function durationOf(ms: number) {
  const wholeMs = Math.ceil(ms);
  const seconds = Math.floor(wholeMs / 1000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos: (wholeMs - seconds * 1000) * 1_000_000 });
}
