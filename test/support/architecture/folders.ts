import type { Import, Module } from "./imports";
import { isProduction, type Violation } from "./source";

/** What a folder's files may import beside their own folder. The longest name that a path begins with decides. */
const MAY_IMPORT: Record<string, string[] | "anything"> = {
  core: [],
  chain: ["core", "typechain-types"],
  projection: ["chain", "core"],
  process: ["projection", "chain", "core"],
  indexer: ["process", "projection", "chain", "core"],
  api: ["process", "projection", "chain", "core"],
  gateway: ["process", "core"],
  embedded: ["core"],
  packages: [],
  web: ["packages"],
  "scripts/operate": ["api", "indexer", "process", "projection", "chain", "core"],
  scripts: [
    ...["api", "gateway", "indexer", "process", "projection", "chain", "core", "embedded", "typechain-types"],
    // The gas table is measured by the tests that compare it with the committed snapshot.
    "test/contracts/support/gasRun.ts",
  ],
  test: "anything",
};

/** Parts of core and chain that hold no connection, no clock and no randomness: what `rules.ts` may build on. */
const PURE =
  /^(core\/(errors|hash|json|keys\/verifyJws|sdJwt\/)|chain\/(did\/|status\/|registry\/(abi|answerWords|consents|effects|events|fold|header|keyAccount|nonce|position|registration|reverts|status(Effects|Purpose|Word)|storageSlots|successor)))/;

/** Whether a path belongs to the parts of core and chain that are pure. */
export function isPure(path: string): boolean {
  return PURE.test(path);
}

/** The rules between folders: who imports whom, and that what is pure builds on what is pure. */
export function folderViolations(modules: Module[]): Violation[] {
  return modules.flatMap(({ source: { path }, imports }) => {
    const folder = folderOf(path);
    if (folder === undefined) return unknownFolder(path);
    return imports
      .filter(({ kind }) => kind === "own")
      .flatMap((imported) => [...betweenFolders(path, folder, imported), ...impureImport(path, imported)]);
  });
}

function folderOf(path: string): string | undefined {
  const names = Object.keys(MAY_IMPORT).filter((name) => path.startsWith(`${name}/`));
  return names.sort((a, b) => b.length - a.length)[0];
}

/** Files of the root (configurations of tools) have no rule. */
function unknownFolder(path: string): Violation[] {
  if (!path.includes("/")) return [];
  const problem = `lies in a folder without import rules`;
  const fix = "move it into a folder of docs/architecture.md, or give the folder its rule in MAY_IMPORT";
  return [{ path, line: 1, problem, fix }];
}

function betweenFolders(path: string, folder: string, { line, target }: Import): Violation[] {
  const allowed = MAY_IMPORT[folder] ?? [];
  const within = (name: string) => target.startsWith(`${name}/`) || target === name;
  if (allowed === "anything" || folderOf(target) === folder || within(folder)) return [];
  // What scripts/operate holds is a script as well: scripts may import it, not the other way round.
  if (allowed.some(within) || (folder === "scripts" && within("scripts/operate"))) return [];
  const problem = `imports ${target}: ${folder} imports ${allowed.length === 0 ? "no other folder" : allowed.join(", ")}`;
  const fix = isProduction(path)
    ? "move the shared part to a folder that both may import, or take it as an argument"
    : "move the shared part to a folder that both may import";
  return [{ path, line, problem, fix }];
}

function impureImport(path: string, { line, target }: Import): Violation[] {
  if (!isPure(path) || isPure(target) || target.startsWith("typechain-types")) return [];
  const fix = "take the value as an argument, or move the effect to the caller";
  return [{ path, line, problem: `imports ${target}: what is pure builds on what is pure`, fix }];
}
