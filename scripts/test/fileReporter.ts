import { relative } from "node:path";
import { styleText } from "node:util";
import { type Runnable, type Runner, Runner as MochaRunner, reporters, type Test } from "mocha";

const { EVENT_HOOK_END, EVENT_RUN_END, EVENT_TEST_END, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = MochaRunner.constants;

/** What became of one test file. */
interface FileResult {
  file: string;
  passed: number;
  failed: number;
  skipped: string[];
  milliseconds: number;
}

/**
 * A mocha reporter for the whole suite: one line a file, with its time and the tests it skipped; at the end mocha's own
 * counts, and every failure in full under its file's name.
 */
export default class FileReporter extends reporters.Base {
  private current: FileResult | undefined;

  constructor(runner: Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.on(EVENT_HOOK_END, (hook) => {
      // The suite's own hooks belong to no file.
      if (hook.file !== undefined || this.current !== undefined) this.resultOf(hook).milliseconds += hook.duration ?? 0;
    });
    runner.on(EVENT_TEST_PENDING, (test) => this.resultOf(test).skipped.push(test.fullTitle()));
    runner.on(EVENT_TEST_FAIL, (test) => (this.resultOf(test).failed += 1));
    runner.on(EVENT_TEST_END, (test) => {
      const result = this.resultOf(test);
      result.milliseconds += test.duration ?? 0;
      if (test.state === "passed") result.passed += 1;
    });
    runner.once(EVENT_RUN_END, () => {
      this.fileEnded();
      this.failures = this.failures.map(underFileName);
      this.epilogue();
    });
  }

  /** Files come one after another: a parallel run hands over a file's events when it has ended. */
  private resultOf(runnable: Runnable): FileResult {
    const file = runnable.file === undefined ? this.current?.file : relative(process.cwd(), runnable.file);
    if (this.current !== undefined && this.current.file === file) return this.current;
    this.fileEnded();
    return (this.current = { file: file ?? "unknown file", passed: 0, failed: 0, skipped: [], milliseconds: 0 });
  }

  private fileEnded(): void {
    if (this.current === undefined) return;
    const { file, passed, failed, skipped, milliseconds } = this.current;
    const mark = failed > 0 ? paint("red", "failed") : paint("green", "ok    ");
    const seconds = `${(milliseconds / 1000).toFixed(1).padStart(6)} s`;
    process.stdout.write(`${mark}  ${seconds}  ${file}  ${passed} passed${failed > 0 ? `, ${failed} failed` : ""}\n`);
    for (const title of skipped) process.stdout.write(`          skipped: ${title}\n`);
  }
}

/** The failure as mocha lists it, with the file as its outermost title. */
function underFileName(test: Test): Test {
  const titles = [relative(process.cwd(), test.file ?? "unknown file"), ...test.titlePath()];
  return Object.assign(Object.create(test) as Test, { titlePath: () => titles });
}

function paint(colour: "red" | "green", text: string): string {
  return reporters.Base.useColors ? styleText(colour, text) : text;
}
