import { expect } from "chai";
import { cycleViolations } from "../support/architecture/cycles";
import { folderViolations } from "../support/architecture/folders";
import { modulesOf } from "../support/architecture/imports";
import { invented, sentences } from "../support/architecture/invented";

const betweenFolders = (files: Record<string, string>) => sentences(folderViolations(modulesOf(invented(files))));
const circles = (files: Record<string, string>) => sentences(cycleViolations(modulesOf(invented(files))));

const MOVE = "Fix: move the shared part to a folder that both may import, or take it as an argument";

describe("the rules of imports notice", () => {
  it("an import between the indexer and the api, whichever way", () => {
    const found = betweenFolders({
      "api/dids/store.ts": '\nimport { follow } from "../../indexer/follow";',
      "indexer/follow.ts": 'import type { App } from "../api/app";',
    });
    expect(found).to.deep.equal([
      `api/dids/store.ts:2 imports indexer/follow.ts: api imports process, projection, chain, core. ${MOVE}`,
      `indexer/follow.ts:1 imports api/app: indexer imports process, projection, chain, core. ${MOVE}`,
    ]);
  });

  const FORBIDDEN: [path: string, target: string, allowed: string][] = [
    ["core/a.ts", "chain/b", "no other folder"],
    ["chain/a.ts", "projection/b", "core, typechain-types"],
    ["projection/a.ts", "process/b", "chain, core"],
    ["process/a.ts", "api/b", "projection, chain, core"],
    ["gateway/a.ts", "api/b", "process, core"],
    ["api/a.ts", "typechain-types", "process, projection, chain, core"],
    ["indexer/a.ts", "embedded/b", "process, projection, chain, core"],
    ["embedded/a.ts", "api/b", "core"],
    ["packages/a.ts", "core/b", "no other folder"],
    ["web/a.tsx", "api/b", "packages"],
  ];
  for (const [path, target, allowed] of FORBIDDEN) {
    it(`${path} that imports ${target}`, () => {
      const [found] = betweenFolders({ [path]: `const b = await import("../${target}");` });
      expect(found).to.include(`${path}:1 imports ${target}: ${path.split("/")[0]} imports ${allowed}. Fix: move`);
    });
  }

  it("operators' commands that import what only developers have, and scripts that import tests", () => {
    const found = betweenFolders({
      "scripts/operate/jobs.ts": 'import { demo } from "../demo/main";\nexport * from "../../embedded/services";',
      "scripts/dev/main.ts": 'import "../../test/support/fixture";\nimport "../operate/jobs";',
    });
    expect(found).to.deep.equal([
      `scripts/operate/jobs.ts:1 imports scripts/demo/main: scripts/operate imports api, indexer, process, projection, chain, core. ${MOVE}`,
      `scripts/operate/jobs.ts:2 imports embedded/services: scripts/operate imports api, indexer, process, projection, chain, core. ${MOVE}`,
      "scripts/dev/main.ts:1 imports test/support/fixture: scripts imports api, gateway, indexer, process, projection, chain, core, embedded, typechain-types, test/contracts/support/gasRun.ts. Fix: move the shared part to a folder that both may import",
    ]);
  });

  it("a folder that has no rule", () => {
    expect(betweenFolders({ "lib/strings.ts": "" })).to.deep.equal([
      "lib/strings.ts:1 lies in a folder without import rules. Fix: move it into a folder of docs/architecture.md, or give the folder its rule in MAY_IMPORT",
    ]);
  });

  it("a pure part of core or chain that reaches for a connection, of types too", () => {
    expect(betweenFolders({ "chain/registry/consents.ts": 'import type { Chain } from "../client";' })).to.deep.equal([
      "chain/registry/consents.ts:1 imports chain/client: what is pure builds on what is pure. Fix: take the value as an argument, or move the effect to the caller",
    ]);
  });

  it("a circle, however long", () => {
    const found = circles({
      "core/a.ts": 'import "./b";',
      "core/b.ts": 'import "./c";',
      "core/c.ts": '\nexport { a } from "./a";',
    });
    expect(found).to.deep.equal([
      "core/c.ts:2 closes a circle of imports: core/a.ts -> core/b.ts -> core/c.ts -> core/a.ts. Fix: move what both need into a file of its own, or pass it as an argument",
    ]);
  });

  it("nothing where the direction is kept", () => {
    const files = {
      "core/errors.ts": "",
      "chain/registry/abi.ts": 'import type { A } from "../../typechain-types";\nimport "../../core/errors";',
      "process/context.ts": 'import "../chain/registry/abi";',
      "api/main.ts": 'import "../process/context";',
      "scripts/operate/jobs.ts": 'import "../../api/main";',
      "scripts/dev/main.ts": 'import "../operate/jobs";',
      "test/api/main.test.ts": 'import "../../api/main";',
      "hardhat.config.ts": 'import "./scripts/dev/main";',
    };
    expect([...betweenFolders(files), ...circles(files)]).to.deep.equal([]);
  });
});
