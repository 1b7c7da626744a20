import ts from "typescript";
import { isPure } from "./folders";
import type { Import, Module } from "./imports";
import { calleeName, nodesOf, type Source, type Violation } from "./source";

/** The files of a slice, by docs/architecture.md; any other file of a slice is an extra one, for one idea. */
const ROLES = ["module", "rules", "store", "actions", "routes", "schemas", "jobs"] as const;
type Role = (typeof ROLES)[number] | "extra";

/** Where a file of a slice lies: api/<slice>/<folders>/<name>.ts */
interface Place {
  slice: string;
  /** Folders inside the slice: the sub-slice. */
  folders: string[];
  name: string;
  role: Role;
}

/** Files of api/ that belong to no slice. */
const ROOT_FILES = ["main", "worker", "modules", "workers"];
/** Folders of a slice that hold adapters instead of a sub-slice: one file for each outside party. */
const ADAPTER_FOLDERS = ["providers"];
const MEANINGLESS_NAME = /^(utils?|helpers?|common|misc|shared|types|index|service|manager)$/i;

const CONNECTIONS = ["mongoose", "ioredis", "bullmq", "express", "pino", "prom-client", "nodemailer", "ws"];

/** What makes a file a store, routes and so on; it stands in the file of that name. */
const CONTENT: { calls: RegExp; role: Role; what: string }[] = [
  { calls: /^model$/, role: "store", what: "makes a collection's model" },
  { calls: /^defineEndpoint$/, role: "routes", what: "defines an operation" },
  { calls: /^(createQueue|processQueue|startWorker|startSweeper)$/, role: "jobs", what: "makes a queue or its worker" },
  { calls: /^defineModule$/, role: "module", what: "defines the slice's module" },
];

/** The rules of the slices of api/: names of files and folders, what each holds, and whom it imports. */
export function sliceViolations(modules: Module[]): Violation[] {
  const places = modules.flatMap(({ source: { path } }) => placeOf(path) ?? []);
  return modules.flatMap((module) => {
    const { path } = module.source;
    const place = placeOf(path);
    if (place === undefined) return [...rootFile(path), ...importsOfHttp(module)];
    return [
      ...nameViolations(path, place, places),
      ...contentViolations(module.source, place),
      ...module.imports.flatMap((imported) => importViolation(path, place, imported)),
    ];
  });
}

/** Undefined outside of slices. */
function placeOf(path: string): Place | undefined {
  const [folder, slice, ...rest] = path.replace(/\.tsx?$/, "").split("/");
  const name = rest.pop();
  if (folder !== "api" || slice === undefined || slice === "http" || name === undefined) return undefined;
  const role = ROLES.find((known) => known === name) ?? "extra";
  return { slice, folders: rest, name, role };
}

function rootFile(path: string): Violation[] {
  const name = /^api\/([^/]+)\.tsx?$/.exec(path)?.[1];
  if (name === undefined || ROOT_FILES.includes(name)) return [];
  const fix = "move it into the slice that needs it, or into api/http";
  return [{ path, line: 1, problem: `is none of api/{${ROOT_FILES.join(",")}}.ts`, fix }];
}

function importsOfHttp({ source: { path }, imports }: Module): Violation[] {
  if (!path.startsWith("api/http/")) return [];
  return imports
    .filter(({ target }) => placeOf(target) !== undefined || /^api\/[^/]+$/.test(target))
    .map(({ line, target }) => {
      const fix = "take it as an argument, typed in api/http";
      return { path, line, problem: `imports ${target}: what slices share knows no slice`, fix };
    });
}

function nameViolations(path: string, place: Place, all: Place[]): Violation[] {
  const violation = (problem: string, fix: string): Violation => ({ path, line: 1, problem, fix });
  const { slice, folders, name, role } = place;
  const same = all.filter((other) => other.slice === slice);
  const found: Violation[] = [];
  if (MEANINGLESS_NAME.test(name)) {
    found.push(violation(`is named ${name}, which says nothing of what it holds`, "name the one idea it holds"));
  }
  const suffix = ROLES.find((known) => new RegExp(`[a-z]${known}$`, "i").test(name));
  if (role === "extra" && suffix !== undefined) {
    const folder = name.slice(0, -suffix.length);
    found.push(violation(`is a second ${suffix}.ts of its slice`, `make it ${folder}/${suffix}.ts, a sub-slice`));
  }
  if (folders.length > 1) {
    found.push(violation("lies in a sub-slice of a sub-slice", "move it up, or make the sub-slice a slice"));
  }
  const beside = same.filter((other) => other.folders.join("/") === folders.join("/"));
  const [folder] = folders;
  if (folder !== undefined && !ADAPTER_FOLDERS.includes(folder) && beside.every((other) => other.role === "extra")) {
    found.push(
      violation(
        `lies in ${folder}/, which holds no file of a slice`,
        `give it one of ${ROLES.join(", ")}, or move its files up`,
      ),
    );
  }
  // A folder such as webhooks/, which only groups, has a module in each of its parts.
  const modules = same.filter((other) => other.role === "module");
  const part = same.some((other) => other.folders.length === 0) ? "" : folders[0];
  if (!modules.some((module) => (module.folders[0] ?? "") === part)) {
    found.push(
      violation(
        `belongs to a slice without module.ts`,
        `write api/${[slice, part].filter(Boolean).join("/")}/module.ts`,
      ),
    );
  }
  if (role === "module" && folders.length > 0 && part === "") {
    found.push(violation("is a module inside a slice", `wire it in api/${slice}/module.ts`));
  }
  return found;
}

function contentViolations(source: Source, { role }: Place): Violation[] {
  const calls = nodesOf(source, (node) => (ts.isNewExpression(node) ? undefined : calleeName(node)));
  return CONTENT.flatMap(({ calls: pattern, role: home, what }) =>
    calls
      .filter(({ found }) => home !== role && pattern.test(found))
      .map(({ line }) => ({
        path: source.path,
        line,
        problem: `${what}: only ${home}.ts does`,
        fix: `move it to the slice's ${home}.ts, or to that of a sub-slice`,
      })),
  );
}

function importViolation(path: string, place: Place, imported: Import): Violation[] {
  const { line, target, kind } = imported;
  const broken = kind === "own" ? brokenRule(place, imported) : brokenPackageRule(place, imported);
  if (broken === undefined) return [];
  const [rule, fix] = broken;
  return [{ path, line, problem: `imports ${target}: ${rule}`, fix }];
}

type BrokenRule = [rule: string, fix: string];

function brokenPackageRule({ role }: Place, { target, typeOnly }: Import): BrokenRule | undefined {
  if (typeOnly || !CONNECTIONS.includes(target)) return undefined;
  if (role === "rules") return ["rules are pure", "take the value as an argument"];
  if (role === "actions" || role === "routes" || role === "schemas") {
    return [`${role} know no driver`, "take what it does as a function in deps"];
  }
  return undefined;
}

function brokenRule(place: Place, { target, typeOnly }: Import): BrokenRule | undefined {
  const { slice, role } = place;
  const other = placeOf(target);
  if (other !== undefined && other.slice !== slice) {
    if (role === "module" && other.role === "module" && typeOnly) return undefined;
    return ["a slice never imports a slice", "take it as a port, an argument that module.ts types"];
  }
  if (target.startsWith("api/") && other === undefined && !target.startsWith("api/http/")) {
    return ["a slice never imports what is made of slices", "take it as an argument"];
  }
  return withinSlice(role, other, { target, typeOnly });
}

/** What each file of a slice may not import, of its own slice and of the folders below. */
function withinSlice(
  role: Role,
  other: Place | undefined,
  { target, typeOnly }: Pick<Import, "target" | "typeOnly">,
): BrokenRule | undefined {
  const is = (...roles: Role[]) => other !== undefined && roles.includes(other.role);
  const http = target.startsWith("api/http/");
  const pass: BrokenRule = [
    "data flows store -> action -> route",
    "turn the call round, or move the shared part to rules.ts",
  ];
  if (role === "module") return undefined;
  if (is("module")) return ["only the list of modules imports module.ts", "take it as an argument"];
  if (target.startsWith("process/") && !typeOnly) return ["only module.ts wires", "take it as an argument"];
  if (is("store") && !typeOnly && role !== "store") {
    return ["a store is created in module.ts alone", "import its type, and take the store in deps"];
  }
  if (role === "rules") {
    const own = is("rules", "extra");
    return own || isPure(target) ? undefined : ["rules are pure", "take the value as an argument"];
  }
  if (role === "store") {
    if (http || is("actions", "routes", "schemas", "jobs")) return pass;
    // A type such as Context says what a store is given; it loads nothing.
    const below = /^(chain|projection)\//.test(target);
    return below ? ["a store knows rules and core alone", "take the value as an argument"] : undefined;
  }
  if (role === "actions") {
    if (http) return ["actions do not know HTTP", "throw an error of core/errors.ts, return plain data"];
    return is("routes", "schemas", "jobs") ? pass : undefined;
  }
  if (role === "extra" || role === "schemas") return is("routes", "jobs") ? pass : undefined;
  if (role === "routes") return is("jobs") ? pass : undefined;
  return is("routes") || http ? pass : undefined;
}
