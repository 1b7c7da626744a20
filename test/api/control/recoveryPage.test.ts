import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { newController } from "../../support/controlActors";
import { type Fixture, fixture } from "../../support/fixture";

const ROOT = join(__dirname, "../../..");
const PAGE = readFileSync(join(ROOT, "docs/recovery.md"), "utf8");

/** The blocks of the page in one language, in their order. */
function blocks(language: string): string[] {
  return [...PAGE.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text]) =>
    name === language && text !== undefined ? [text] : [],
  );
}

interface SuccessorFile {
  successor: string;
  commitment: string;
}

describe("docs/recovery.md", () => {
  let on: Fixture;
  let folder: string;

  before(async () => {
    on = await fixture("recovery-page", { modules: ["wallets", "control"], chain: true, workers: true });
    await on.startIndexer();
    folder = mkdtempSync(join(tmpdir(), "cairn-recovery-"));
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await on.close();
  });

  it("names a successor and takes control with it, by the page's own script and commands", async () => {
    const { identity, did, token, wallet } = await newController(on);
    const [script = ""] = blocks("js");
    writeFileSync(join(folder, "recovery.mjs"), script);
    writeFileSync(join(folder, "controller.key"), `${wallet.privateKey}\n`);
    const [where = "", ...commands] = blocks("sh");
    expect(where, "the block with what is the reader's own").to.match(/^API=.*\nSESSION=.*\nDID=.*\n$/);
    // The operation that takes control is followed as the one before.
    const follow = commands.find((block) => block.startsWith("ID="));
    expect(follow).to.be.a("string");
    await promisify(execFile)("bash", ["-euo", "pipefail", "-c", [...commands, follow].join("\n")], {
      cwd: folder,
      env: { ...process.env, API: on.url, SESSION: token, DID: did },
    });

    const fileOf = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8")) as SuccessorFile;
    const record = await on.context.chain.didRegistry.resolveDID(identity);
    expect(record.controller).to.equal(fileOf("successor.json").successor);
    expect(record.successor).to.equal(fileOf("next.json").commitment);
    expect((await on.context.projection.findDid(identity)).state?.version).to.equal(2);
  });

  it("shows the test vector that is tested", () => {
    const vector = readFileSync(join(ROOT, "test/chain/registry/successor.test.ts"), "utf8");
    for (const [, name, value] of PAGE.matchAll(/^\| (identity|successor|commitment) +\| `(0x[0-9a-f]+)`/gm)) {
      expect(vector, name).to.include(value);
    }
    expect(PAGE).to.include(`0x${"5a".repeat(32)}`);
  });

  it("names only codes that are answered", () => {
    const answered = on.endpoints.flatMap(({ rejections }) => (rejections ?? []).map(({ code }) => code));
    const named = [...PAGE.matchAll(/`(control\.\w+)`/g)].map(([, code]) => code);
    expect(named).to.have.length.greaterThan(5);
    expect(answered).to.include.members(named);
  });
});
