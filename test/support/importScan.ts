import { readFileSync, readdirSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

/** A source file: its path from the repository's root, with forward slashes, and its text. */
export interface Source {
  path: string;
  text: string;
}

interface Import {
  /** A path from the root for our own files, a package's name otherwise. */
  target: string;
  own: boolean;
}

const EXTENSIONS = /\.(ts|tsx)$/;
/** Code that runs in production; the other rooms serve developers. */
const PRODUCTION = /^(core|chain|projection|process|indexer|api)\//;

/** What a folder's files may import beside their own folder; a folder that is not named here may import anything. */
const MAY_IMPORT: Record<string, string[]> = {
  core: [],
  chain: ["core", "typechain-types"],
  projection: ["chain", "core"],
  process: ["projection", "chain", "core"],
  indexer: ["process", "projection", "chain", "core"],
  api: ["process", "projection", "chain", "core"],
  embedded: ["core"],
};
const SLICE = /^api\/([a-zA-Z]+)\//;

/** Parts of core and chain that hold no connection, no clock and no randomness: what `rules.ts` may build on. */
const PURE_CORE =
  /^(core\/(errors|hash)|chain\/(did\/|status\/|registry\/(abi|consents|effects|events|fold|position|registration|reverts|statusSlots|statusWord)))/;

/** Every TypeScript file below the given folders. */
export function readSources(root: string, folders: string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name).replaceAll("\\", "/"))
      .filter((path) => EXTENSIONS.test(path) && !path.endsWith(".d.ts") && !path.includes("node_modules/"))
      .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") })),
  );
}

/**
 * The breaches of the house's rules in these files, each as a sentence that names the file; none when all is well.
 *
 * @param dependencies packages that are installed in production
 */
export function breaches(sources: Source[], dependencies: string[]): string[] {
  const paths = new Set(sources.map(({ path }) => path));
  const graph = new Map(sources.map((source) => [source.path, importsOf(source, paths)]));
  const found: string[] = [];
  for (const { path, text } of sources) {
    for (const target of graph.get(path) ?? []) found.push(...importBreaches(path, target, dependencies));
    found.push(...effectBreaches(path, text));
  }
  return [...found, ...cycles(graph)];
}

function importsOf({ path, text }: Source, paths: Set<string>): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith(".")) {
      const parts = fileName.replace(/^node:/, "").split("/");
      return { target: parts.slice(0, fileName.startsWith("@") ? 2 : 1).join("/"), own: false };
    }
    const base = normalize(join(dirname(path), fileName)).replaceAll("\\", "/");
    const candidates = [base, `${base}.ts`, `${base}.tsx`, `${base}/index.ts`];
    return { target: candidates.find((candidate) => paths.has(candidate)) ?? base, own: true };
  });
}

function importBreaches(path: string, { target, own }: Import, dependencies: string[]): string[] {
  const refuse = (rule: string) => [`${path} imports ${target}: ${rule}`];
  if (!own) {
    const known = builtinModules.includes(target) || dependencies.includes(target);
    return PRODUCTION.test(path) && !known ? refuse("production code needs packages of `dependencies` alone") : [];
  }
  if (target.startsWith("typechain-types") && !/^(chain|test|scripts)\//.test(path)) {
    return refuse("only chain/ knows the generated contract types");
  }
  const [room = ""] = path.split("/");
  const [targetRoom = ""] = target.split("/");
  const allowed = MAY_IMPORT[room];
  if (allowed !== undefined && targetRoom !== room && !allowed.includes(targetRoom)) {
    return refuse(
      `${room} imports ${allowed.filter((name) => name !== "typechain-types").join(", ") || "nothing else"}`,
    );
  }
  if (PURE_CORE.test(path) && !PURE_CORE.test(target) && targetRoom !== "typechain-types") {
    return refuse("what is pure builds on what is pure");
  }
  return sliceBreaches(path, target, refuse);
}

function sliceBreaches(path: string, target: string, refuse: (rule: string) => string[]): string[] {
  const slice = SLICE.exec(path)?.[1];
  if (slice === undefined) return [];
  const other = SLICE.exec(target)?.[1];
  if (other !== undefined && other !== slice && other !== "http") return refuse("a slice never imports a slice");
  if (target.startsWith("api/") && other === undefined) return refuse("a slice never imports the composition root");
  const file = path.slice(path.lastIndexOf("/") + 1);
  if (file === "rules.ts" && !PURE_CORE.test(target) && other !== slice) return refuse("rules are pure");
  if (file === "store.ts" && other === "http") return refuse("a store does not know HTTP");
  if (file === "actions.ts" && other === "http") return refuse("actions do not know HTTP");
  if (file === "store.ts" && /\/(actions|routes|jobs)\.ts$/.test(target))
    return refuse("data flows store -> action -> route");
  if (file === "actions.ts" && /\/(routes|jobs)\.ts$/.test(target))
    return refuse("data flows store -> action -> route");
  return [];
}

/** Where time, chance and the environment may be touched; elsewhere they arrive as arguments. */
const EFFECTS: { what: string; pattern: RegExp; only: string }[] = [
  { what: "reads the environment", pattern: /\bprocess\.env\b/, only: "core/config/environment.ts" },
  { what: "reads the time", pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, only: "core/clock.ts" },
  { what: "draws randomness", pattern: /\bMath\.random\(|\brandom(Bytes|UUID|Int|FillSync)\b/, only: "core/crypto.ts" },
];

function effectBreaches(path: string, text: string): string[] {
  if (!PRODUCTION.test(path)) return [];
  const code = withoutComments(text);
  return EFFECTS.filter(({ pattern, only }) => path !== only && pattern.test(code)).map(
    ({ what, only }) => `${path} ${what}: only ${only} does`,
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}

function cycles(graph: Map<string, Import[]>): string[] {
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push(`these files import each other in a circle: ${[...trail.slice(start), path].join(" -> ")}`);
      return;
    }
    if (finished.has(path)) return;
    for (const { target, own } of graph.get(path) ?? []) if (own && graph.has(target)) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}
