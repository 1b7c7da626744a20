import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { nodesOf, type Source } from "./source";

/** What a file takes from another file or from a package. */
export interface Import {
  line: number;
  /** A path from the root for our own files, a package's name otherwise; `node:` is left out. */
  target: string;
  kind: "own" | "package" | "builtin";
  /** Erased by the compiler: nothing of the target is loaded. */
  typeOnly: boolean;
}

/** A file with what it imports. */
export interface Module {
  source: Source;
  imports: Import[];
}

/** Resolves the imports of all files among each other. */
export function modulesOf(sources: Source[]): Module[] {
  const paths = new Set(sources.map(({ path }) => path));
  return sources.map((source) => ({ source, imports: importsOf(source, paths) }));
}

function importsOf(source: Source, paths: Set<string>): Import[] {
  return nodesOf(source, specifierOf).map(({ line, found: { text, typeOnly } }) => {
    if (text.startsWith(".")) return { line, target: resolve(source.path, text, paths), kind: "own", typeOnly };
    const [first = "", second] = text.replace(/^node:/, "").split("/");
    if (builtinModules.includes(first)) return { line, target: first, kind: "builtin", typeOnly };
    const target = first.startsWith("@") ? `${first}/${second ?? ""}` : first;
    return { line, target, kind: "package", typeOnly };
  });
}

function resolve(path: string, specifier: string, paths: Set<string>): string {
  const base = normalize(join(dirname(path), specifier)).replaceAll("\\", "/");
  const written = base.replace(/\.js$/, "");
  const candidates = [base, `${written}.ts`, `${written}.tsx`, `${base}/index.ts`, `${base}/index.tsx`];
  return candidates.find((candidate) => paths.has(candidate)) ?? base;
}

/** The specifier of an import or export declaration, of `import()`, `require()` and `require.resolve()`. */
function specifierOf(node: ts.Node): { text: string; typeOnly: boolean } | undefined {
  if (ts.isImportDeclaration(node)) return literal(node.moduleSpecifier, isTypeImport(node.importClause));
  if (ts.isExportDeclaration(node)) return literal(node.moduleSpecifier, node.isTypeOnly);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return literal(node.argument.literal, true);
  if (ts.isExternalModuleReference(node)) return literal(node.expression, false);
  if (!ts.isCallExpression(node)) return undefined;
  const callee = node.expression.getText();
  const loads = node.expression.kind === ts.SyntaxKind.ImportKeyword || /^require(\.resolve)?$/.test(callee);
  return loads ? literal(node.arguments[0], false) : undefined;
}

function literal(node: ts.Node | undefined, typeOnly: boolean): { text: string; typeOnly: boolean } | undefined {
  if (node === undefined) return undefined;
  if (ts.isStringLiteralLike(node)) return { text: node.text, typeOnly };
  // require.resolve(`${name}/package.json`) names a package in a variable: nothing to check here.
  return undefined;
}

function isTypeImport(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}
