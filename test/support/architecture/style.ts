import ts from "typescript";
import { nodesOf, type Source, type Violation } from "./source";

/** The functions that may be named `open...`, and what each opens. */
const OPENS: Record<string, string> = {
  open: "what its object is: a key file, a journal, a sealed text, a page in a browser",
  openFileKeyStore: "the key files of a folder",
  openResponseKeys: "the key files of a gateway",
  openConnections: "the connections of a process",
  openChain: "the journal file of a development chain",
  openSession: "a user's session, which is closed again",
  openTab: "a connection to a browser's tab",
};

/** Not OpenAPI, whose name begins alike. */
const OPEN_NAME = /^open(?!Api)([A-Z]|$)/;

/** Habits of style that syntax shows. */
export function styleViolations(sources: Source[]): Violation[] {
  return sources.flatMap((source) => [...packing(source), ...namesThatOpen(source), ...switchesWithoutDefault(source)]);
}

/** `...{ a, b }`, also by way of a constant that is used for nothing else. */
function packing(source: Source): Violation[] {
  const fix = "write ordinary fields";
  return nodesOf(source, spreadOf).flatMap(({ line, found }) => {
    if (ts.isObjectLiteralExpression(found)) {
      return [{ path: source.path, line, problem: "spreads an object written in place", fix }];
    }
    if (!ts.isIdentifier(found) || !isSpreadOnly(source, found.text)) return [];
    const problem = `spreads ${found.text}, an object made for nothing else`;
    return [{ path: source.path, line, problem, fix }];
  });
}

function spreadOf(node: ts.Node): ts.Expression | undefined {
  if (!ts.isSpreadAssignment(node) && !ts.isSpreadElement(node) && !ts.isJsxSpreadAttribute(node)) return undefined;
  return bare(node.expression);
}

function bare(node: ts.Expression): ts.Expression {
  const wraps = ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node);
  return wraps ? bare(node.expression) : node;
}

/** Whether the name is a constant object that occurs twice: where it is made, and where the next statement spreads it. */
function isSpreadOnly(source: Source, name: string): boolean {
  const places = nodesOf(source, (node) => (ts.isIdentifier(node) && node.text === name ? node : undefined));
  const [made, spread] = places.map(({ found }) => found);
  if (made === undefined || spread === undefined || places.length !== 2) return false;
  const { parent } = made;
  if (!ts.isVariableDeclaration(parent) || parent.initializer === undefined) return false;
  if (!ts.isObjectLiteralExpression(bare(parent.initializer))) return false;
  const statement = parent.parent.parent;
  const siblings = ts.isBlock(statement.parent) ? statement.parent.statements : [];
  const next = siblings[siblings.findIndex((sibling) => sibling === statement) + 1];
  return next !== undefined && siblings.length > 0 && isDirectlyIn(spread, next);
}

/** Whether no function lies between a node and the statement that holds it. */
function isDirectlyIn(node: ts.Node, statement: ts.Node): boolean {
  if (node === statement) return true;
  if (ts.isFunctionLike(node) || ts.isSourceFile(node)) return false;
  return isDirectlyIn(node.parent, statement);
}

function namesThatOpen(source: Source): Violation[] {
  return nodesOf(source, functionName)
    .filter(({ found }) => OPEN_NAME.test(found) && !(found in OPENS))
    .map(({ line, found }) => ({
      path: source.path,
      line,
      problem: `names a function ${found}: open... opens a connection or a file`,
      fix: `name it create${found.slice(4)} or connect${found.slice(4)}, or list in OPENS what it opens`,
    }));
}

function functionName(node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) {
    return node.name?.getText();
  }
  if (!ts.isVariableDeclaration(node) || node.initializer === undefined) return undefined;
  const isFunction = ts.isArrowFunction(node.initializer) || ts.isFunctionExpression(node.initializer);
  return isFunction ? node.name.getText() : undefined;
}

/** A new event or state must fail to compile wherever the product decides on it. */
function switchesWithoutDefault(source: Source): Violation[] {
  if (source.path.startsWith("test/")) return [];
  const withoutDefault = (node: ts.Node) =>
    ts.isSwitchStatement(node) && !node.caseBlock.clauses.some(ts.isDefaultClause) ? node : undefined;
  return nodesOf(source, withoutDefault).map(({ line, found }) => ({
    path: source.path,
    line,
    problem: `decides on ${found.expression.getText()} without a default`,
    fix: "end the switch in `default: assertNever(...)` of core/errors.ts, or say what becomes of text from outside",
  }));
}
