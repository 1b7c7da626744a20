import { expect } from "chai";
import { createHmac } from "node:crypto";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openVerificationStore } from "../../../../api/verification/store";
import { afterAttempt, isPrivateAddress, openWebhookSender } from "../../../../api/webhooks/delivery/actions";
import { eventually } from "../../../support/eventually";
import { type FakeClock, fakeClock } from "../../../support/fakeClock";
import {
  answerChallenge,
  confirm,
  issue,
  newHolder,
  newIssuer,
  newVerifier,
  requestVerification,
  type TestHolder,
  type TestIssuer,
  type TestVerifier,
} from "../../../support/credentialActors";
import { type Fixture, fixture } from "../../../support/fixture";

interface Received {
  headers: IncomingHttpHeaders;
  body: string;
}

describe("a verifier's webhook", () => {
  let on: Fixture;
  let clock: FakeClock;
  let issuer: TestIssuer;
  let alice: TestHolder;
  let verifier: TestVerifier;
  let server: Server;
  let received: Received[];
  let answerWith: number;

  before(async () => {
    clock = fakeClock();
    on = await fixture("webhook", {
      modules: ["issuers", "credentials", "verification"],
      chain: true,
      workers: true,
      clock,
    });
    server = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        received.push({ headers: request.headers, body });
        response.writeHead(answerWith).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    issuer = await newIssuer(on);
    alice = await newHolder(on);
    verifier = await newVerifier(on, "ACME", `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`);
  });

  beforeEach(() => {
    received = [];
    answerWith = 204;
  });

  after(async () => {
    server.close();
    await on.close();
  });

  async function present(signer = alice) {
    const { credentialId } = await issue(on, issuer, alice);
    const opened = await requestVerification(on, verifier, credentialId);
    await confirm(on, answerChallenge(opened, signer));
    return opened.verificationId as string;
  }

  /** As Standard Webhooks has receivers do it. */
  function expectSigned({ headers, body }: Received): void {
    const key = Buffer.from(verifier.webhookSecret!.slice("whsec_".length), "base64");
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    expect(headers["webhook-signature"]).to.equal(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    expect(Number(headers["webhook-timestamp"])).to.equal(Math.floor(clock.now().getTime() / 1000));
  }

  it("is told of a success once, signed, without the credential's content", async () => {
    const verificationId = await present();
    await eventually("the webhook", () => received.length > 0);
    expectSigned(received[0]!);
    const { type, data } = JSON.parse(received[0]!.body);
    expect(type).to.equal("verification.verified");
    expect(data).to.include({ verificationId, status: "verified", code: null });
    expect(received[0]!.body).not.to.include("Alice Smith");
    const delivery = async () => (await openVerificationStore(on.context.mongo).find(verificationId))!.delivery!;
    await eventually("the delivery to be noted", async () => (await delivery()).deliveredAt !== null);
    expect((await delivery()).dueAt).to.equal(null);
    expect(received).to.have.length(1);
  });

  it("is told of a failure with the check that failed", async () => {
    await present(await newHolder(on));
    await eventually("the webhook", () => received.length > 0);
    const { type, data } = JSON.parse(received[0]!.body);
    expect(type).to.equal("verification.failed");
    expect(data.code).to.equal("verification.holder_mismatch");
    expect(data.checks).to.deep.include({ name: "holder_signature", outcome: "fail" });
  });

  it("is tried again under the same id when it does not take the message", async () => {
    answerWith = 500;
    await present();
    await eventually("the first attempt", () => received.length === 1);
    answerWith = 200;
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(received, "attempts before the pause is over").to.have.length(1);
    clock.advance(5);
    await eventually("the second attempt", () => received.length === 2);
    expect(received[1]!.headers["webhook-id"]).to.equal(received[0]!.headers["webhook-id"]);
    expectSigned(received[1]!);
  });

  it("is given up after the last pause, which ends more than three days after the first", () => {
    let delivery = {
      dueAt: new Date(0) as Date | null,
      attempts: 0,
      deliveredAt: null as Date | null,
      fault: null as string | null,
    };
    let now = new Date(0);
    for (; delivery.dueAt !== null; now = delivery.dueAt ?? now) delivery = afterAttempt(delivery, "answered 500", now);
    expect(delivery.attempts).to.equal(10);
    expect(now.getTime()).to.be.greaterThan(3 * 24 * 3600 * 1000);
  });
});

describe("webhooks keep out of private networks", () => {
  it("by address", () => {
    for (const address of [
      "127.0.0.1",
      "10.1.2.3",
      "169.254.169.254",
      "192.168.0.1",
      "::1",
      "fd00::1",
      "fe80::1",
      "::ffff:10.0.0.1",
      "0.0.0.0",
    ]) {
      expect(isPrivateAddress(address), address).to.equal(true);
    }
    for (const address of ["1.1.1.1", "172.32.0.1", "2606:4700::1111"])
      expect(isPrivateAddress(address), address).to.equal(false);
  });

  it("by name, scheme and literal, before anything is sent", async () => {
    const send = openWebhookSender({ allowPrivate: false });
    const message = { body: "{}", headers: {} };
    const failure = (url: string) => send(url, message).then(String, (error: unknown) => (error as Error).message);
    expect(await failure("https://localhost/hook")).to.equal("localhost leads into a private network");
    expect(await failure("https://127.0.0.1/hook")).to.equal("the webhook URL leads into a private network");
    expect(await failure("https://[::1]/hook")).to.equal("the webhook URL leads into a private network");
    expect(await failure("http://example.com/hook")).to.equal("the webhook URL is not https");
  });
});
