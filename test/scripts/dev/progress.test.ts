import { expect } from "chai";
import { createProgress } from "../../../scripts/dev/progress";
import { eventually } from "../../support/eventually";

describe("the output of npm start", () => {
  function started(isTTY: boolean) {
    const written: string[] = [];
    const progress = createProgress({ isTTY, write: (text) => written.push(text) }, 20);
    return { written, ...progress };
  }

  it("names what it waits for whenever nothing else is said", async () => {
    const { written, doing, say, done } = started(false);
    doing("deploying the contracts");
    await eventually("three reminders", () => written.length >= 3);
    say("deployed");
    done();
    expect(written[0]).to.equal("... deploying the contracts (0 s)\n");
    expect(written.at(-1)).to.equal("deployed\n");
  });

  it("rewrites one line at a terminal, and clears it for what is said next", async () => {
    const { written, doing, say, done } = started(true);
    doing("step 3 of the story");
    await eventually("two reminders", () => written.length >= 2);
    say("done");
    done();
    expect(written[0]).to.equal("... step 3 of the story (0 s)");
    expect(written[1]).to.equal("\r\u001b[K... step 3 of the story (0 s)");
    expect(written.at(-1)).to.equal("\r\u001b[Kdone\n");
  });

  it("is silent while nothing is waited for", async () => {
    const { written, doing, done } = started(false);
    doing("anything");
    await eventually("a reminder", () => written.length > 0);
    done();
    const before = written.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(written.length).to.equal(before);
  });
});
