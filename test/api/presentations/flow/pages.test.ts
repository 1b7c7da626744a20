import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { type Chromium, chromiumPath, type ColorScheme, startChromium, type Tab } from "../../../support/chromium";
import { eventually } from "../../../support/eventually";
import { type MovableClock, movableClock } from "../../../support/fakeClock";
import { ADMIN_KEY } from "../../../support/fixture";
import { CONTRASTS, FOCUSED, MOVING, OVERFLOWING } from "../../../support/pageChecks";
import {
  flowStore,
  makeFlow,
  presentForCallback,
  presentTo,
  storedFlow,
} from "../../../support/presentations/flowBrowser";
import { type RelyingParty, relyingParty } from "../../../support/presentations/relyingParty";
import { post, readRequest } from "../../../support/presentations/wallet";

const SIZES = { phone: { width: 390, height: 844 }, desk: { width: 1280, height: 800 } };
const SCHEMES: ColorScheme[] = ["light", "dark"];

/** Each page of a flow: its heading, what it says, and what can be reached with the Tab key, in that order. */
const PAGES = {
  choice: {
    heading: "Where is your wallet?",
    says: "Nothing is shown before you agree in your wallet.",
    reached: ["Wallet on this device", "Wallet on another device"],
  },
  link: {
    heading: "Open your wallet",
    says: "Waiting for you to come back from your wallet",
    reached: ["Open the wallet", "Use another device instead"],
  },
  code: { heading: "Scan with your wallet", says: "Waiting for your wallet", reached: ["Use this device instead"] },
  returned: { heading: "One moment", says: "The answer is being verified", reached: [] },
  success: {
    heading: "Verification successful",
    says: "Your Identity card has been successfully verified.",
    reached: ["Continue to Shop & Sons"],
  },
  failure: {
    heading: "Verification failed",
    says: "You declined in your wallet.",
    reached: ["Back to Shop & Sons"],
  },
  error: { heading: "Verification timeout", says: "took too long", reached: ["Back to Shop & Sons"] },
  expiry: {
    heading: "Verification request has expired",
    says: "Go back and begin again.",
    reached: ["Back to Shop & Sons"],
  },
} as const;
type Page = keyof typeof PAGES;

describe("the pages of a flow, in a browser", () => {
  let clock: MovableClock;
  let party: RelyingParty;
  let shop: Shop;
  let chromium: Chromium;
  const tabs: Tab[] = [];

  before(async function () {
    const path = chromiumPath();
    if (path === undefined) {
      // Said aloud: these promises are kept nowhere else.
      console.log("      no Chromium here: name one in CHROMIUM_PATH to run these");
      return this.skip();
    }
    clock = movableClock();
    const presentationFlow = { pollMs: 200 };
    party = await relyingParty("flow-pages", { clock, config: { presentationFlow } });
    shop = await startShop(party);
    chromium = await startChromium(path);
  });
  afterEach(async () => {
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  });
  after(async () => {
    if (chromiumPath() === undefined) return;
    await chromium.close();
    await shop.close();
    await party.close();
  });

  interface Opened {
    tab: Tab;
    sessionId: string;
    transactionId: string;
  }

  async function newTab(): Promise<Tab> {
    const tab = await chromium.openTab();
    tabs.push(tab);
    return tab;
  }

  async function open(size: keyof typeof SIZES, scheme: ColorScheme = "light"): Promise<Opened> {
    const made = await makeFlow(
      { on: party.on, verifier: { ...party.verifier, apiKey: shop.apiKey } },
      { redirectUri: shop.returnUrl, credentialType: "Identity card" },
    );
    const tab = await newTab();
    await tab.show({ ...SIZES[size], scheme });
    await tab.goto(made.flowUrl);
    return { tab, ...made };
  }

  const headingOf = (tab: Tab) => tab.evaluate<string>(`document.querySelector("h1")?.textContent ?? ""`);

  async function untilPage(tab: Tab, page: Page): Promise<void> {
    const { heading } = PAGES[page];
    await eventually(`the page says ${heading}`, async () => {
      // Between two pages there is none.
      const shown = await tab.evaluate<string>(`document.readyState + document.querySelector("h1")?.textContent`);
      return shown === `complete${heading}`;
    });
  }

  const press = (tab: Tab, label: string) =>
    tab.evaluate(
      `[...document.querySelectorAll("a, button")].find((one) => one.textContent === ${JSON.stringify(label)}).click()`,
    );

  async function choose(opened: Opened, page: "link" | "code"): Promise<string> {
    await press(opened.tab, PAGES.choice.reached[page === "link" ? 0 : 1]);
    await untilPage(opened.tab, page);
    const { request } = await storedFlow(party, opened.sessionId);
    return request?.walletUrl ?? "";
  }

  /** Leads a browser to a page as people and wallets do. */
  async function lead(opened: Opened, page: Page): Promise<void> {
    const { tab, sessionId } = opened;
    if (page === "link") await choose(opened, "link");
    if (page === "code") await choose(opened, "code");
    if (page === "returned") {
      await choose(opened, "link");
      const { request, browserHash } = await storedFlow(party, sessionId);
      const returning = { callbackHash: request?.callbackHash ?? "", browserHash: browserHash ?? "", now: clock.now() };
      expect(await flowStore(party).returnFromWallet(sessionId, returning)).to.equal(true);
    }
    if (page === "success") await tab.goto(await presentForCallback(party, await choose(opened, "link")));
    if (page === "failure") {
      const { claims } = await readRequest(await choose(opened, "code"));
      await post(claims.response_uri, { error: "access_denied", state: claims.state });
    }
    if (page === "error") {
      await choose(opened, "code");
      const { maxQrPolls } = party.on.context.config.presentationFlow;
      const flows = party.on.context.mongo.collection("presentation_flows");
      await flows.updateOne({ _id: sessionId as never }, { $set: { polls: maxQrPolls } });
    }
    if (page === "expiry") {
      await choose(opened, "code");
      clock.moveSeconds(301);
    }
    await untilPage(tab, page);
  }

  for (const size of Object.keys(SIZES) as (keyof typeof SIZES)[]) {
    it(`lead through the whole flow on one device, at ${size} width, and the shop reads the result`, async () => {
      const opened = await open(size);
      const { tab } = opened;
      expect(await headingOf(tab)).to.equal(PAGES.choice.heading);
      const link = await choose(opened, "link");
      const href = await tab.evaluate<string>(`document.querySelector("a.button").href`);
      expect(href).to.equal(link);
      // What the phone does with the wallet's answer.
      await tab.goto(await presentForCallback(party, href));
      expect(await headingOf(tab)).to.equal(PAGES.success.heading);
      expect(await tab.evaluate("location.href")).to.equal(`${party.on.url}/vp-flow/${opened.sessionId}`);
      await press(tab, "Continue to Shop & Sons");
      const back = await shop.visited();
      expect(await shop.read(opened.transactionId, back.searchParams.get("response_code") ?? "")).to.include({
        result: "valid",
      });
      expect(tab.consoleErrors).to.deep.equal([]);
    });

    it(`lead through the whole flow with a QR code, at ${size} width, and follow the wallet by themselves`, async () => {
      const opened = await open(size);
      await presentTo(party, await choose(opened, "code"));
      await untilPage(opened.tab, "success");
      await press(opened.tab, "Continue to Shop & Sons");
      const back = await shop.visited();
      expect(await shop.read(opened.transactionId, back.searchParams.get("response_code") ?? "")).to.include({
        result: "valid",
      });
    });
  }

  it("refuse the same device's code in another browser, whose page says what to do, and go on in the first", async () => {
    const opened = await open("phone");
    const callback = await presentForCallback(party, await choose(opened, "link"));
    const other = await newTab();
    await other.show({ ...SIZES.phone, scheme: "light" });
    await other.goto(callback);
    expect(await headingOf(other)).to.equal("This does not work");
    const text = await other.evaluate<string>("document.body.textContent");
    expect(text).to.include("You began this verification in another browser.").and.not.include("Ada");
    expect(await storedFlow(party, opened.sessionId)).to.include({ status: "waiting" });
    await opened.tab.goto(callback);
    expect(await headingOf(opened.tab)).to.equal(PAGES.success.heading);
  });

  it("let a person change the wallet", async () => {
    const opened = await open("phone");
    await choose(opened, "code");
    await press(opened.tab, "Use this device instead");
    await untilPage(opened.tab, "link");
    await press(opened.tab, "Use another device instead");
    await untilPage(opened.tab, "code");
  });

  it("lead through the flow without scripts", async () => {
    const opened = await open("desk");
    await opened.tab.disableScripts();
    await opened.tab.goto(`${party.on.url}/vp-flow/${opened.sessionId}`);
    // No script, no click from one: the form is sent with the keyboard.
    await opened.tab.press("Tab");
    await opened.tab.press("Tab");
    await opened.tab.press("Enter");
    await eventually("a wallet is asked", async () => (await storedFlow(party, opened.sessionId)).status === "waiting");
    const { request } = await storedFlow(party, opened.sessionId);
    expect(request?.flow).to.equal("cross_device");
    await presentTo(party, request?.walletUrl ?? "");
    await eventually("the page has polled by itself", async () => {
      return (await storedFlow(party, opened.sessionId)).status === "succeeded";
    });
  });

  for (const page of Object.keys(PAGES) as Page[]) {
    const { heading, says, reached } = PAGES[page];

    it(`has one heading, a language, a main part, a status and names for what it shows: ${page}`, async () => {
      const opened = await open("phone");
      await lead(opened, page);
      const { tab } = opened;
      expect(await tab.evaluate("document.documentElement.lang")).to.equal("en");
      expect(await tab.evaluate("document.title")).to.equal(`${heading} - Shop & Sons`);
      const tree = await tab.accessibilityTree();
      const named = (role: string) => tree.filter((node) => node.role === role);
      expect(named("heading").map(({ name, level }) => [name, level])).to.deep.equal([[heading, 1]]);
      expect(named("main")).to.have.length(1);
      expect(named("status").map(({ live }) => live)).to.deep.equal(["polite"]);
      expect(await tab.evaluate<string>(`document.querySelector("[role=status]").textContent`)).to.include(says);
      expect(named("image").map(({ name }) => name)).to.deep.equal(
        page === "code" ? ["QR code that opens the request in your wallet"] : [],
      );
      for (const label of reached) {
        await tab.press("Tab");
        expect(await tab.evaluate(FOCUSED)).to.deep.equal({ text: label, outlined: true });
      }
      expect(
        await tab.evaluate(`document.querySelectorAll("script:not([src]), style, [style], [onclick]").length`),
      ).to.equal(0);
      expect(tab.consoleErrors).to.deep.equal([]);
    });

    it(`is read by everyone, whole and without motion, in both colours, at phone and desk width: ${page}`, async () => {
      const opened = await open("phone");
      await lead(opened, page);
      const { tab } = opened;
      for (const scheme of SCHEMES) {
        for (const size of [
          ...Object.values(SIZES),
          { width: 320, height: 568 },
          { width: 640, height: 400, scale: 2 },
        ]) {
          await tab.show({ ...size, scheme });
          const contrasts = await tab.evaluate<{ text: string; ratio: number }[]>(CONTRASTS);
          expect(contrasts.length).to.be.greaterThan(1);
          for (const { text, ratio } of contrasts) expect(ratio, `${scheme}: ${text}`).to.be.at.least(4.5);
          expect(await tab.evaluate(OVERFLOWING), `${size.width} wide`).to.deep.equal([]);
        }
      }
      expect(await tab.evaluate(MOVING)).to.equal(0);
    });
  }

  it("show the QR code whole, without scrolling, on a phone and at a desk", async () => {
    const opened = await open("phone");
    await choose(opened, "code");
    for (const size of Object.values(SIZES)) {
      await opened.tab.show({ ...size, scheme: "light" });
      const bottom = await opened.tab.evaluate<number>(
        `document.querySelector(".code").getBoundingClientRect().bottom`,
      );
      expect(bottom).to.be.below(size.height);
    }
  });
});

/** The relying party's server: what browsers bring it, and what it reads. */
interface Shop {
  returnUrl: string;
  apiKey: string;
  /** The next visit of a browser. */
  visited(): Promise<URL>;
  read(transactionId: string, code: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

async function startShop(party: RelyingParty): Promise<Shop> {
  const visits: URL[] = [];
  const server: Server = createServer(({ url = "" }, response) => {
    if (url.startsWith("/return")) visits.push(new URL(url, "http://shop.example"));
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>Shop</title><link rel=icon href=data:,>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const returnUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/return`;
  const body = { name: "Shop & Sons", redirectUris: [returnUrl] };
  const added = await party.on.ask("POST", "/verifiers", { token: ADMIN_KEY, body });
  const apiKey = String(added.body["apiKey"]);
  return {
    returnUrl,
    apiKey,
    async visited() {
      await eventually("a browser comes back", () => Promise.resolve(visits.length > 0));
      return visits.shift()!;
    },
    read: async (transactionId, code) => (await party.result(transactionId, { code, apiKey })).body,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
