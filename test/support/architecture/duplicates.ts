import type { Source, Violation } from "./source";

const LINES = 12;

/** Stretches of 12 lines or more that stand twice outside tests; imports and comments do not count. */
export function duplicateViolations(sources: Source[]): Violation[] {
  const places = new Map<string, { path: string; line: number }>();
  return sources
    .filter(({ path }) => !path.startsWith("test/"))
    .flatMap((source) => {
      let lastLine = 0;
      return stretchesOf(source).flatMap(({ text, line }) => {
        const first = places.get(text);
        if (first === undefined) {
          places.set(text, { path: source.path, line });
          return [];
        }
        // Of a longer stretch only its beginning is reported.
        const continues = line <= lastLine;
        lastLine = line + LINES;
        const problem = `repeats ${LINES} lines of ${first.path}:${first.line}`;
        const fix = "move them into a function that both call";
        return continues ? [] : [{ path: source.path, line, problem, fix }];
      });
    });
}

function stretchesOf({ text }: Source): { text: string; line: number }[] {
  const lines = text
    .split("\n")
    .map((content, at) => ({ content: content.trim().replace(/\s+/g, " "), line: at + 1 }))
    .filter(({ content }) => content !== "" && !/^(import |\/\/|\/\*|\*)/.test(content));
  return lines.slice(0, Math.max(0, lines.length - LINES + 1)).map(({ line }, at) => ({
    text: lines
      .slice(at, at + LINES)
      .map(({ content }) => content)
      .join("\n"),
    line,
  }));
}
