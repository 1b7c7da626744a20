/**
 * Measures the gateway, in processes of its own, against a Redis of its own and an API that answers from memory:
 *
 * - commands per second of one core, by the processor time that the gateway took, beside the floor of one verification
 *   and one signature;
 * - memory of 5,000 streams of events;
 * - how long an event takes to the streams at two gateways.
 *
 * Prints figures; asserts nothing. Usage: npm run bench:gateway [-- commands|memory|fan-out ...]
 * GATEWAY_NODE_OPTIONS: options of Node for the gateways.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { connect, type ClientHttp2Session } from "node:http2";
import { generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectRedis } from "../../core/redis";
import { startRedis } from "../../embedded/startRedis";
import { SubscribeEventsResponseSchema } from "../../gateway/gen/cairn/gateway/v1/gateway_pb";
import { type GatewayBackend, startGatewayBackend } from "./gatewayBackend";
import { type BenchDevice, createBenchDevice, execute, subscribe } from "./gatewayDevice";
import { type BenchGateway, startBenchGateway } from "./gatewayProcess";

const COMMANDS = 4_000;
const WARM_UP = 1_000;
const IN_FLIGHT = 32;
/** A user may ask for 60 of a type a minute. */
const COMMANDS_A_USER = 40;

const STREAMS = 5_000;
/** Streams that one connection of HTTP/2 may have. */
const STREAMS_A_CONNECTION = 100;

const FAN_OUT_USERS = 500;
const EVENTS_A_SECOND = 200;
const FAN_OUT_SECONDS = 15;

/** The floor: what no gateway that verifies a request and signs its answer can do without. */
function measureFloor(): { verifyUs: number; signUs: number } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const data = randomBytes(220);
  const signature = sign(null, data, privateKey);
  const timed = (act: () => unknown): number => {
    const rounds = 3_000;
    for (let round = 0; round < rounds / 10; round += 1) act();
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round += 1) act();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / rounds;
  };
  return {
    verifyUs: timed(() => verify(null, data, publicKey, signature)),
    signUs: timed(() => sign(null, data, privateKey)),
  };
}

async function measureCommands(backend: GatewayBackend, gateway: BenchGateway): Promise<void> {
  const { verifyUs, signUs } = measureFloor();
  const connection = connect(gateway.grpcOrigin);
  const devices = Array.from({ length: (COMMANDS + WARM_UP) / COMMANDS_A_USER }, () => createBenchDevice(backend));
  const run = async (from: number, to: number) => {
    // Signed before the clock runs: the devices' work is not the gateway's.
    const commands = Array.from({ length: to - from }, (_, at) => deviceOf(devices, from + at).command());
    const startedMs = performance.now();
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        for (let command = commands.pop(); command !== undefined; command = commands.pop()) {
          await execute(connection, command);
        }
      }),
    );
    return performance.now() - startedMs;
  };
  await run(0, WARM_UP);
  const cpuBefore = await gateway.metric("process_cpu_seconds_total");
  const ms = await run(WARM_UP, WARM_UP + COMMANDS);
  const cpuMs = (((await gateway.metric("process_cpu_seconds_total")) - cpuBefore) * 1000) / COMMANDS;
  connection.close();

  const floorMs = (verifyUs + signUs) / 1000;
  console.log(`Commands (${COMMANDS} of credentials.list over gRPC, ${IN_FLIGHT} at once)`);
  print("commands per second", COMMANDS / (ms / 1000));
  print("processor time each, ms", cpuMs, 2);
  print("commands per second and core", 1000 / cpuMs);
  print(
    `the floor: verify ${verifyUs.toFixed(0)} µs, sign ${signUs.toFixed(0)} µs; per second and core`,
    1000 / floorMs,
  );
  print("share of the floor in a command, %", (floorMs / cpuMs) * 100);
}

function deviceOf(devices: BenchDevice[], at: number): BenchDevice {
  const device = devices[at % devices.length];
  if (device === undefined) throw new RangeError("there are no devices");
  return device;
}

/** Opens a stream of each device, 100 on a connection. */
async function connectStreams(
  gateway: BenchGateway,
  devices: BenchDevice[],
  onMessage: (bytes: Buffer) => void,
): Promise<ClientHttp2Session[]> {
  const connections: ClientHttp2Session[] = [];
  for (let from = 0; from < devices.length; from += STREAMS_A_CONNECTION) {
    const connection = connect(gateway.grpcOrigin);
    // The gateway that is stopped at the end ends the streams.
    connection.on("error", () => undefined);
    connections.push(connection);
    const some = devices.slice(from, from + STREAMS_A_CONNECTION);
    await Promise.all(some.map((device) => subscribe(connection, device.subscription(), onMessage)));
  }
  return connections;
}

async function measureMemory(backend: GatewayBackend, gateway: BenchGateway): Promise<void> {
  const devices = Array.from({ length: STREAMS }, () => createBenchDevice(backend));
  const before = await gateway.metric("process_resident_memory_bytes");
  const connections = await connectStreams(gateway, devices, () => undefined);
  const open = await gateway.metric("cairn_gateway_streams");
  // A heartbeat of every stream is part of what a stream costs.
  await delay(20_000);
  const after = await gateway.metric("process_resident_memory_bytes");
  for (const connection of connections) connection.destroy();

  console.log(`\nMemory (${open} streams, ${STREAMS_A_CONNECTION} on a connection)`);
  print("resident memory before, MB", before / 2 ** 20);
  print("resident memory with the streams, MB", after / 2 ** 20);
  print("of a stream, kB", (after - before) / 1000 / open, 1);
  print("of a stream, with the whole process, kB", after / 1000 / open, 1);
}

async function measureFanOut(backend: GatewayBackend, gateways: BenchGateway[]): Promise<void> {
  const users = Array.from({ length: FAN_OUT_USERS }, () => createBenchDevice(backend).userId);
  const sentAt = new Map<string, number>();
  const delays: number[] = [];
  const onMessage = (bytes: Buffer) => {
    const now = performance.now();
    const started = sentAt.get(fromBinary(SubscribeEventsResponseSchema, bytes).envelope?.eventId ?? "");
    if (started !== undefined) delays.push(now - started);
  };
  const opened = await Promise.all(
    gateways.map((gateway) =>
      connectStreams(
        gateway,
        users.map((user) => createBenchDevice(backend, user)),
        onMessage,
      ),
    ),
  );
  const events = EVENTS_A_SECOND * FAN_OUT_SECONDS;
  const startedMs = performance.now();
  for (let count = 0; count < events; count += 1) {
    await backend.append(users[count % users.length] ?? "", (id) => sentAt.set(id, performance.now()));
    await delay(Math.max(0, startedMs + ((count + 1) * 1000) / EVENTS_A_SECOND - performance.now()));
  }
  await delay(2_000);
  for (const connection of opened.flat()) connection.destroy();

  const sorted = delays.sort((left, right) => left - right);
  const streams = gateways.length * FAN_OUT_USERS;
  console.log(`\nFan-out (${gateways.length} gateways, ${streams} streams, ${EVENTS_A_SECOND} events a second)`);
  print(`events received, of ${events * gateways.length}`, sorted.length);
  print("from XADD to the reader, p50, ms", quantile(sorted, 0.5), 1);
  print("from XADD to the reader, p99, ms", quantile(sorted, 0.99), 1);
}

function quantile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

function print(what: string, figure: number, digits = 0): void {
  console.log(`  ${what.padEnd(72)}${figure.toFixed(digits).padStart(8)}`);
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const service = await startRedis({ dataDir: folder, persistent: false, env: { ...process.env, REDIS_URL: "" } });
  const redis = connectRedis({ url: service.url, name: "bench" });
  const backend = await startGatewayBackend(redis, "bench:events");
  const gateways: BenchGateway[] = [];
  const start = async () => {
    const gateway = await startBenchGateway({
      NODE_ENV: "test",
      REDIS_URL: service.url,
      REDIS_PREFIX: "bench",
      GATEWAY_API_URL: backend.url,
      GATEWAY_KEYS_DIR: join(folder, "keys"),
      GATEWAY_SERVICE_KEY: randomBytes(32).toString("base64url"),
      GATEWAY_HTTP_PORT: "0",
      GATEWAY_GRPC_PORT: "0",
      GATEWAY_METRICS_PORT: "0",
      GATEWAY_TRUST_PROXY: "1",
    });
    gateways.push(gateway);
    return gateway;
  };
  const parts: Record<string, () => Promise<void>> = {
    commands: async () => measureCommands(backend, await start()),
    memory: async () => measureMemory(backend, await start()),
    "fan-out": async () => measureFanOut(backend, [await start(), await start()]),
  };
  const chosen = process.argv.slice(2);
  try {
    // As if this Redis had been in use for long: a new one refuses commands for 30 seconds.
    await redis.set("bench:gateway:{replay}:epoch", "1");
    for (const [name, measure] of Object.entries(parts)) {
      if (chosen.length > 0 && !chosen.includes(name)) continue;
      await measure();
      await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
    }
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    backend.close();
    redis.disconnect();
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
