import ts from "typescript";
import { isProduction, nodesOf, type Source, type Violation } from "./source";

/** Where time, chance and the environment may be touched; elsewhere they arrive as arguments. */
const EFFECTS: { problem: string; only: string; fix: string; is(node: ts.Node): boolean }[] = [
  {
    problem: "reads the environment",
    only: "core/config/environment.ts",
    fix: "declare the variable in the owner's file of core/config and take the parsed value",
    is: readsEnvironment,
  },
  {
    problem: "reads the time",
    only: "core/clock.ts",
    fix: "take `now`, a Clock or monotonicMs of core/clock.ts",
    is: readsTime,
  },
  {
    problem: "draws randomness",
    only: "core/crypto.ts",
    fix: "call a function of core/crypto.ts",
    is: drawsRandomness,
  },
];

/** Production code that touches the environment, the time or randomness outside the one file that may. */
export function effectViolations(sources: Source[]): Violation[] {
  return sources
    .filter(({ path }) => isProduction(path))
    .flatMap((source) =>
      EFFECTS.filter(({ only }) => source.path !== only).flatMap(({ problem, only, fix, is }) =>
        nodesOf(source, (node) => is(node) || undefined).map(({ line }) => ({
          path: source.path,
          line,
          problem: `${problem}: only ${only} does`,
          fix,
        })),
      ),
    );
}

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return isNamed(node.expression, "process") && node.name.text === "env";
  if (ts.isElementAccessExpression(node)) {
    return isNamed(node.expression, "process") && /^["'`]env["'`]$/.test(node.argumentExpression.getText());
  }
  // const { env } = process, import { env } from "node:process"
  if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name)) {
    const isProcess = node.initializer !== undefined && isNamed(node.initializer, "process");
    return (
      isProcess && node.name.elements.some((element) => (element.propertyName ?? element.name).getText() === "env")
    );
  }
  return ts.isImportDeclaration(node) && /^["'](node:)?process["']$/.test(node.moduleSpecifier.getText());
}

function readsTime(node: ts.Node): boolean {
  if (ts.isNewExpression(node)) return isNamed(node.expression, "Date") && (node.arguments ?? []).length === 0;
  if (ts.isCallExpression(node) && isNamed(node.expression, "Date")) return true;
  if (!ts.isPropertyAccessExpression(node)) return false;
  const read = `${node.expression.getText()}.${node.name.text}`;
  return ["Date.now", "performance.now", "performance.timeOrigin", "process.hrtime"].includes(read);
}

const RANDOM = /^(random|randomBytes|randomUUID|randomInt|randomFill|randomFillSync|getRandomValues)$/;

function drawsRandomness(node: ts.Node): boolean {
  // Math.random(), crypto.randomUUID(), crypto.getRandomValues()
  if (ts.isPropertyAccessExpression(node)) {
    return RANDOM.test(node.name.text) && /^(globalThis\.)?(Math|crypto|webcrypto)$/.test(node.expression.getText());
  }
  if (!ts.isImportDeclaration(node) || !/^["'](node:)?crypto["']$/.test(node.moduleSpecifier.getText())) return false;
  const named = node.importClause?.namedBindings;
  if (named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.some((element) => RANDOM.test((element.propertyName ?? element.name).text));
}

function isNamed(node: ts.Node, name: string): boolean {
  return ts.isIdentifier(node) && node.text === name;
}
