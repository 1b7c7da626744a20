import { expect } from "chai";
import { authorizeQuery, createBrowser, setUpNonce } from "../../../support/oauthBrowser";
import { type Chromium, chromiumPath, type ColorScheme, startChromium, type Tab } from "../../../support/chromium";
import { fixture, type Fixture } from "../../../support/fixture";
import { movableClock } from "../../../support/fakeClock";
import { OAUTH_MODULES, type OAuthActors, startOAuthActors } from "../../../support/oauthActors";
import { eventually } from "../../../support/eventually";
import { CONTRASTS, FOCUSED, MOVING, OVERFLOWING } from "../../../support/pageChecks";

const STATES = {
  waiting: { status: "authorized", heading: "Show it with your wallet", says: "Waiting for your wallet" },
  verified: { status: "verified", heading: "Verified", says: "Your wallet has answered." },
  failed: { status: "failed", heading: "Not verified", says: "Nothing was confirmed." },
  expired: { status: "expired", heading: "Time is up", says: "This request has expired." },
} as const;
type State = keyof typeof STATES;
const SCHEMES: ColorScheme[] = ["light", "dark"];
const [DESK, PHONE] = [
  { width: 1280, height: 800 },
  { width: 360, height: 740 },
];

describe("the OAuth gateway's page, in a browser", () => {
  const clock = movableClock();
  let cairn: Fixture;
  let oauth: OAuthActors;
  let chromium: Chromium;
  const tabs: Tab[] = [];

  before(async function () {
    const path = chromiumPath();
    if (path === undefined) {
      // Said aloud: these promises are kept nowhere else.
      console.log("      no Chromium here: name one in CHROMIUM_PATH to run these");
      return this.skip();
    }
    cairn = await fixture("oauth_page", { modules: OAUTH_MODULES, workers: true, clock });
    oauth = await startOAuthActors(cairn);
    chromium = await startChromium(path);
  });
  afterEach(async () => {
    await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  });
  after(async () => {
    if (chromiumPath() === undefined) return;
    await chromium.close();
    await oauth.close();
    await cairn.close();
  });

  const newest = () => oauth.verifier.verifications.all().at(-1)!.id;
  const textOf = (tab: Tab, selector: string) =>
    tab.evaluate<string>(`document.querySelector(${JSON.stringify(selector)}).textContent`);

  async function open(scheme: ColorScheme, size = PHONE, hold = true): Promise<Tab> {
    const tab = await chromium.openTab();
    tabs.push(tab);
    await tab.show({ ...size, scheme });
    // The page goes on by itself; here it stays to be looked at.
    if (hold) await tab.prepare("window.setTimeout = () => 0;");
    await tab.goto(`${oauth.url}/authorize/${await setUpNonce(oauth)}?${authorizeQuery(oauth.client)}`);
    return tab;
  }

  async function bringTo(state: State, tab: Tab): Promise<void> {
    if (state === "verified") oauth.verifier.answerAsWallet(newest(), "show");
    if (state === "failed") oauth.verifier.answerAsWallet(newest(), "decline");
    if (state === "expired") clock.moveSeconds(901);
    const { status } = STATES[state];
    await eventually(`the page says ${status}`, async () =>
      tab.evaluate<boolean>(`document.querySelector("main").dataset.status === "${status}"`),
    );
  }

  for (const state of Object.keys(STATES) as State[]) {
    const { heading, says } = STATES[state];

    it(`has one heading, a language, a main part and a live region that speaks, when ${state}`, async () => {
      const tab = await open("light");
      await tab.evaluate(`document.getElementById("state").kept = true`);
      await bringTo(state, tab);
      expect(await tab.evaluate("document.documentElement.lang")).to.equal("en");
      expect(await tab.evaluate("document.title")).to.equal(`${heading} - Shop & Sons`);
      const tree = await tab.accessibilityTree();
      const named = (role: string) => tree.filter((node) => node.role === role);
      expect(named("heading").map(({ name, level }) => [name, level])).to.deep.equal([[heading, 1]]);
      expect(named("main")).to.have.length(1);
      expect(named("status").map(({ live }) => live)).to.deep.equal(["polite"]);
      // Only a region that stays where it was is read out when its text changes.
      expect(await tab.evaluate(`document.querySelector("[role=status]").kept`)).to.equal(true);
      expect(await textOf(tab, "[role=status]")).to.include(says);
      expect(named("image").map(({ name }) => name)).to.deep.equal(
        state === "waiting" ? ["QR code that opens the request in your wallet"] : [],
      );
    });

    it(`is walked through with the Tab key, focus in sight, when ${state}`, async () => {
      const tab = await open("light");
      await bringTo(state, tab);
      if (state !== "waiting") {
        // The link that had focus is gone: focus must not fall back to nowhere.
        expect((await tab.evaluate<{ text: string }>(FOCUSED)).text).to.equal(heading);
      }
      await tab.press("Tab");
      expect(await tab.evaluate(FOCUSED)).to.deep.equal({
        text: state === "waiting" ? "Open the wallet on this device" : "Back to Shop & Sons",
        outlined: true,
      });
      expect(
        await tab.evaluate(`[...document.querySelectorAll("a, button, [tabindex='0']")]
        .filter((one) => one.getClientRects().length > 0).length`),
      ).to.equal(1);
    });

    for (const scheme of SCHEMES) {
      it(`can be read by everyone in ${scheme} colours when ${state}: contrast of 4.5 and more, also at a desk`, async () => {
        const tab = await open(scheme);
        await bringTo(state, tab);
        const grounds: string[] = [];
        for (const size of [PHONE, DESK]) {
          await tab.show({ ...size, scheme });
          grounds.push(await tab.evaluate(`getComputedStyle(document.querySelector("main")).backgroundColor`));
          const contrasts = await tab.evaluate<{ text: string; ratio: number }[]>(CONTRASTS);
          expect(contrasts.length).to.be.greaterThan(4);
          for (const { text, ratio } of contrasts) expect(ratio, text).to.be.at.least(4.5);
        }
        const paper = scheme === "light" ? "rgb(255, 255, 255)" : "rgb(27, 32, 41)";
        expect(grounds, "the colours are those asked for").to.deep.equal([paper, paper]);
      });
    }

    it(`cuts nothing off at 200 % zoom and on the narrowest phone, and moves nothing, when ${state}`, async () => {
      const tab = await open("light");
      await bringTo(state, tab);
      for (const size of [
        { width: 640, height: 400, scale: 2 },
        { width: 320, height: 568 },
        { width: 180, height: 370, scale: 2 },
      ]) {
        await tab.show({ ...size, scheme: "light", reducedMotion: true });
        expect(await tab.evaluate(OVERFLOWING), `${size.width} wide`).to.deep.equal([]);
      }
      expect(await tab.evaluate(MOVING)).to.equal(0);
    });

    it(`runs and styles nothing inline, and its policy refuses it nothing, when ${state}`, async () => {
      const tab = await open("light");
      await bringTo(state, tab);
      expect(
        await tab.evaluate(`document.querySelectorAll("script:not([src]), style, [style], [onclick]").length`),
      ).to.equal(0);
      expect(tab.consoleErrors).to.deep.equal([]);
    });
  }

  it("shows the code without scrolling at a desk, and the way into the wallet and the state on a phone", async () => {
    const tab = await open("light", DESK);
    const bottom = (selector: string) =>
      tab.evaluate<number>(`document.querySelector("${selector}").getBoundingClientRect().bottom`);
    expect(await bottom(".code"))
      .to.be.below(DESK.height)
      .and.below(await bottom("#wallet .button"));
    await tab.show({ ...PHONE, scheme: "light" });
    expect(await bottom("#state")).to.be.below(PHONE.height / 2);
    expect(await bottom("#wallet .button")).to.be.below(PHONE.height / 2);
  });

  it("goes back to the client by itself when verified", async () => {
    const tab = await open("light", PHONE, false);
    const logged = cairn.log().length;
    oauth.verifier.answerAsWallet(newest(), "show");
    await eventually("the browser asks for the way back", () =>
      cairn.log().slice(logged).includes("/authorize/:verificationId/finish"),
    );
    await eventually(
      "the page is left",
      async () => !(await tab.evaluate<string>("location.href")).startsWith(oauth.url),
    );
  });

  it("stays the same verification when a phone loads it again, and its address gives nothing away", async () => {
    const tab = await chromium.openTab();
    tabs.push(tab);
    await tab.goto(`${oauth.url}/authorize?${authorizeQuery(oauth.client)}`);
    const [id, count] = [newest(), oauth.verifier.verifications.all().length];
    const address = await tab.evaluate<string>("location.href");
    expect(address).to.equal(`${oauth.url}/authorize/${id}/page`);
    await tab.goto(address);
    expect(await textOf(tab, "h1")).to.equal(STATES.waiting.heading);
    expect(oauth.verifier.verifications.all()).to.have.length(count);
  });

  it("says the time it is good until by the clock of whoever reads it", async () => {
    const tab = await open("light");
    const shown = await textOf(tab, "#until");
    expect(shown).to.equal(
      await tab.evaluate(
        `new Date(document.getElementById("until").dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })`,
      ),
    );
  });

  it("follows and goes on without any script", async () => {
    const browser = createBrowser(oauth.url);
    const { text } = await browser.get(`/authorize/${await setUpNonce(oauth)}?${authorizeQuery(oauth.client)}`);
    const id = newest();
    expect(text).to.include(`<noscript><meta http-equiv="refresh" content="5;url=/authorize/${id}/page"></noscript>`);
    expect(text).to.match(/good until <time [^>]*>\d\d:\d\d UTC<\/time>/);
    oauth.verifier.answerAsWallet(id, "decline");
    await eventually("the page says failed", async () => {
      const page = await browser.get(`/authorize/${id}/page`);
      return page.text.includes(
        `<noscript><meta http-equiv="refresh" content="8;url=/authorize/${id}/finish"></noscript>`,
      );
    });
  });

  it("says what to do when a link is not its browser's, and shows nothing else", async () => {
    for (const scheme of SCHEMES) {
      const tab = await chromium.openTab();
      tabs.push(tab);
      await tab.show({ ...PHONE, scheme });
      await tab.goto(`${oauth.url}/authorize/unknown?state=af0ifjsldkj`);
      const tree = await tab.accessibilityTree();
      expect(tree.filter(({ role }) => role === "heading" || role === "alert").map(({ role }) => role)).to.deep.equal([
        "heading",
        "alert",
      ]);
      expect(await textOf(tab, "body"))
        .to.include("Go back to the site you came from and begin again.")
        .and.not.include("af0ifjsldkj");
      for (const { text, ratio } of await tab.evaluate<{ text: string; ratio: number }[]>(CONTRASTS)) {
        expect(ratio, text).to.be.at.least(4.5);
      }
    }
  });
});
