import { expect } from "chai";
import { join } from "node:path";
import ts from "typescript";

const ROOT = join(__dirname, "../../..");
const TABLE = "chain/registry/events.ts";
const EFFECTS = "chain/registry/effects.ts";
const ABI = "typechain-types/factories/contracts/DIDRegistry__factory.ts";
/** The files that have to decide something about an event; what they import is compiled as well. */
const DECIDING = [
  ...["chain/registry/fold.ts", "chain/registry/foldWord.ts", "indexer/fetch/decode.ts", "indexer/write/tables.ts"],
  ...["api/audit/rules.ts"],
];

interface Change {
  file: string;
  find: string;
  replace: string;
}

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(ROOT, "tsconfig.json"), (path) => ts.sys.readFile(path)).config,
  ts.sys,
  ROOT,
);
const parsed = new Map<string, ts.SourceFile | undefined>();
let previous: ts.Program | undefined;

/** Compiles the deciding files after some changes, and returns the lines with errors, each after its file. */
function compile(changes: Change[]): { file: string; line: string }[] {
  const changed = new Map<string, string>();
  for (const { file, find, replace } of changes) {
    const path = join(ROOT, file);
    const text = changed.get(path) ?? ts.sys.readFile(path) ?? "";
    if (!text.includes(find)) throw new Error(`${file} no longer holds ${find}`);
    changed.set(path, text.replace(find, replace));
  }
  const host = ts.createCompilerHost(options);
  host.getSourceFile = (path, languageVersion) => {
    const text = changed.get(path);
    if (text !== undefined) return ts.createSourceFile(path, text, languageVersion);
    if (!parsed.has(path)) {
      const unchanged = ts.sys.readFile(path);
      const file = unchanged === undefined ? undefined : ts.createSourceFile(path, unchanged, languageVersion);
      parsed.set(path, file);
    }
    return parsed.get(path);
  };
  const roots = DECIDING.map((file) => join(ROOT, file));
  const program = ts.createProgram(roots, options, host, previous);
  previous = program;
  return [...DECIDING, TABLE, EFFECTS].flatMap((file) =>
    program.getSemanticDiagnostics(program.getSourceFile(join(ROOT, file))).map(({ file: source, start = 0 }) => {
      const line = source?.getLineAndCharacterOfPosition(start).line ?? 0;
      return { file, line: source?.text.split("\n")[line] ?? "" };
    }),
  );
}

function filesInError(changes: Change[]): string[] {
  return [...new Set(compile(changes).map(({ file }) => file))];
}

/** Events `KeyRotated`, `KeyLost` and so on in the contract's ABI, and rows for them in the table. */
function added(rows: Record<string, string | null>): Change[] {
  const names = Object.keys(rows);
  const items = names.map((name) => `{ anonymous: false, inputs: [], name: "${name}", type: "event" },`);
  const written = Object.entries(rows).flatMap(([name, fields]) =>
    fields === null ? [] : [`${name}: event({${fields}}),`],
  );
  return [
    { file: ABI, find: "const _abi = [", replace: `const _abi = [\n${items.join("\n")}` },
    { file: TABLE, find: "  DocumentUpdated: event({", replace: `${written.join("\n")}\n  DocumentUpdated: event({` },
  ];
}

const FORM = 'registry: "DIDRegistry", form: { identity: "indexed address", version: "counter" }, subject: "identity",';

describe("an event added to the contracts", () => {
  it("compiles as things are", () => {
    expect(filesInError([])).to.deep.equal([]);
  });

  it("does not compile before the table has it", () => {
    expect(filesInError(added({ KeyRotated: null }))).to.include(TABLE);
  });

  it("does not compile with a row that leaves something undecided, or decides it in two ways", () => {
    const effect = 'effect: (args) => ({ on: "identity", kind: "deactivated", ...args }),';
    const errors = compile(
      added({
        Decided: `${FORM} ${effect} projection: ["dids"],`,
        WithoutProjection: `${FORM} ${effect}`,
        WithoutEffect: `${FORM} projection: ["dids"],`,
        WithoutSubject: `${FORM.replace(/subject.*/, "")} ${effect} projection: ["dids"],`,
        OfAnotherProjection: `${FORM} ${effect} projection: ["issuers"],`,
      }),
    );
    expect(errors.map(({ file, line }) => `${file} ${line.split(":")[0]}`)).to.have.members([
      ...[`${TABLE} WithoutProjection`, `${TABLE} WithoutEffect`, `${TABLE} WithoutSubject`],
      `${TABLE} OfAnotherProjection`,
    ]);
  });

  it("does not compile with a new effect on identities before they are folded by it", () => {
    const effect = {
      file: EFFECTS,
      find: '| { kind: "deactivated"',
      replace: '| { kind: "rotated"; version: number } | { kind: "deactivated"',
    };
    const rotated = `${FORM} effect: (args) => ({ on: "identity", kind: "rotated", ...args }), projection: ["dids"],`;
    expect(filesInError([...added({ KeyRotated: rotated }), effect])).to.deep.equal(["chain/registry/fold.ts"]);
  });

  it("does not compile with an effect on something new before every reader of effects decides about it", () => {
    const effect = { file: EFFECTS, find: "| NoEffect;", replace: '| NoEffect | { on: "schema" };' };
    expect(filesInError([effect])).to.have.members([
      ...["chain/registry/fold.ts", "chain/registry/foldWord.ts", "api/audit/rules.ts"],
    ]);
  });

  it("does not compile with a new kind of argument before it is decoded, or of document before it is written", () => {
    const argument = { file: TABLE, find: "  seconds: string;", replace: "  seconds: string;\n  flag: boolean;" };
    expect(filesInError([argument])).to.deep.equal(["indexer/fetch/decode.ts"]);
    const kind = {
      file: TABLE,
      find: '"dids" | "issuers" | "words";',
      replace: '"dids" | "issuers" | "words" | "schema";',
    };
    expect(filesInError([kind])).to.deep.equal(["indexer/write/tables.ts"]);
  });
});
