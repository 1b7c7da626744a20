import { z } from "zod";
import type { BootProblem } from "../errors";
import { weaknessOf } from "./secretStrength";

/**
 * Who reads a configuration: a process, or a command of scripts/operate; `operator` is one that works on the databases,
 * `command` one that needs the chain alone.
 */
export type ProcessName = "api" | "worker" | "indexer" | "gateway" | "operator" | "command";

/** Whose configuration is read. */
export interface ProcessKind {
  processName: ProcessName;
  /** Whether defaults, known values and weak secrets are refused, and nothing of development is offered. */
  production: boolean;
}

/** The variables of the environment that are not empty. */
export type Given = Record<string, string | undefined>;

/** One owner's part of the configuration: its variables, and what they become. */
export interface PartDefinition<Environment extends z.ZodRawShape, Values extends object> {
  /** Every variable of this part, its form and its default for development. `.env.example` explains each. */
  environment: Environment;
  /**
   * Variables that have a default for development and must be given in production, each with the way to fix it; with
   * `only`, to these processes alone: a secret is asked for where it is used and nowhere else.
   */
  requiredInProduction?: { variable: keyof Environment & string; only?: ProcessName[]; fix: string }[];
  /** Secrets that production refuses when they can be guessed; those given as lists are examined one by one. */
  secrets?: { variable: keyof Environment & string; prefix?: string; fix?: string }[];
  /** What is wrong though each variable has the right form: refused defaults, variables that belong together. */
  problems?(given: Given, kind: ProcessKind): BootProblem[];
  /** What this part adds to the configuration. */
  shape(env: z.infer<z.ZodObject<Environment>>, kind: ProcessKind): Values;
}

/** A part that config.ts puts together with the others. */
export interface ConfigPart<Values extends object> {
  /** The names of its variables. */
  variables: string[];
  /** @returns every problem found, and without any the values */
  read(given: Given, kind: ProcessKind): { problems: BootProblem[]; values: Values | undefined };
}

/** Makes a part of the configuration out of its definition. */
export function configPart<Environment extends z.ZodRawShape, Values extends object>(
  definition: PartDefinition<Environment, Values>,
): ConfigPart<Values> {
  const schema = z.object(definition.environment);
  return {
    variables: Object.keys(definition.environment),
    read(given, kind) {
      const parsed = schema.safeParse(given);
      const malformed = (parsed.error?.issues ?? []).map(problemOfIssue);
      const isWellFormed = ({ subject }: BootProblem) => malformed.every((problem) => problem.subject !== subject);
      const problems = [
        ...malformed,
        ...missing(definition, given, kind),
        ...weak(definition, given, kind).filter(isWellFormed),
        ...(definition.problems?.(given, kind) ?? []),
      ];
      return { problems, values: parsed.success ? definition.shape(parsed.data, kind) : undefined };
    },
  };
}

/** A variable that production must be given, and was not. */
export function missingInProduction(subject: string, fix: string): BootProblem {
  return { subject, problem: "has no default in production", fix };
}

function missing<Environment extends z.ZodRawShape>(
  { requiredInProduction = [] }: Pick<PartDefinition<Environment, object>, "requiredInProduction">,
  given: Given,
  { processName, production }: ProcessKind,
): BootProblem[] {
  if (!production) return [];
  return requiredInProduction
    .filter(({ variable, only }) => given[variable] === undefined && (only?.includes(processName) ?? true))
    .map(({ variable, fix }) => missingInProduction(variable, fix));
}

const DRAW_SECRET = "draw one at random, for instance with `openssl rand -base64 32`";

function weak<Environment extends z.ZodRawShape>(
  { secrets = [] }: Pick<PartDefinition<Environment, object>, "secrets">,
  given: Given,
  { production }: ProcessKind,
): BootProblem[] {
  if (!production) return [];
  return secrets.flatMap(({ variable, prefix = "", fix = DRAW_SECRET }) => {
    const parts = (given[variable] ?? "").split(",").filter((part) => part !== "");
    const problems = parts.map((part) => weaknessOf(part.trim().slice(part.startsWith(prefix) ? prefix.length : 0)));
    const [problem] = problems.filter((found) => found !== null);
    return problem === undefined ? [] : [{ subject: variable, problem, fix }];
  });
}

function problemOfIssue(issue: z.core.$ZodIssue): BootProblem {
  const subject = String(issue.path[0] ?? "environment");
  return { subject, problem: issue.message, fix: `correct ${subject}; .env.example shows its form and default` };
}
