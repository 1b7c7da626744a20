import ts from "typescript";
import { calleeName, isProduction, nodesOf, type Source, type Violation } from "./source";

/** Where collections outside of the API are declared; a slice declares its own in store.ts. */
const DECLARING =
  /(^api\/.+\/store\.ts|^chain\/relayer\/(transactions|spending|stopSwitch)\.ts|^core\/jobs\/deadLetters\.ts|^core\/keys\/dataKeys\.ts|^projection\/models\.ts)$/;
/** Calls that reach a collection by its name, past the store. */
const REACHES = /^(collection|rawCollection|batchFindById|findById)$/;
const WRITES =
  /^(insertOne|insertMany|create|updateOne|updateMany|replaceOne|deleteOne|deleteMany|bulkWrite|drop|findOneAnd\w+)$/;

interface Declaration {
  name: string;
  path: string;
  line: number;
}

/** One store a collection: declared once, and reached by no other file of production. */
export function collectionViolations(sources: Source[]): Violation[] {
  const production = sources.filter(({ path }) => isProduction(path));
  const declarations = production.flatMap(declarationsOf);
  return [
    ...declarations.flatMap((declaration) => declaredWrongly(declaration, declarations)),
    ...production.flatMap((source) => [...reachedWrongly(source, declarations), ...projectionWrites(source)]),
  ];
}

/** `{ collection: "users" }` in a schema's options, and the names that a file of schemas lists in `const NAMES`. */
function declarationsOf(source: Source): Declaration[] {
  return nodesOf(source, (node) => {
    if (ts.isNewExpression(node) && calleeName(node) === "Schema") return optionOf(node.arguments?.[1]);
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== "NAMES" || !/new Schema\(/.test(source.text)) return;
    return literalsOf(node.initializer);
  }).flatMap(({ line, found }) => found.map((name) => ({ name, path: source.path, line })));
}

function optionOf(options: ts.Node | undefined): string[] | undefined {
  if (options === undefined || !ts.isObjectLiteralExpression(options)) return undefined;
  return options.properties.flatMap((property) => {
    if (!ts.isPropertyAssignment(property) || property.name.getText() !== "collection") return [];
    return ts.isStringLiteralLike(property.initializer) ? [property.initializer.text] : [];
  });
}

function literalsOf(node: ts.Node | undefined): string[] | undefined {
  const names: string[] = [];
  node?.forEachChild(function collect(child): void {
    if (ts.isStringLiteralLike(child)) names.push(child.text);
    child.forEachChild(collect);
  });
  return names;
}

function declaredWrongly({ name, path, line }: Declaration, all: Declaration[]): Violation[] {
  const first = all.find((other) => other.name === name);
  if (!DECLARING.test(path)) {
    const fix = "move the schema and its queries to the store.ts of a slice or sub-slice";
    return [{ path, line, problem: `declares the collection ${name} outside of a store`, fix }];
  }
  if (first === undefined || first.path === path) return [];
  const fix = `call what ${first.path} offers; of another slice, take it as a port`;
  return [{ path, line, problem: `declares the collection ${name}, as ${first.path} does`, fix }];
}

function reachedWrongly(source: Source, declarations: Declaration[]): Violation[] {
  return nodesOf(source, (node) => {
    if (!ts.isCallExpression(node) || !REACHES.test(calleeName(node) ?? "")) return undefined;
    const names = node.arguments.filter(ts.isStringLiteralLike).map(({ text }) => text);
    return declarations.find(({ name, path }) => path !== source.path && names.includes(name));
  }).map(({ line, found: { name, path } }) => ({
    path: source.path,
    line,
    problem: `reaches into the collection ${name} of ${path}`,
    fix: `add a named query to ${path} and call that`,
  }));
}

/** The indexer writes the projection; everybody else reads it. */
function projectionWrites(source: Source): Violation[] {
  const fix = "read it by the named queries of projection/queries.ts; only the indexer writes it";
  if (source.path.startsWith("projection/")) {
    return nodesOf(source, (node) => (WRITES.test(calleeName(node) ?? "") ? calleeName(node) : undefined)).map(
      ({ line, found }) => ({ path: source.path, line, problem: `writes the projection (${found})`, fix }),
    );
  }
  if (source.path.startsWith("indexer/")) return [];
  return nodesOf(source, (node) => (calleeName(node) === "createRegistryCollections" ? true : undefined)).map(
    ({ line }) => ({ path: source.path, line, problem: "takes the projection's collections themselves", fix }),
  );
}
