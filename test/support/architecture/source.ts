import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** A source file: its path from the repository's root, with forward slashes, and its text. */
export interface Source {
  path: string;
  text: string;
}

/** A place where a rule is broken, and how to fix it. */
export interface Violation {
  path: string;
  /** From 1. */
  line: number;
  problem: string;
  fix: string;
}

const SOURCE_FILE = /\.(ts|tsx|mts|cts|cjs|mjs)$/;
/** What is generated, installed or compiled, by name or path; folders whose names begin with a dot are left out too. */
const NOT_OURS = new Set(["node_modules", "artifacts", "cache", "coverage", "dist", "typechain-types", "gateway/gen"]);

/** Every TypeScript and JavaScript file below `root`, generated ones excepted. */
export function readSources(root: string): Source[] {
  const read = (folder: string): Source[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.name.startsWith(".") || NOT_OURS.has(entry.name) || NOT_OURS.has(path)) return [];
      if (entry.isDirectory()) return read(path);
      return SOURCE_FILE.test(path) ? [{ path, text: readFileSync(join(root, path), "utf8") }] : [];
    });
  return read("");
}

/** Code that runs in production; the other folders serve developers. */
export function isProduction(path: string): boolean {
  return /^(core|chain|projection|process|indexer|api|gateway|scripts\/operate)\//.test(path);
}

/** `path:line problem. Fix: what to do`. */
export function describeViolation({ path, line, problem, fix }: Violation): string {
  return `${path}:${line} ${problem}. Fix: ${fix}`;
}

const parsed = new WeakMap<Source, ts.SourceFile>();

/** The syntax tree of a file; it is parsed once. */
export function syntaxOf(source: Source): ts.SourceFile {
  const known = parsed.get(source);
  if (known !== undefined) return known;
  const tree = ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true);
  parsed.set(source, tree);
  return tree;
}

/** Every node of a file that `select` gives something for, in the order of the text. */
export function nodesOf<T>(source: Source, select: (node: ts.Node) => T | undefined): { line: number; found: T }[] {
  const tree = syntaxOf(source);
  const all: { line: number; found: T }[] = [];
  const visit = (node: ts.Node): void => {
    const found = select(node);
    if (found !== undefined) all.push({ line: lineOf(tree, node), found });
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return all;
}

function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1;
}

/** The name a call calls: `model` of `mongo.model(...)`, `createQueue` of `createQueue(...)`. */
export function calleeName(node: ts.Node): string | undefined {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  const { expression } = node;
  if (ts.isIdentifier(expression)) return expression.text;
  return ts.isPropertyAccessExpression(expression) ? expression.name.text : undefined;
}
