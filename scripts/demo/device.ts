import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from "node:crypto";
import { sleep, systemClock } from "../../core/clock";
import { messageOf } from "../../core/errors";
import { sha256 } from "../../core/hash";
import { possessionSigningBytes } from "../../core/keys/devicePossession";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gateway/gen/google/rpc/error_details_pb";
import { GatewayService } from "../../gateway/gen/cairn/gateway/v1/gateway_pb";
import {
  eventSigningBytes,
  requestHash,
  requestSigningBytes,
  responseSigningBytes,
} from "../../gateway/signing/envelopes";
import type { GatewayAddress } from "./demo";

/** An event that the device received and verified. */
export interface ReceivedEvent {
  type: string;
  cursor: bigint;
  payload: Record<string, unknown>;
}

/** The stream of a device's events. */
export interface DeviceStream {
  /** Waits for an event of a type. @throws Error when the stream ends before, or within half a minute none comes */
  next(type: string): Promise<ReceivedEvent>;
  /** Resolves when the gateway ends the stream: its status and reason. */
  ended: Promise<string>;
}

/** A device's key, and what it does with it. */
export interface DemoDevice {
  /** Raw Ed25519 public key, base64url. */
  publicKey: string;
  /** Proves to whoever mailed a code that this device holds its key. */
  proveFor(challengeId: string): string;
  /** Signs a command, and verifies the gateway's signature of the answer. @returns its payload */
  command(deviceSessionId: string, messageType: string, payload: object): Promise<Record<string, unknown>>;
  /** Signs a subscription; each event is verified. */
  subscribe(deviceSessionId: string): DeviceStream;
}

const EVENT_DEADLINE_MS = 60_000;
const MAX_ATTEMPTS = 5;

/** Creates a device with a fresh key, which speaks gRPC. */
export async function createDemoDevice({ httpUrl, grpcAddress }: GatewayAddress): Promise<DemoDevice> {
  const client = createClient(GatewayService, createGrpcTransport({ baseUrl: `http://${grpcAddress}` }));
  const keys = await readGatewayKeys(httpUrl);
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });

  function request(
    deviceSessionId: string,
    { messageType, payload, requestId }: { messageType: string; payload: object; requestId: string },
  ) {
    const payloadBytes = Buffer.from(JSON.stringify(payload));
    const envelope = {
      protocolVersion: "v1",
      deviceSessionId,
      messageType,
      timestampMs: BigInt(systemClock.now().getTime()),
      requestId,
      payloadHash: sha256(payloadBytes),
      traceId: "",
    };
    return { envelope, payloadBytes, signature: sign(null, requestSigningBytes(envelope), privateKey) };
  }

  function verifyGateway(kid: string, data: Uint8Array, signature: Uint8Array): void {
    const key = keys.get(kid);
    if (key === undefined || !verify(null, data, key, signature))
      throw new Error("The gateway's signature is not valid.");
  }

  async function* readVerified(deviceSessionId: string, signal: AbortSignal): AsyncGenerator<ReceivedEvent> {
    const asked = { messageType: "gateway.subscribe", payload: {}, requestId: randomUUID() };
    const subscription = request(deviceSessionId, asked);
    let position = 0n;
    for await (const { envelope, payloadBytes, signature } of client.subscribeEvents(subscription, { signal })) {
      if (envelope === undefined) throw new Error("An event has no envelope.");
      verifyGateway(envelope.keyId, eventSigningBytes(envelope), signature);
      const belongs =
        requestHash(subscription.envelope).equals(envelope.subscriptionHash) &&
        sha256(payloadBytes).equals(envelope.payloadHash) &&
        envelope.position === position;
      if (!belongs) throw new Error("An event is not the next one of this stream.");
      position += 1n;
      yield { type: envelope.eventType, cursor: envelope.cursor, payload: parse(payloadBytes) };
    }
  }

  return {
    publicKey: x,
    proveFor(challengeId) {
      const possession = { challengeId, publicKey: Buffer.from(x, "base64url") };
      return sign(null, possessionSigningBytes(possession), privateKey).toString("base64url");
    },
    async command(deviceSessionId, messageType, payload) {
      // Signed anew for each attempt, under the same id: so a write that is repeated happens once.
      const requestId = randomUUID();
      const { command, answer } = await retry(async () => {
        const signed = request(deviceSessionId, { messageType, payload, requestId });
        return { command: signed, answer: await client.executeCommand(signed) };
      });
      const { envelope, payloadBytes, signature } = answer;
      if (envelope === undefined) throw new Error(`The answer to ${messageType} has no envelope.`);
      verifyGateway(envelope.keyId, responseSigningBytes(envelope), signature);
      const answers =
        requestHash(command.envelope).equals(envelope.requestHash) && sha256(payloadBytes).equals(envelope.payloadHash);
      if (!answers) throw new Error(`The answer is not to this ${messageType}.`);
      const reply = parse(payloadBytes);
      if (envelope.resultCode === "ok") return reply;
      throw new Error(`${messageType} was refused with ${envelope.resultCode}: ${String(reply["detail"])}`);
    },
    subscribe: (deviceSessionId) => collect((signal) => readVerified(deviceSessionId, signal)),
  };
}

/** Reads a stream in the background, for whoever waits for one of its events. */
function collect(read: (signal: AbortSignal) => AsyncGenerator<ReceivedEvent>): DeviceStream {
  const controller = new AbortController();
  const events: ReceivedEvent[] = [];
  let wake: () => void = () => undefined;
  let outcome: string | undefined;
  const run = async (): Promise<string> => {
    try {
      await retry(async () => {
        for await (const event of read(controller.signal)) {
          events.push(event);
          wake();
        }
      });
      return "OK";
    } catch (error) {
      return messageOf(error);
    }
  };
  const ended = run().then((status) => {
    outcome = status;
    wake();
    return status;
  });
  return {
    ended,
    async next(type) {
      const deadline = performance.now() + EVENT_DEADLINE_MS;
      for (;;) {
        const place = events.findIndex((event) => event.type === type);
        const [found] = place === -1 ? [] : events.splice(0, place + 1).slice(-1);
        if (found !== undefined) return found;
        if (outcome !== undefined) throw new Error(`The stream ended with ${outcome} before ${type} came.`);
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) {
          controller.abort();
          throw new Error(`There was no event ${type} within ${EVENT_DEADLINE_MS / 1000} s.`);
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, leftMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
  };
}

/** A status of gRPC and the reason of its google.rpc.ErrorInfo, such as `FailedPrecondition SESSION_REVOKED`. */
function statusOf(thrown: unknown): string {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  return `${Code[error.code]} ${info?.reason ?? error.rawMessage}`;
}

/** Does again what the gateway refused for now, after the time that its google.rpc.RetryInfo asks for. */
async function retry<T>(act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act();
    } catch (error) {
      const [info] = ConnectError.from(error).findDetails(RetryInfoSchema);
      const delay = info?.retryDelay;
      if (delay === undefined || attempt === MAX_ATTEMPTS) throw new Error(statusOf(error), { cause: error });
      await sleep(Number(delay.seconds) * 1000 + delay.nanos / 1e6);
    }
  }
}

function parse(bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
}

/** The gateway's published keys by their ids. */
async function readGatewayKeys(httpUrl: string): Promise<Map<string, KeyObject>> {
  const answer = await fetch(`${httpUrl}/.well-known/cairn-gateway-keys`);
  if (answer.status !== 200) throw new Error(`The gateway's keys answered ${answer.status}.`);
  const { keys } = (await answer.json()) as { keys: { kid: string; kty: string; crv: string; x: string }[] };
  return new Map(keys.map(({ kid, kty, crv, x }) => [kid, createPublicKey({ key: { kty, crv, x }, format: "jwk" })]));
}
