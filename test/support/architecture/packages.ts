import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import type { Module } from "./imports";
import { calleeName, isProduction, nodesOf, type Source, type Violation } from "./source";

/** The packages that package.json declares, with those that npm installs as their peers. */
export interface Packages {
  production: string[];
  development: string[];
}

/** Commands of the operating system that a source may start by name; all else is started as `process.execPath`. */
const COMMANDS = ["git", "sleep"];
/** Node's options that load a module before the script. */
const LOADING_OPTION = /^(--import|--require|-r|--loader|--experimental-loader)$/;
const STARTS = /^(spawn|spawnSync|execFile|execFileSync|exec|execSync|fork)$/;

/** Packages that are imported, loaded or started without being declared: a leftover of node_modules would hide it. */
export function packageViolations(modules: Module[], packages: Packages): Violation[] {
  const paths = modules.map(({ source }) => source.path);
  return modules.flatMap((module) => [
    ...importViolations(module, packages),
    ...loaderViolations(module.source, paths, packages),
    ...commandViolations(module.source, packages),
  ]);
}

function importViolations({ source: { path }, imports }: Module, { production, development }: Packages): Violation[] {
  const declared = isProduction(path) ? production : [...production, ...development];
  return imports
    .filter(({ kind, target, typeOnly }) => {
      if (kind !== "package" || declared.includes(target)) return false;
      return !(typeOnly && [...production, ...development].includes(typesPackage(target)));
    })
    .map(({ line, target }) =>
      isProduction(path) && development.includes(target)
        ? {
            path,
            line,
            problem: `imports ${target}, which production does not install`,
            fix: `declare ${target} in "dependencies" of package.json, or do without it`,
          }
        : undeclared(path, line, `imports ${target}`, target),
    );
}

function typesPackage(name: string): string {
  return `@types/${name.replace(/^@/, "").replace("/", "__")}`;
}

function undeclared(path: string, line: number, what: string, name: string): Violation {
  const problem = `${what}, which package.json does not declare`;
  return { path, line, problem, fix: `declare ${name} in package.json, or do without it` };
}

/** What stands after `--require` and the like, as arguments of a process or inside a string such as NODE_OPTIONS. */
function loaderViolations(source: Source, paths: string[], packages: Packages): Violation[] {
  const loaded = nodesOf(source, (node) => loadersOf(node)).flatMap(({ line, found }) =>
    found.map((loader) => ({ line, loader })),
  );
  return loaded.flatMap(({ line, loader }) => {
    if (loader === undefined) {
      const problem = "loads a module whose name cannot be read here";
      const fix = "write the loader as a path from the root, such as ./scripts/typescript.cjs";
      return [{ path: source.path, line, problem, fix }];
    }
    if (isOurFile(loader, source.path, paths) || isDeclared(loader, packages)) return [];
    if (/^[./]/.test(loader)) {
      const fix = "write the path of a file of the project";
      return [{ path: source.path, line, problem: `loads ${loader}, which does not exist`, fix }];
    }
    return [undeclared(source.path, line, `loads ${loader}`, loader)];
  });
}

function loadersOf(node: ts.Node): (string | undefined)[] | undefined {
  if (!ts.isStringLiteralLike(node)) return undefined;
  if (LOADING_OPTION.test(node.text)) {
    const { parent } = node;
    if (!ts.isArrayLiteralExpression(parent)) return undefined;
    const next = parent.elements[parent.elements.indexOf(node) + 1];
    // At the end of the list, or a command's own option: git commit -r.
    return next === undefined ? undefined : [pathWritten(next)];
  }
  const inside = [
    ...node.text.matchAll(/(?:^|\s)(?:--import|--require|--loader|--experimental-loader)[= ]([^\s"']+)/g),
  ];
  return inside.length > 0 && !isProse(node) ? inside.map(([, name]) => name) : undefined;
}

/** Messages and test titles speak of options without setting them. */
function isProse(node: ts.StringLiteralLike): boolean {
  return !/^(node\s|\s*--)/.test(node.text);
}

/** The text of an expression that writes a path: a literal, `join(ROOT, "a", "b.cjs")`, or a constant of the file. */
function pathWritten(node: ts.Node): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (ts.isCallExpression(node)) {
    const parts = node.arguments.filter(ts.isStringLiteralLike).map(({ text }) => text);
    return parts.length === 0 ? undefined : `./${parts.join("/")}`;
  }
  if (!ts.isIdentifier(node)) return undefined;
  const [constant] = node
    .getSourceFile()
    .statements.filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .filter((declaration) => declaration.name.getText() === node.text);
  return constant?.initializer === undefined ? undefined : pathWritten(constant.initializer);
}

/** Processes start in the root; `join(__dirname, ...)` starts at the file. */
function isOurFile(loader: string, path: string, paths: string[]): boolean {
  if (!loader.startsWith(".")) return false;
  const fromRoot = normalize(loader).replaceAll("\\", "/");
  return [fromRoot, normalize(join(dirname(path), loader)).replaceAll("\\", "/")].some((file) => paths.includes(file));
}

function isDeclared(name: string, { production, development }: Packages): boolean {
  const [first = "", second = ""] = name.split("/");
  return [...production, ...development].includes(first.startsWith("@") ? `${first}/${second}` : first);
}

/** Commands started by name, and files inside node_modules. */
function commandViolations(source: Source, packages: Packages): Violation[] {
  const { path } = source;
  const started = nodesOf(source, (node) => {
    if (!STARTS.test(calleeName(node) ?? "") || !ts.isCallExpression(node)) return undefined;
    const [command] = node.arguments;
    return command !== undefined && ts.isStringLiteralLike(command) ? command.text.split(" ")[0] : undefined;
  });
  const installed = nodesOf(source, (node) =>
    ts.isStringLiteralLike(node) ? /^(?:\.\/)?node_modules\/((?:@[^/]+\/)?[^/@]+)\//.exec(node.text)?.[1] : undefined,
  );
  return [
    ...started
      .filter(({ found }) => !COMMANDS.includes(found))
      .map(({ line, found }) => {
        const fix = "start process.execPath with a file of the project, or a command of COMMANDS";
        return { path, line, problem: `starts the command ${found}, which may be missing`, fix };
      }),
    ...installed
      .filter(({ found }) => !found.startsWith(".") && !isDeclared(found, packages))
      .map(({ line, found }) => undeclared(path, line, `starts a file of ${found}`, found)),
    ...installed
      .filter(({ found }) => found === ".bin")
      .map(({ line }) => {
        const fix = "name the file of a declared package";
        return { path, line, problem: "starts a link of node_modules/.bin", fix };
      }),
  ];
}
