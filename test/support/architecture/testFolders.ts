import type { Source, Violation } from "./source";

/** Folders of test/ that mirror none: what several tests share, the contracts' (Solidity) and whole processes'. */
const WITHOUT_MIRROR = /^test\/(support|contracts|e2e|architecture)\//;

/** test/ mirrors the project: the tests of api/oauth/clients stand in test/api/oauth/clients. */
export function testFolderViolations(sources: Source[]): Violation[] {
  const folders = new Set(sources.flatMap(({ path }) => foldersAbove(path)));
  return sources.flatMap(({ path }) => {
    if (!/^test\/.+\//.test(path) || WITHOUT_MIRROR.test(path)) return [];
    const folder = path.slice("test/".length, path.lastIndexOf("/"));
    if (folders.has(folder)) return [];
    const fix = "name the test's folder after the folder that it tests";
    return [{ path, line: 1, problem: `mirrors ${folder}/, which does not exist`, fix }];
  });
}

function foldersAbove(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("/"));
}
