import { expect } from "chai";
import { duplicateViolations } from "../support/architecture/duplicates";
import { effectViolations } from "../support/architecture/effects";
import { invented, sentences } from "../support/architecture/invented";
import { styleViolations } from "../support/architecture/style";

const effects = (files: Record<string, string>) => sentences(effectViolations(invented(files)));
const style = (files: Record<string, string>) => sentences(styleViolations(invented(files)));

describe("the rules of effects notice", () => {
  const ENVIRONMENT = ["process.env.PORT", 'process["env"]', "(() => { const { env } = process; })()"];
  const TIME = ["Date.now()", "new Date()", "Date()", "performance.now()", "process.hrtime()"];
  const RANDOMNESS = ["Math.random()", "crypto.randomUUID()", "crypto.getRandomValues(bytes)"];
  const RULES: [codes: string[], problem: string, only: string][] = [
    [ENVIRONMENT, "reads the environment", "core/config/environment.ts"],
    [TIME, "reads the time", "core/clock.ts"],
    [RANDOMNESS, "draws randomness", "core/crypto.ts"],
  ];
  for (const [codes, problem, only] of RULES) {
    for (const code of codes) {
      it(`code that ${problem}: ${code}`, () => {
        for (const path of ["api/dids/actions.ts", "core/logger.ts", "scripts/operate/jobs.ts", "gateway/main.ts"]) {
          const [found, ...others] = effects({ [path]: `\nexport const x = ${code};` });
          expect(found).to.match(new RegExp(`^${path}:2 ${problem}: only ${only} does\\. Fix: .+`));
          expect(others).to.deep.equal([]);
        }
        expect(effects({ [only]: `export const x = ${code};` })).to.deep.equal([]);
      });
    }
  }

  it("what is imported to do so", () => {
    expect(effects({ "core/a.ts": 'import { randomBytes as draw } from "node:crypto";' })).to.deep.equal([
      "core/a.ts:1 draws randomness: only core/crypto.ts does. Fix: call a function of core/crypto.ts",
    ]);
    expect(effects({ "core/a.ts": 'import { env } from "node:process";' })).to.have.length(1);
  });

  it("nothing in comments, in texts, or where a moment is given", () => {
    const text =
      '// not process.env\nconst a = "Date.now()";\nconst b = new Date(0);\nimport { randomId } from "./crypto";';
    expect(effects({ "core/logger.ts": text, "test/a.test.ts": "Date.now();" })).to.deep.equal([]);
  });
});

describe("the rules of style notice", () => {
  for (const code of ["f({ ...{ a, b } });", "f(...[1], ...{ a });", "f({ c, ...({ a, b } as Deps) });"]) {
    it(`packing of arguments: ${code}`, () => {
      expect(style({ "scripts/a.ts": `\n${code}` })).to.deep.equal([
        "scripts/a.ts:2 spreads an object written in place. Fix: write ordinary fields",
      ]);
    });
  }

  it("an object that is made to be spread in the next statement", () => {
    const text = "function g() {\n  const base = { a: 1 };\n  return f({ ...base, b: 2 });\n}";
    expect(style({ "core/a.ts": text })).to.deep.equal([
      "core/a.ts:3 spreads base, an object made for nothing else. Fix: write ordinary fields",
    ]);
    const shared =
      "function g() {\n  const base = { a: 1 };\n  return [f({ ...base, b: 2 }), f({ ...base, b: 3 })];\n}";
    expect(style({ "core/a.ts": shared })).to.deep.equal([]);
    expect(style({ "core/a.ts": "const all = { ...defaults, ...(b !== undefined && { b }) };" })).to.deep.equal([]);
  });

  for (const code of ["function openPump() {}", "const openPump = () => 1;", "interface A {\n  openPump(): void }"]) {
    it(`a function named open: ${code.replace("\n", "")}`, () => {
      const [found] = style({ "core/a.ts": code });
      expect(found).to.match(
        /^core\/a\.ts:[12] names a function openPump: open\.\.\. opens a connection or a file\. Fix: name it createPump or connectPump, or list in OPENS what it opens$/,
      );
    });
  }

  it("a switch that a new state passes by", () => {
    const text = 'function f(state: "a" | "b"): void {\n  switch (state) {\n    case "a":\n      return;\n  }\n}';
    expect(style({ "core/a.ts": text })).to.deep.equal([
      "core/a.ts:2 decides on state without a default. Fix: end the switch in `default: assertNever(...)` of core/errors.ts, or say what becomes of text from outside",
    ]);
  });

  it("twelve lines that stand twice outside tests", () => {
    const lines = (count: number) => Array.from({ length: count }, (_, at) => `f(${at});`).join("\n");
    const files = { "core/a.ts": lines(14), "core/b.ts": `\n// Comments do not count.\n${lines(14)}` };
    expect(sentences(duplicateViolations(invented(files)))).to.deep.equal([
      "core/b.ts:3 repeats 12 lines of core/a.ts:1. Fix: move them into a function that both call",
    ]);
    expect(duplicateViolations(invented({ "core/a.ts": lines(11), "core/b.ts": lines(11) }))).to.deep.equal([]);
    expect(duplicateViolations(invented({ "core/a.ts": lines(14), "test/b.ts": lines(14) }))).to.deep.equal([]);
  });

  it("nothing where a file is opened, or OpenAPI is meant", () => {
    const text = "function openFileKeyStore() {}\nfunction openApiEndpoint() {}\nfunction opened() {}";
    expect(style({ "core/a.ts": text })).to.deep.equal([]);
  });
});
