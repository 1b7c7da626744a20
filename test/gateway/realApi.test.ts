import { ConnectError } from "@connectrpc/connect";
import { expect } from "chai";
import { randomUUID } from "node:crypto";
import { sign } from "node:crypto";
import { listMailbox } from "../../api/notifications/mailbox";
import { possessionSigningBytes } from "../../core/keys/devicePossession";
import { ask } from "../support/ask";
import { eventually } from "../support/eventually";
import { type Fixture, fixture } from "../support/fixture";
import { type Caller, CALLERS, factsOf } from "../support/gateway/callers";
import { createDevice, type Device } from "../support/gateway/device";
import { type Actor, actorOf, forgetFirstSeconds, rejected, verifiedResponse } from "../support/gateway/gatewayFixture";
import { grpcClient, type GrpcStream, subscribeByGrpc } from "../support/gateway/grpcClient";
import { gatewayEnvironment, keysFolder, startGateway, type TestGateway } from "../support/gateway/startGateway";
import { testRedisUrl } from "../support/servers";
import { startChild } from "../support/startChild";

describe("a gateway before the API", () => {
  const keys = keysFolder();
  const closing: { close(): unknown }[] = [];
  let api: Fixture;
  let gateways: TestGateway[];
  let grpc: Caller;
  let environment: Record<string, string>;

  before(async () => {
    api = await fixture("gateway_api", { workers: true });
    environment = {
      ...gatewayEnvironment({
        apiUrl: api.internal.url,
        redisUrl: testRedisUrl(),
        prefix: api.context.config.redis.prefix,
        keysDir: keys.path,
      }),
      GATEWAY_SERVICE_KEY: api.internal.key.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      LOGIN_LIMITS: "false",
    };
    await forgetFirstSeconds(api.context.redis, api.context.config.redis.prefix);
    gateways = await Promise.all([startGateway(environment), startGateway(environment)]);
    grpc = CALLERS["gRPC (grpc-js)"]!(gateways[0]!);
    closing.push(grpc);
  });
  after(async () => {
    for (const one of closing) await one.close();
    await Promise.all(gateways.map((gateway) => gateway.close(0)));
    await api.close();
    keys.remove();
  });

  const post = (path: string, body: object) => ask(`${gateways[0]!.http}/api/v1/public/auth/${path}`, "POST", { body });

  async function mailedCode(email: string): Promise<string> {
    const { mail } = api.context.config;
    const folder = mail !== undefined && "mailboxDir" in mail ? mail.mailboxDir : "";
    const found = await eventually("the mail", async () =>
      (await listMailbox(folder)).find(({ to }) => to.includes(email)),
    );
    return /\b\d{6}\b/.exec(found.text)?.[0] ?? "";
  }

  /** A device logs in by the gateway, as a person with a mailbox would. */
  async function logIn(email: string, device: Device = createDevice()): Promise<Actor> {
    const sent = await post("send-email-code", { email });
    expect(sent.status, sent.text).to.equal(200);
    const challengeId = sent.body["challenge_id"] as string;
    const { privateKey, publicKey } = device;
    const confirmed = await post("confirm-email-code", {
      challenge_id: challengeId,
      code: await mailedCode(email),
      public_key: publicKey.toString("base64url"),
      proof: sign(null, possessionSigningBytes({ challengeId, publicKey }), privateKey).toString("base64url"),
      device_name: "Ann's phone",
    });
    expect(confirmed.status, confirmed.text).to.equal(200);
    const id = confirmed.body["device_session_id"] as string;
    const session = await api.modules.devices.ports.readDeviceSession(id);
    return actorOf(device, session?.userId ?? "", id);
  }

  const resultOf = async (request: ReturnType<Actor["command"]>, by = grpc) =>
    verifiedResponse(gateways[0]!.http, request, await by.execute(request));

  function subscribe(actor: Actor, to = gateways[1]!): GrpcStream {
    const client = grpcClient(to.grpc);
    closing.push(client);
    return subscribeByGrpc(client, actor.command("gateway.subscribe"));
  }

  it("logs a device in by a mailed code, and executes what it signs over every protocol", async () => {
    const actor = await logIn(`${randomUUID()}@example.org`);
    for (const [protocol, connectTo] of Object.entries(CALLERS)) {
      const caller = connectTo(gateways[0]!);
      const { resultCode, payload } = await resultOf(actor.command("session.list"), caller);
      expect(resultCode, `${protocol}: ${JSON.stringify(payload)}`).to.equal("ok");
      expect(JSON.stringify(payload), protocol).to.include(actor.deviceSessionId);
      caller.close();
    }
  });

  it("executes every command that reads", async () => {
    const actor = await logIn(`${randomUUID()}@example.org`);
    for (const type of [
      "session.list",
      "credentials.list",
      "verification.requests.list",
      "wallet.list",
      "kyc.status",
    ]) {
      const { resultCode, payload } = await resultOf(actor.command(type));
      expect(resultCode, `${type}: ${JSON.stringify(payload)}`).to.equal("ok");
    }
    expect((await resultOf(actor.command("credentials.read", { id: randomUUID() }))).resultCode).to.match(
      /^credential\./,
    );
  });

  it("lets a write happen once of 16 that race at two gateways, and answers retries by its first answer", async () => {
    const user = await api.newUser();
    const [own, other] = [await api.newDevice(user.userId), await api.newDevice(user.userId)];
    const { deviceSessionId, privateKey } = own;
    const actor = actorOf({ ...createDevice(), privateKey }, user.userId, deviceSessionId);
    const second = CALLERS["gRPC (grpc-js)"]!(gateways[1]!);
    closing.push(second);
    const requestId = randomUUID();
    const revoke = (afterMs: number) => {
      const timestampMs = BigInt(Date.now() + afterMs);
      return actor.command("session.revoke", { id: other.deviceSessionId }, { requestId, timestampMs });
    };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) => resultOf(revoke(index * 7), index % 2 === 0 ? grpc : second)),
    );
    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") expect(outcome.value).to.deep.equal({ resultCode: "ok", payload: {} });
      else
        expect(["COMMAND_IN_PROGRESS", "REQUEST_REPLAYED", "BUDGET_TYPE"]).to.include(
          factsOf(ConnectError.from(outcome.reason)).reason,
        );
    }
    expect(outcomes.map(({ status }) => status)).to.include("fulfilled");
    const events = await eventually("the event", async () => {
      const found = await api.context.mongo.collection("user_events").find({ userId: user.userId }).toArray();
      return found.length > 0 ? found : undefined;
    });
    expect(events.map(({ type }) => String(type))).to.deep.equal(["session.invalidated"]);
  });

  it("is told UNAVAILABLE when the API is killed after a write; a retry at another gets the first answer, and one effect", async () => {
    const user = await api.newUser();
    const [own, other] = [await api.newDevice(user.userId), await api.newDevice(user.userId)];
    const actor = actorOf({ ...createDevice(), privateKey: own.privateKey }, user.userId, own.deviceSessionId);
    const doomed = await startChild(api, {
      modules: ["sessions", "devices", "notifications", "commands"],
      serves: true,
      withChain: false,
      gatewayKey: api.internal.key.publicKey,
      crash: { mongo: "update device_commands", when: "after", nth: 1 },
    });
    const before = await startGateway({ ...environment, GATEWAY_API_URL: doomed.internalUrl });
    closing.push({ close: () => before.close(0) });
    const caller = CALLERS["gRPC (grpc-js)"]!(before);
    closing.push(caller);
    const request = actor.command("session.revoke", { id: other.deviceSessionId });
    expect(await rejected(caller.execute(request))).to.include({ reason: "BACKEND_UNAVAILABLE" });
    expect(await doomed.ended).to.equal("SIGKILL");
    const { requestId } = request.envelope;
    const changes = { requestId, timestampMs: BigInt(Date.now() + 1) };
    const retry = actor.command("session.revoke", { id: other.deviceSessionId }, changes);
    expect(await resultOf(retry)).to.deep.equal({ resultCode: "ok", payload: {} });
    const events = () => api.context.mongo.collection("user_events").find({ userId: user.userId }).toArray();
    await eventually("the event", async () => (await events()).length > 0);
    expect(await events()).to.have.length(1);
  });

  it("ends a device's stream and refuses its commands when it is revoked, from a browser or by a signed command", async () => {
    const user = await api.newUser();
    for (const how of ["browser", "command"]) {
      const device = createDevice();
      const { deviceSessionId, privateKey } = await api.newDevice(user.userId);
      const actor = actorOf({ ...device, privateKey }, user.userId, deviceSessionId);
      const stream = subscribe(actor);
      await eventually("the stream to begin", () => stream.events.length > 0);
      expect((await resultOf(actor.command("session.list"))).resultCode).to.equal("ok");
      if (how === "browser") {
        const revoked = await api.ask("DELETE", `/auth/sessions/${deviceSessionId}`, { token: user.token });
        expect(revoked.status).to.be.within(200, 204);
      } else {
        const { resultCode } = await resultOf(actor.command("session.revoke", { id: deviceSessionId }));
        expect(resultCode).to.equal("ok");
      }
      expect(await stream.ended, how).to.include({ code: "FAILED_PRECONDITION", reason: "SESSION_REVOKED" });
      await eventually("commands to be refused", async () => {
        const facts = await rejected(grpc.execute(actor.command("session.list"))).catch(() => undefined);
        return facts?.reason === "SESSION_REVOKED";
      });
    }
  });

  it("takes no token but its own: the API answers nobody else on that port", async () => {
    const stranger = await ask(`${api.internal.url}/api/v1/internal/sessions/${randomUUID()}`, "GET");
    expect(stranger.status).to.equal(401);
    const publicPort = await ask(`${api.url}/api/v1/user/session/list`, "GET");
    expect(publicPort.status).to.equal(404);
  });
});
