import { expect } from "chai";
import { modulesOf } from "../support/architecture/imports";
import { invented, sentences } from "../support/architecture/invented";
import { packageViolations } from "../support/architecture/packages";

const PACKAGES = { production: ["mongoose", "express"], development: ["@types/express", "hardhat", "@a/b"] };

const found = (files: Record<string, string>) => sentences(packageViolations(modulesOf(invented(files)), PACKAGES));

/** Code that starts Node with these arguments. */
const starts = (args: string) => `\nspawn(process.execPath, [${args}]);`;

describe("the rules of packages notice", () => {
  it("a development package in production code", () => {
    expect(found({ "core/mongo.ts": 'import mongoose from "mongoose";\nimport hre from "hardhat";' })).to.deep.equal([
      'core/mongo.ts:2 imports hardhat, which production does not install. Fix: declare hardhat in "dependencies" of package.json, or do without it',
    ]);
    expect(found({ "scripts/operate/jobs.ts": 'import hre from "hardhat";' })).to.have.length(1);
    expect(
      found({ "scripts/dev/main.ts": 'import hre from "hardhat";\nimport "@a/b/c";\nimport "node:fs";' }),
    ).to.deep.equal([]);
  });

  const LOADS = [
    'import "tsx";',
    'import type { A } from "tsx";',
    'await import("tsx/cjs");',
    'require("tsx");',
    'require.resolve("tsx");',
  ];
  for (const code of LOADS) {
    it(`a package that is not declared: ${code}`, () => {
      expect(found({ "test/support/child.ts": `\n${code}` })).to.deep.equal([
        "test/support/child.ts:2 imports tsx, which package.json does not declare. Fix: declare tsx in package.json, or do without it",
      ]);
    });
  }

  const LOADERS = [
    starts('"--import", "tsx", "api/main.ts"'),
    starts('"--require", "tsx/cjs"'),
    starts('"-r", "tsx"'),
    starts('"--import=tsx"'),
    '\nconst env = { NODE_OPTIONS: "--max-old-space-size=64 --import tsx" };',
    '\nexec("node --loader tsx api/main.ts");',
  ];
  for (const code of LOADERS) {
    it(`a process whose loader is not declared: ${code.trim()}`, () => {
      const violations = found({ "test/support/child.ts": code }).filter((sentence) => !sentence.includes("command"));
      expect(violations).to.have.length(1);
      expect(violations[0]).to.match(
        /^test\/support\/child\.ts:2 loads tsx\S*, which package\.json does not declare\. Fix: declare tsx\S* in package\.json, or do without it$/,
      );
    });
  }

  it("a loader of the project that does not exist, and one whose name cannot be read", () => {
    const code = starts('"--require", "./scripts/gone.cjs"') + starts('"--require", loader');
    expect(found({ "test/support/child.ts": code })).to.deep.equal([
      "test/support/child.ts:2 loads ./scripts/gone.cjs, which does not exist. Fix: write the path of a file of the project",
      "test/support/child.ts:3 loads a module whose name cannot be read here. Fix: write the loader as a path from the root, such as ./scripts/typescript.cjs",
    ]);
  });

  it("a command that may be missing, and a file of a package that is not declared", () => {
    const code =
      'spawn("npx", ["tsx"]);\nspawnSync("git", []);\nconst a = "node_modules/tsx/dist/cli.mjs";\nconst b = "node_modules/.bin/tsx";';
    expect(found({ "scripts/build.ts": code })).to.deep.equal([
      "scripts/build.ts:1 starts the command npx, which may be missing. Fix: start process.execPath with a file of the project, or a command of COMMANDS",
      "scripts/build.ts:3 starts a file of tsx, which package.json does not declare. Fix: declare tsx in package.json, or do without it",
      "scripts/build.ts:4 starts a link of node_modules/.bin. Fix: name the file of a declared package",
    ]);
  });

  it("nothing where the loader is the project's own", () => {
    const loader = '\nconst LOADER = join(ROOT, "scripts", "typescript.cjs");';
    const code =
      starts('"--require", "./scripts/typescript.cjs", "api/main.ts"') + loader + starts('"--require", LOADER');
    expect(found({ "scripts/typescript.cjs": "", "test/support/child.ts": code })).to.deep.equal([]);
    expect(found({ "api/http/router.ts": 'import type { Request } from "express";' })).to.deep.equal([]);
  });
});
