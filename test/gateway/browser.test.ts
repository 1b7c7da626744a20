import { expect } from "chai";
import { build } from "esbuild";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { randomUUID } from "node:crypto";
import { type Chromium, chromiumPath, startChromium, type Tab } from "../support/chromium";
import { type GatewayFixture, gatewayFixture } from "../support/gateway/gatewayFixture";
import type { TestGateway } from "../support/gateway/startGateway";

describe("a page in a browser", () => {
  let pages: Server;
  let origin: string;
  let browser: Chromium | undefined;
  let fixture: GatewayFixture;
  let gateway: TestGateway;

  before(async function () {
    const path = chromiumPath();
    if (path === undefined) this.skip();
    const entry = join(__dirname, "..", "support", "gateway", "browserClient.ts");
    const bundle = await build({
      entryPoints: [entry],
      bundle: true,
      platform: "browser",
      write: false,
      logLevel: "silent",
    });
    const script = bundle.outputFiles[0]?.text ?? "";
    pages = createServer((request, response) => {
      const isScript = request.url === "/client.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : `<!doctype html><title>page</title><script src="/client.js"></script>`);
    });
    pages.listen(0, "127.0.0.1");
    await once(pages, "listening");
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    fixture = await gatewayFixture();
    gateway = await fixture.start({ gateway: { corsOrigins: [origin] } });
    browser = await startChromium(path);
  });
  after(async () => {
    if (browser === undefined) return;
    await browser.close();
    await fixture.close();
    pages.close();
  });

  async function device(at = origin): Promise<{ tab: Tab; deviceSessionId: string }> {
    const tab = await browser!.openTab();
    await tab.goto(at);
    const publicKey = Buffer.from(await tab.evaluate<string>("device.register()"), "base64url");
    return { tab, deviceSessionId: await fixture.api.addDevice({ publicKey }, randomUUID()) };
  }

  for (const protocol of ["gRPC-Web", "Connect"]) {
    it(`of an allowed origin commands and subscribes over ${protocol}, and verifies what it is answered`, async () => {
      const { tab, deviceSessionId } = await device();
      const args = (...more: string[]) =>
        [protocol, gateway.http, deviceSessionId, ...more].map((arg) => JSON.stringify(arg));
      const answer = await tab.evaluate(`device.execute(${args("credentials.list").join()})`);
      expect(answer).to.deep.equal({ resultCode: "ok", payload: { items: [] }, isSigned: true, isOurs: true });
      const refused = await tab.evaluate(
        `device.execute(${args("credentials.burn").join()}).catch((e) => e.rawMessage)`,
      );
      expect(refused).to.include("no such message_type");
      const event = await tab.evaluate(`device.subscribe(${args().join()})`);
      expect(event).to.deep.equal({ type: "gateway.server_time", isSigned: true, isOurs: true });
      // That a refusal has a status of HTTP is all that the console says.
      expect(tab.consoleErrors.filter((line) => !line.includes("501 (Not Implemented)"))).to.deep.equal([]);
      await tab.close();
    });
  }

  it("of another origin reads no answer", async () => {
    const { tab, deviceSessionId } = await device(origin.replace("127.0.0.1", "localhost"));
    const args = ["Connect", gateway.http, deviceSessionId, "credentials.list"].map((arg) => JSON.stringify(arg));
    const before = fixture.api.requests.length;
    expect(await tab.evaluate(`device.execute(${args.join()}).then(() => "read", () => "blocked")`)).to.equal(
      "blocked",
    );
    expect(fixture.api.requests, "not even asked").to.have.length(before);
    await tab.close();
  });
});
