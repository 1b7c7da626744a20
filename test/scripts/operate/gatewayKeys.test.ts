import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executeCommand } from "../../../scripts/operate/command";
import { keysCommand } from "../../../scripts/operate/keys";
import { SERVICE_KEY } from "../../support/gateway/mockApi";

describe("npm run keys -- gateway", () => {
  const directory = mkdtempSync(join(tmpdir(), "cairn-gateway-keys-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const result = { code: 0, stdout: "", stderr: "" };
    const env = { NODE_ENV: "test", GATEWAY_KEYS_DIR: directory, GATEWAY_SERVICE_KEY: SERVICE_KEY };
    result.code = await executeCommand(keysCommand, ["gateway", ...args], {
      env,
      print: (line) => (result.stdout += `${line}\n`),
      printError: (line) => (result.stderr += `${line}\n`),
    });
    return result;
  }

  it("makes the first key, publishes the next a day before it signs, lists both, and waits with the one after", async () => {
    expect((await run("list")).stdout).to.include("there is no key yet");
    expect((await run("rotate")).stdout).to.match(/^[\w-]{43} is published from now on and signs from \S+\n$/);
    expect((await run("rotate")).code).to.equal(0);
    expect((await run("list")).stdout).to.match(
      /^[\w-]{43} {2}signs {2}from \S+ {2}published\n[\w-]{43} {2}will sign {2}from \S+ {2}published\n$/,
    );
    const third = await run("rotate");
    expect([third.code, third.stdout]).to.deep.equal([1, ""]);
    expect(third.stderr).to.include("rotate after that");
  });

  it("prints its usage after wrong arguments", async () => {
    for (const args of [[], ["burn"], ["rotate", "now"]]) {
      const { code, stderr } = await run(...args);
      expect(code).to.equal(64);
      expect(stderr).to.include("npm run keys -- gateway rotate");
    }
  });
});
