import { expect } from "chai";
import { modulesOf } from "../support/architecture/imports";
import { invented, sentences } from "../support/architecture/invented";
import { sliceViolations } from "../support/architecture/slices";
import { testFolderViolations } from "../support/architecture/testFolders";

/** The violations in these files beside a module.ts, without which a slice is none. */
function found(files: Record<string, string>): string[] {
  return sentences(sliceViolations(modulesOf(invented({ "api/wallets/module.ts": "", ...files }))));
}

describe("the rules of slices notice", () => {
  it("a file of api/ that belongs to no slice", () => {
    expect(found({ "api/wiring.ts": "" })).to.deep.equal([
      "api/wiring.ts:1 is none of api/{main,worker,modules,workers}.ts. Fix: move it into the slice that needs it, or into api/http",
    ]);
  });

  it("a file named for nothing", () => {
    expect(found({ "api/wallets/utils.ts": "" })).to.deep.equal([
      "api/wallets/utils.ts:1 is named utils, which says nothing of what it holds. Fix: name the one idea it holds",
    ]);
  });

  it("a second store, or any other file of a slice, under another name", () => {
    expect(found({ "api/wallets/challengeStore.ts": "", "api/wallets/linkRoutes.ts": "" })).to.deep.equal([
      "api/wallets/challengeStore.ts:1 is a second store.ts of its slice. Fix: make it challenge/store.ts, a sub-slice",
      "api/wallets/linkRoutes.ts:1 is a second routes.ts of its slice. Fix: make it link/routes.ts, a sub-slice",
    ]);
  });

  it("a folder of a slice that holds no file of a slice; providers/ holds adapters", () => {
    expect(found({ "api/wallets/proofs/siwe.ts": "", "api/wallets/providers/walletConnect.ts": "" })).to.deep.equal([
      "api/wallets/proofs/siwe.ts:1 lies in proofs/, which holds no file of a slice. Fix: give it one of module, rules, store, actions, routes, schemas, jobs, or move its files up",
    ]);
  });

  it("a sub-slice of a sub-slice", () => {
    expect(found({ "api/wallets/challenges/nonces/store.ts": "" })).to.deep.equal([
      "api/wallets/challenges/nonces/store.ts:1 lies in a sub-slice of a sub-slice. Fix: move it up, or make the sub-slice a slice",
    ]);
  });

  it("a slice without a module, and a module inside a slice", () => {
    expect(found({ "api/dids/rules.ts": "", "api/wallets/challenges/module.ts": "" })).to.deep.equal([
      "api/dids/rules.ts:1 belongs to a slice without module.ts. Fix: write api/dids/module.ts",
      "api/wallets/challenges/module.ts:1 is a module inside a slice. Fix: wire it in api/wallets/module.ts",
    ]);
    expect(found({ "api/webhooks/inbox/module.ts": "", "api/webhooks/inbox/store.ts": "" })).to.deep.equal([]);
  });

  const MISPLACED: [code: string, problem: string, home: string][] = [
    ['mongo.model("Wallet", schema)', "makes a collection's model", "store"],
    ["defineEndpoint({})", "defines an operation", "routes"],
    ["createQueue({})", "makes a queue or its worker", "jobs"],
    ["startWorker(jobs, {})", "makes a queue or its worker", "jobs"],
    ["defineModule({})", "defines the slice's module", "module"],
  ];
  for (const [code, problem, home] of MISPLACED) {
    it(`an extra file that ${problem}`, () => {
      expect(found({ "api/wallets/siwe.ts": `\nexport const x = ${code};` })).to.deep.equal([
        `api/wallets/siwe.ts:2 ${problem}: only ${home}.ts does. Fix: move it to the slice's ${home}.ts, or to that of a sub-slice`,
      ]);
      expect(found({ [`api/wallets/${home}.ts`]: `export const x = ${code};` })).to.deep.equal([]);
    });
  }

  const FORBIDDEN: [file: string, code: string, rule: string][] = [
    ["actions.ts", 'import type { S } from "../sessions/rules";', "a slice never imports a slice"],
    ["module.ts", 'import { createSessions } from "../sessions/module";', "a slice never imports a slice"],
    ["actions.ts", 'import { modules } from "../modules";', "a slice never imports what is made of slices"],
    ["routes.ts", 'import { createWallets } from "./module";', "only the list of modules imports module.ts"],
    ["siwe.ts", 'import { createContext } from "../../process/context";', "only module.ts wires"],
    ["actions.ts", 'import { createWalletStore } from "./store";', "a store is created in module.ts alone"],
    ["rules.ts", 'import { connectMongo } from "../../core/mongo";', "rules are pure"],
    ["rules.ts", 'import type { WalletStore } from "./store";', "rules are pure"],
    ["rules.ts", 'import mongoose from "mongoose";', "rules are pure"],
    ["store.ts", 'import { link } from "./actions";', "data flows store -> action -> route"],
    ["store.ts", 'import { Reply } from "../http/endpoint";', "data flows store -> action -> route"],
    ["store.ts", 'import { readIdentity } from "../../chain/registry/identity";', "a store knows rules and core alone"],
    ["actions.ts", 'import { Reply } from "../http/endpoint";', "actions do not know HTTP"],
    ["actions.ts", 'import { enqueue } from "./jobs";', "data flows store -> action -> route"],
    ["actions.ts", 'import { Redis } from "ioredis";', "actions know no driver"],
    ["routes.ts", 'import { enqueue } from "./jobs";', "data flows store -> action -> route"],
    ["schemas.ts", 'import { endpoints } from "./routes";', "data flows store -> action -> route"],
    ["siwe.ts", 'import { endpoints } from "./routes";', "data flows store -> action -> route"],
    ["jobs.ts", 'import { endpoints } from "./routes";', "data flows store -> action -> route"],
  ];
  for (const [file, code, rule] of FORBIDDEN) {
    it(`in ${file}: ${code}`, () => {
      const [violation, ...others] = found({ [`api/wallets/${file}`]: `\n${code}` });
      expect(violation).to.match(new RegExp(`^api/wallets/${file}:2 imports \\S+: ${rule}\\. Fix: .+`));
      expect(others).to.deep.equal([]);
    });
  }

  it("what slices share that knows a slice", () => {
    expect(found({ "api/http/router.ts": 'import type { Wallet } from "../wallets/rules";' })).to.deep.equal([
      "api/http/router.ts:1 imports api/wallets/rules: what slices share knows no slice. Fix: take it as an argument, typed in api/http",
    ]);
  });

  it("nothing in a slice as it should be", () => {
    const files = {
      "api/wallets/module.ts":
        'import type { SessionPorts } from "../sessions/module";\nimport { createWalletStore } from "./store";\nimport "../../process/context";',
      "api/wallets/rules.ts": 'import "../../core/errors";',
      "api/wallets/store.ts": 'import "mongoose";\nimport "./rules";\nimport "../../core/mongo";',
      "api/wallets/actions.ts": 'import type { WalletStore } from "./store";\nimport "../../core/clock";',
      "api/wallets/routes.ts": 'import "./actions";\nimport "./schemas";\nimport "../http/endpoint";',
      "api/wallets/schemas.ts": 'import "zod";\nimport "./rules";',
      "api/wallets/jobs.ts": 'import "./actions";\nimport "../../core/jobs/queue";',
      "api/wallets/siwe.ts": 'import "ethers";',
      "api/wallets/challenges/store.ts": 'import "../rules";',
      "api/sessions/module.ts": "",
    };
    expect(found(files)).to.deep.equal([]);
  });

  it("a folder of tests that mirrors nothing", () => {
    const files = { "api/wallets/module.ts": "", "test/api/wallets/a.test.ts": "", "test/api/purses/b.test.ts": "" };
    expect(sentences(testFolderViolations(invented(files)))).to.deep.equal([
      "test/api/purses/b.test.ts:1 mirrors api/purses/, which does not exist. Fix: name the test's folder after the folder that it tests",
    ]);
  });
});
