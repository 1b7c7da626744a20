import { expect } from "chai";
import { createProgress } from "../../../scripts/dev/progress";
import { eventually } from "../../support/eventually";

describe("the output of npm start", () => {
  function started(isTTY: boolean) {
    const written: string[] = [];
    const progress = createProgress({ isTTY, write: (text) => written.push(text) }, 20);
    return { written, ...progress };
  }

  it("names the activity whenever nothing else is printed", async () => {
    const { written, print, start, end } = started(false);
    start("deploying the contracts");
    await eventually("three reminders", () => written.length >= 3);
    print("deployed");
    end();
    expect(written[0]).to.equal("... deploying the contracts (0 s)\n");
    expect(written.at(-1)).to.equal("deployed\n");
  });

  it("rewrites one line at a terminal, and clears it for what is printed next", async () => {
    const { written, print, start, end } = started(true);
    start("step 3 of the demo");
    await eventually("two reminders", () => written.length >= 2);
    print("done");
    end();
    expect(written[0]).to.equal("... step 3 of the demo (0 s)");
    expect(written[1]).to.equal("\r\u001b[K... step 3 of the demo (0 s)");
    expect(written.at(-1)).to.equal("\r\u001b[Kdone\n");
  });

  it("is silent after the activity has ended", async () => {
    const { written, start, end } = started(false);
    start("anything");
    await eventually("a reminder", () => written.length > 0);
    end();
    const before = written.length;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(written.length).to.equal(before);
  });
});
