import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(__dirname, "..", "..");
const COPIED = ["api", "chain", "core", "embedded", "process", "projection", "indexer", "scripts", "test"];
const FILES = ["package.json", "tsconfig.json", ".mocharc.json", "typechain-types"];

/** A slice with one operation, one gauge and nothing else. */
const MODULE = `
import { z } from "zod";
import type { Context } from "../../process/context";
import { defineEndpoint } from "../http/endpoint";
import { defineModule, type Module } from "../http/module";

export function createGreeting({ clock }: Pick<Context, "clock">): Module {
  return defineModule({
    name: "greeting",
    endpoints: [
      defineEndpoint({
        method: "get",
        path: "/greeting",
        tag: "Greeting",
        summary: "Greets",
        auth: "none",
        replies: { 200: { description: "A greeting.", schema: z.strictObject({ hello: z.string() }) } },
        handle: () => Promise.resolve({ status: 200, body: { hello: clock.now().toISOString() } }),
      }),
    ],
    metrics: [{ name: "cairn_greetings", help: "Greetings", read: () => Promise.resolve(7) }],
    ports: {},
  });
}
`;

/** The slice's own test: served, described and measured, with nothing wired by hand. */
const TEST = `
import { expect } from "chai";
import { fixture } from "../../support/fixture";

describe("an added slice", () => {
  it("is served, described and measured", async () => {
    const on = await fixture("greeting");
    try {
      expect((await on.ask("GET", "/greeting")).status).to.equal(200);
      expect((await on.ask("GET", "/openapi.json")).body.paths).to.have.property("/greeting");
      expect(await on.metrics()).to.include("cairn_greetings 7");
    } finally {
      await on.close();
    }
  });
});
`;

describe("the list of modules", () => {
  it("takes an added slice by an import and one line, and nothing else changes", function () {
    this.timeout(180_000);
    const folder = mkdtempSync(join(tmpdir(), "cairn-slice-"));
    try {
      for (const name of [...COPIED, ...FILES]) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
      symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
      mkdirSync(join(folder, "api/greeting"));
      mkdirSync(join(folder, "test/api/greeting"));
      writeFileSync(join(folder, "api/greeting/module.ts"), MODULE);
      writeFileSync(join(folder, "test/api/greeting/greeting.test.ts"), TEST);
      const list = readFileSync(join(folder, "api/modules.ts"), "utf8");
      const listed = list
        .replace(/^import /m, 'import { createGreeting } from "./greeting/module";\nimport ')
        .replace(/^ {2}return \{$/m, "  return {\n    greeting: createGreeting(context),");
      expect(listed.split("\n").length - list.split("\n").length, "lines added to the list").to.equal(2);
      writeFileSync(join(folder, "api/modules.ts"), listed);

      const mocha = join(ROOT, "node_modules/mocha/bin/mocha.js");
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [mocha, "--reporter", "dot", "test/api/greeting/greeting.test.ts"],
        { cwd: folder, encoding: "utf8", env: { ...process.env, MOCHA_WORKER_ID: undefined } },
      );
      expect(status, stdout + stderr).to.equal(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
